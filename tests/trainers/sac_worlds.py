"""Small SAC trainers, and worlds that keep what they show to them."""

import numpy as np
import tensorflow as tf

from mlagents_tf.nn.weights import named_weights
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.trainers.small import small_trainer

TWO_VECTORS = (ObservationSpec((3,)), ObservationSpec((2,)))
SPECS = {
    "continuous": Spec(TWO_VECTORS, ActionSpec(2)),
    "discrete": Spec(TWO_VECTORS, ActionSpec(0, (2, 3))),
    "hybrid": Spec(TWO_VECTORS, ActionSpec(2, (3, 2))),
}

ONE_STEP = {"train_interval": 60, "steps_per_update": 60}  # of the gradient in an update


def small_sac(actions="hybrid", **keys):
    hyperparameters = ONE_STEP | keys.pop("hyperparameters", {})
    return small_trainer(
        SPECS[actions], trainer_type="sac", hyperparameters=hyperparameters, **keys
    )


def copied(weights):
    return {name: np.array(array) for name, array in weights.items()}


class Draws:
    """A generator whose normal draws are kept."""

    def __init__(self, rng):
        self.rng, self.normals = rng, []

    def standard_normal(self, *args, **kwargs):
        self.normals.append(self.rng.standard_normal(*args, **kwargs))
        return self.normals[-1]

    def __getattr__(self, name):
        return getattr(self.rng, name)


def recorded_update(trainer):
    """Statistics of an update, and its minibatches [B] with the noise [B, C, draws] of each."""
    batches, rng, sample = [], Draws(trainer.rng), trainer.replay.sample

    def sampled(*args):
        batches.append(sample(*args))
        return batches[-1]

    trainer.rng, trainer.replay.sample = rng, sampled
    statistics = trainer.update()
    trainer.rng, trainer.replay.sample = rng.rng, sample
    steps = [
        (tf.nest.map_structure(lambda leaf, i=i: leaf[i], batch), noise[i])
        for batch, noise in zip(batches, rng.normals, strict=True)
        for i in range(len(noise))
    ]
    return statistics, steps


class Watched:
    """A random world that shows itself to a trainer, and keeps all that was to be seen."""

    def __init__(self, trainer, seed=0, num_agents=6):
        self.trainer, self.world = trainer, RandomWorld(trainer.spec, seed, num_agents)
        self.seen = []
        self.look(self.world.step)

    def look(self, step):
        self.seen.append(np.concatenate(step.obs, axis=1))
        self.trainer.observe(step)

    def turn(self):
        self.trainer.act(self.world.step)
        self.look(self.world.advance())

    def until_ready(self):
        while not self.trainer.ready():
            self.turn()
        return np.concatenate(self.seen)


def shaken(trainer, seed=0):
    """Moves all weights, so that no two coefficients, heads or targets are alike any more."""
    rng = np.random.default_rng(seed)
    trainer.load_weights(
        {
            name: array
            if "normalizer" in name
            else (array + 0.4 * rng.standard_normal(array.shape)).astype(np.float32)
            for name, array in trainer.weights().items()
        }
    )


def momentums(trainer):
    """Adam's first moments by the names of the weights."""
    names = {id(weight): name for name, weight in named_weights(trainer.network).items()}
    slots = trainer.optimizer.variables[2::2]  # after the count and the learning rate
    trained = trainer.network.trainable_variables
    return {names[id(v)]: m.numpy() for v, m in zip(trained, slots, strict=True)}
