"""When SAC trains, and how much at once; no gradient is computed here."""

import json

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers import sac
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from mlagents_tf.trainers.sac import SACTrainer
from mlagents_tf.trainers.trainer import TrainerState
from tests.trainers.small import small_settings

CONTINUOUS = SPECS["continuous, one vector"]
AGENTS = 12


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")


class Idle(SACTrainer):
    """Counts gradient steps instead of making them."""

    def __init__(self, *args):
        super().__init__(*args)
        self.calls, self.learning_rates = [], []

    def _update(self, packed, images, learning_rate, seen, lesson):
        self.calls.append(len(packed))
        self.learning_rates.append(float(learning_rate))
        return tf.concat([tf.zeros(len(self._tags)), self.network.policy.packed_weights()], axis=0)


def idle(spec=CONTINUOUS, **hyperparameters):
    """With replay for 10 000 rows and batches that need two turns of twelve agents."""
    keys = {"batch_size": 24, "buffer_size": 10_000, "steps_per_update": 1, "train_interval": 1}
    settings = small_settings("sac", max_steps=2400, hyperparameters=keys | hyperparameters)
    return Idle("walker", spec, settings, 0)


def played(trainer, turns, world=None):
    """Plays as the run does; for each turn how many gradient steps were made, and the world."""
    world = world or RandomWorld(trainer.spec, 0, AGENTS)
    if not trainer.steps:
        trainer.observe(world.step)
    made = []
    for _ in range(turns):
        before = sum(trainer.calls)
        trainer.act(world.step)
        trainer.observe(world.advance())
        while trainer.ready():
            trainer.update()
        made.append(sum(trainer.calls) - before)
    return made, world


@pytest.mark.parametrize("steps", [0.1, 0.3, 0.5, 1, 3, 7, 10, 12, 30])
def test_steps_per_update_is_kept_on_average(steps):
    trainer = idle(steps_per_update=steps)
    made, _ = played(trainer, 40)
    # the first turn of twelve steps does not fill a batch, and nothing is owed for it
    owed = np.maximum(np.arange(40) * AGENTS, 0)
    assert trainer.steps == 40 * AGENTS
    assert np.abs(np.cumsum(made) - owed / steps).max() < 1 + 1e-6
    assert (np.cumsum(made) <= owed / steps + 1e-6).all()


def test_twelve_agents_and_ten_steps_per_update_by_hand():
    made, _ = played(idle(steps_per_update=10), 11)
    # 12, 24, 36, 48, 60, then 72 ... steps are owed for
    assert made == [0, 1, 1, 1, 1, 2, 1, 1, 1, 1, 2]


def test_nothing_is_owed_before_a_batch_is_there():
    made, _ = played(idle(batch_size=60), 8)
    assert made == [0, 0, 0, 0, 12, 12, 12, 12]


def test_nothing_is_owed_before_buffer_init_steps():
    made, _ = played(idle(buffer_init_steps=72), 8)
    assert made == [0, 0, 0, 0, 0, 12, 12, 12]


def test_train_interval_gathers_updates():
    made, _ = played(idle(train_interval=36), 13)
    assert made == [0, 0, 0, 36, 0, 0, 36, 0, 0, 36, 0, 0, 36]


def test_num_update_of_the_2019_files_is_made_in_every_interval():
    # train_interval 36 and num_update 4
    trainer = idle(train_interval=36, steps_per_update=9)
    assert played(trainer, 13)[0] == [0, 0, 0, 4, 0, 0, 4, 0, 0, 4, 0, 0, 4]
    assert trainer.calls == [1] * 16


def test_what_is_due_is_made_of_few_calls_of_three_sizes():
    trainer = idle(train_interval=240, steps_per_update=2.4)
    made, _ = played(trainer, 41)
    assert [count for count in made if count] == [100, 100]
    assert trainer.calls == [64] + [8] * 4 + [1] * 4 + [64] + [8] * 4 + [1] * 4


