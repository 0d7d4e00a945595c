"""Policies of every kind that can be exported, and what they look at."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlagents_tf.export.signature import input_shapes, policy_function
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec
from tests.nn.networks import make_group, make_network, make_soft, random_obs, spec_of

IMAGE = ObservationSpec((3, 24, 20), dtype="uint8")
ROWS = (DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE)
ENTITIES = ObservationSpec((6, 4), dimension_properties=ROWS)
FEW = ObservationSpec((2, 3), dimension_properties=ROWS)
ACTIONS = {
    "continuous": ActionSpec(2),
    "discrete": ActionSpec(0, (2, 3)),
    "hybrid": ActionSpec(2, (3,)),
}
OBSERVATIONS = {
    "vector": {"sizes": (4,)},
    "vectors": {"sizes": (3, 2)},
    "goal": {"sizes": (3, 2), "goals": 1},
    "plain goal": {"sizes": (3, 2), "goals": 1, "separate_goals": False},
    "image": {"sizes": (), "others": (IMAGE,)},
    "image and vector": {"sizes": (3,), "others": (IMAGE, IMAGE), "vis_encode_type": "resnet"},
    "image and goal": {"sizes": (2,), "goals": 1, "others": (IMAGE,)},
    "entities": {"sizes": (), "others": (ENTITIES,)},
    "entities, image and vector": {"sizes": (3,), "others": (ENTITIES, IMAGE, FEW)},
}
ALGORITHMS = ("ppo", "sac")
MEMORIES = {"no memory": 0, "memory": 6}

FORMATS = ("onnx", "savedmodel", "litert")

EVERY_KIND = list(itertools.product(ACTIONS, OBSERVATIONS, ALGORITHMS, MEMORIES))
EVERY_CASE = list(itertools.product(ACTIONS, OBSERVATIONS, ALGORITHMS, MEMORIES, FORMATS))
PAIRWISE = [  # each pair of two properties is in one of these
    (action, seen, ALGORITHMS[(i + j) % 2], list(MEMORIES)[(i // 2 + j) % 2], FORMATS[(i + j) % 3])
    for i, seen in enumerate(OBSERVATIONS)
    for j, action in enumerate(ACTIONS)
]


def make_policy(actions, observations="vector", algorithm="ppo", memory="no memory", seed=0):
    """A normalising policy whose weights are large enough for its actions to differ."""
    shape = dict(OBSERVATIONS[observations])
    spec = spec_of(ACTIONS[actions], shape.pop("sizes"), shape.pop("goals", 0))
    spec = replace(spec, observations=(*shape.pop("others", ()), *spec.observations))
    make = {"ppo": make_network, "poca": make_group, "sac": make_soft}[algorithm]
    shape["memory_size"] = MEMORIES[memory]
    policy = make(spec, normalize=True, seed=seed, **shape).policy
    rng = np.random.default_rng(seed + 1)
    for weight in policy.heads.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return policy


def inputs_of(policy, rows=7):
    """Observations, masks (or None), memories, and all by the names of the model's inputs."""
    obs = random_obs(policy.spec, rows)
    inputs = {f"obs_{k}": array for k, array in enumerate(obs)}
    memories = np.random.default_rng(2).normal(0, 1, (rows, policy.memory_size))
    memories = memories.astype(np.float32)
    if policy.memory_size:
        inputs["recurrent_in"] = memories[:, None]
    allowed, actions = None, policy.spec.actions
    if actions.num_branches:
        allowed = np.ones((rows, actions.num_discrete), np.bool_)
        logits = policy(obs, memories)[2].numpy()
        # whatever would be taken in the first branch is forbidden in every second row
        first = logits[:, actions.branch_slices()[0]].argmax(axis=1)
        allowed[np.arange(0, rows, 2), first[::2]] = False
        inputs["action_masks"] = allowed.astype(np.float32)
    return obs, allowed, memories, inputs


class Unwritten:
    """A model that was never written: the function that would be, and what is to be `changed`."""

    path = Path("unwritten")

    def __init__(self, policy, **changed):
        self.inputs = input_shapes(policy.spec, policy.memory_size)
        self.changed = changed
        self._function = policy_function(policy)
        rows = {name: np.zeros((1, *shape), np.float32) for name, shape in self.inputs.items()}
        self.outputs = tuple(self.run(rows))

    def run(self, feeds):
        outputs = self._function(*(feeds[name] for name in self.inputs))
        outputs = {name: tensor.numpy() for name, tensor in outputs.items()}
        return outputs | {name: change(outputs) for name, change in self.changed.items()}
