import numpy as np

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.fuzz import FuzzEnv, random_spec
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec


def played(steps=800, **kwargs):
    """The steps of one run under random actions."""
    env = FuzzEnv(**kwargs)
    generator = np.random.default_rng(1)
    step = env.reset()[env.behavior]
    found = [step]
    for _ in range(steps):
        actions = random_actions(generator, env.specs[env.behavior].actions, step)
        step = env.step({env.behavior: actions})[env.behavior]
        found.append(step)
    return found


def test_agents_terminate_are_interrupted_vanish_and_pause():
    steps = played(seed=2)
    ended = [set(step.agent_ids[step.ended].tolist()) for step in steps]
    here = [set(step.agent_ids[~step.ended].tolist()) for step in steps]
    assert any(step.terminated.any() for step in steps)
    assert any(step.interrupted.any() for step in steps)
    missing = [
        (now, agent)
        for now in range(len(steps) - 1)
        for agent in here[now] - here[now + 1] - ended[now + 1]
    ]
    later = {agent for ids in here[-400:] for agent in ids}
    returned = [agent for now, agent in missing if any(agent in ids for ids in here[now + 2 :])]
    assert returned  # paused
    assert len(missing) > len(returned)  # vanished
    assert later


def test_some_agents_end_in_their_first_step():
    steps = played(seed=2)
    decided: set[int] = set()
    first_was_last = 0
    for step in steps:
        gone = set(step.agent_ids[step.ended].tolist())
        first_was_last += len(gone - decided)
        decided |= set(step.agent_ids[~step.ended].tolist())
    assert first_was_last > 10


def test_the_population_once_grows_tenfold():
    sizes = np.array([step.num_deciding for step in played(seed=2)])
    assert (sizes[1:] > 5 * np.maximum(sizes[:-1], 1)).any()


def test_the_first_number_of_an_observation_is_the_age():
    steps = played(steps=1, seed=3)
    assert (steps[0].obs[0][:, 0] == 0).all()
    oldest = steps[1].agent_ids < FuzzEnv.default_areas
    np.testing.assert_array_equal(steps[1].obs[1][:, 0], oldest.astype(np.float32))


def test_any_spec_can_be_given():
    spec = Spec((ObservationSpec((3, 4, 5), dtype="uint8"),), ActionSpec(2))
    step = played(steps=2, seed=1, spec=spec)[-1]
    assert step.obs[0].shape[1:] == (3, 4, 5)
    assert step.allowed_actions is None


def test_random_specs_are_of_all_kinds():
    specs = [random_spec(np.random.default_rng(seed)) for seed in range(40)]
    kinds = {(bool(s.actions.continuous_size), bool(s.actions.num_branches)) for s in specs}
    assert kinds == {(True, False), (False, True), (True, True)}
    assert {len(spec.observations) for spec in specs} == {1, 2, 3}