def test_samples_of_large_images_are_drawn_in_smaller_calls(monkeypatch):
    monkeypatch.setattr(sac, "SAMPLE_BYTES", 2 * 24 * 10 * 1_000)
    spec = Spec((ObservationSpec((1_000 - 64,), dtype="uint8"),), ActionSpec(2))
    settings = small_settings("sac", hyperparameters={"batch_size": 24})
    trainer = Idle("walker", spec, settings, 0)
    assert list(trainer._compiled_updates) == [8, 1]
    monkeypatch.setattr(sac, "SAMPLE_BYTES", 1_000)
    assert list(Idle("walker", spec, settings, 0)._compiled_updates) == [1]


def test_forgetting_drops_what_is_owed_and_keeps_the_replay():
    trainer = idle(train_interval=100)
    played(trainer, 8)  # seven turns are owed for
    trainer.forget()
    assert not trainer.ready()
    assert trainer.replay.num_real == 8 * AGENTS
    assert trainer.credit == 0


def test_what_is_owed_outlives_a_checkpoint():
    trainer = idle(steps_per_update=7)
    _, world = played(trainer, 5)
    state = trainer.state()
    facts = json.loads(json.dumps(state.facts))
    other = idle(steps_per_update=7)
    other.load_state(TrainerState(state.arrays, facts))
    other.replay.put_back().update({n: a.copy() for n, a in trainer.replay.columns.items()})
    other.calls = list(trainer.calls)
    played(other, 10, world)
    assert trainer.credit == 48 % 7
    assert other.steps == 15 * AGENTS
    assert sum(other.calls) == 14 * AGENTS // 7


def test_a_lost_replay_is_filled_before_what_is_owed_is_made():
    trainer = idle(train_interval=100)
    played(trainer, 8)  # 84 steps are owed for
    state = trainer.state()
    other = idle(train_interval=50)
    other.load_state(state)
    other.replay.lose_rows()
    assert other.credit == 84
    assert not other.ready()
    made, _ = played(other, 3, RandomWorld(CONTINUOUS, 1, AGENTS))
    assert made[0] == 0
    assert sum(made) >= 84


def test_the_learning_rate_falls_with_the_steps_and_reaches_the_update():
    trainer = idle(
        learning_rate=0.01, learning_rate_schedule="linear", train_interval=120, steps_per_update=60
    )
    trainer.observe((world := RandomWorld(CONTINUOUS, 0, AGENTS)).step)
    found = []
    while len(found) < 2:
        trainer.act(world.step)
        trainer.observe(world.advance())
        if trainer.ready():
            found.append((trainer.steps, trainer.update()["Policy/Learning Rate"]))
    # of 2400 steps
    assert found == [(132, pytest.approx(0.00945)), (252, pytest.approx(0.00895))]
    assert trainer.learning_rates == pytest.approx([0.00945] * 2 + [0.00895] * 2, rel=1e-5)


def test_the_learning_rate_is_constant_unless_told_otherwise():
    trainer = idle(learning_rate=0.01)
    played(trainer, 20)
    assert set(trainer.learning_rates) == {np.float32(0.01)}


class Traced(SACTrainer):
    """Counts how often an update is built."""

    traces: tuple = ()

    def _update(self, packed, images, learning_rate, seen, lesson):
        self.traces += (packed.shape[0],)
        return super()._update(packed, images, learning_rate, seen, lesson)


def test_every_size_is_built_once_however_agents_come_and_go(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    keys = {"train_interval": 146, "steps_per_update": 2}  # 73 gradient steps
    settings = small_settings("sac", hyperparameters=keys, network_settings={"normalize": True})
    trainer = Traced("walker", CONTINUOUS, settings, 0)
    for num_agents in (6, 2, 9):
        trainer.abandon()
        world = RandomWorld(CONTINUOUS, 0, num_agents)
        trainer.observe(world.step)
        while not trainer.ready():
            trainer.act(world.step)
            trainer.observe(world.advance())
        trainer.update()
    assert trainer.traces == (64, 8, 1)


def test_a_replay_that_never_holds_a_minibatch_is_trained_on_once_it_is_full():
    trainer = idle(batch_size=60, buffer_size=60)  # twelve rows wait for an answer at any time
    made, _ = played(trainer, 20)
    assert trainer.replay.num_real < 60
    assert made == [0] * 3 + [AGENTS] * 17
