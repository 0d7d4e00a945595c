"""SAC's update is the papers', on whatever the replay holds."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.policies import named_weights
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.trainers.pencil_sac import PencilSAC, Signal
from tests.trainers.small import small_trainer

TWO_VECTORS = (ObservationSpec((3,)), ObservationSpec((2,)))
SPECS = {
    "continuous": Spec(TWO_VECTORS, ActionSpec(2)),
    "discrete": Spec(TWO_VECTORS, ActionSpec(0, (2, 3))),
    "hybrid": Spec(TWO_VECTORS, ActionSpec(2, (3, 2))),
}


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """Plain graphs compile in half the time; the contract's tests compile with XLA."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


PAID = [Signal(lambda r: 2.0 * r, 0.9), Signal(lambda r: 0.5 + 0.0 * r, 0.5, True)]


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


LR, TAU = 0.01, 0.1
PENCIL = {
    "batch_size": 64,
    "buffer_size": 500,
    "train_interval": 120,
    "steps_per_update": 120,
    "learning_rate": LR,
    "tau": TAU,
}


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
@pytest.mark.parametrize("actions", SPECS)
def test_three_steps_are_those_of_pencil_and_paper(two_signals, actions, critic):
    trainer = small_trainer(
        SPECS[actions],
        trainer_type="sac",
        reward_signals=two_signals,
        hyperparameters=PENCIL | {"critic": critic},
        network_settings={"normalize": True, "num_layers": 2},
    )
    shaken(trainer)
    pencil = PencilSAC(trainer.weights(), trainer.spec.actions, PAID, TAU)
    world, ends = Watched(trainer), 0
    # later ones look more closely at the small than float32 does: Adam makes all steps as large
    for near in (1e-4, 1e-3, 1e-3):
        pencil.see(world.until_ready())
        statistics, [(batch, noise)] = recorded_update(trainer)
        ends += int(batch.terminated.sum())
        losses, _ = pencil.step(batch, noise[..., 0], noise[..., -1], LR)
        for tag, loss in zip(("Policy", "Value", "Q1", "Q2"), losses, strict=True):
            assert statistics[f"Losses/{tag} Loss"] == pytest.approx(loss, rel=near, abs=1e-6), tag
        for name, found in momentums(trainer).items():
            expected = pencil.moments[name][0]
            assert np.abs(found - expected).max() < near * np.abs(expected).max(), name
    assert ends
    for name, found in trainer.weights().items():
        # of up to 0.03 that Adam has moved; where a gradient is nearly 0 its sign is chance
        assert np.abs(found - pencil.w[name]).mean() < 1e-4, name
