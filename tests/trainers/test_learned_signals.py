"""Signals that learn beside PPO and SAC: on which rows, when, and what the policy sees of it."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.errors import TrainingError
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from mlagents_tf.trainers.sac import SACTrainer
from mlagents_tf.trainers.soft_losses import transitions_of
from tests.rewards.signals import write_demo
from tests.trainers.conftest import stand_in_for
from tests.trainers.sac_worlds import copied
from tests.trainers.small import fill, fill_and_update, small_settings, small_trainer

HYBRID = SPECS["hybrid, several vectors"]
NETWORK = {"network_settings": {"hidden_units": 8, "num_layers": 1}}
WHOLE = {"batch_size": 60, "buffer_size": 60, "num_epoch": 1}  # one minibatch of PPO


@pytest.fixture(autouse=True)
def eagerly(eager):
    pass


class Watching(RewardSignal):
    """Keeps what it is shown."""

    tags = ("Losses/Watching",)

    def __init__(self, *args):
        super().__init__(*args)
        self.trained, self.seeds = [], []

    def rewards(self, transitions):
        return self.strength * tf.ones_like(transitions.rewards)

    def train(self, transitions, seed):
        self.trained.append(tf.nest.map_structure(lambda x: x.numpy(), transitions))
        self.seeds.append(tuple(seed.numpy()))
        return tf.constant([float(len(self.trained)), 0.0])


@pytest.fixture
def watching(monkeypatch):
    stand_in_for("rnd", Watching, monkeypatch)
    return {"extrinsic": {}, "rnd": {}}


class Diary:
    """What every agent saw and did, by the observation at which it did."""

    def __init__(self, trainer, world):
        self.trainer, self.world = trainer, world
        self.now, self.entries = {}, {}
        trainer.observe(world.step)

    def turn(self):
        deciding = self.world.step.deciding()
        actions = self.trainer.act(self.world.step)
        for row, agent in enumerate(deciding.agent_ids):
            self.now[agent] = (deciding.obs[0][row], actions.continuous[row], actions.discrete[row])
        step = self.world.advance()
        self.trainer.observe(step)
        for row, agent in enumerate(step.agent_ids):
            if agent in self.now:
                obs, continuous, discrete = self.now.pop(agent)
                self.entries[obs.tobytes()] = {
                    "continuous": continuous,
                    "discrete": discrete,
                    "rewards": step.rewards[row],
                    "terminated": step.terminated[row],
                    "next_obs": step.obs[0][row],
                }

    def until_ready(self):
        while not self.trainer.ready():
            self.turn()

    def check(self, transitions):
        """That rows are what happened; returns how many of them terminated."""
        for row, obs in enumerate(transitions.obs[0]):
            entry = self.entries[obs.tobytes()]
            found = transitions._replace(next_obs=transitions.next_obs[0])
            for name, value in entry.items():
                np.testing.assert_allclose(getattr(found, name)[row], value, atol=1e-6)
        return int(transitions.terminated.sum())


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_rows_are_what_agents_saw_did_and_saw_next(watching, trainer_type):
    trainer = small_trainer(
        HYBRID, trainer_type=trainer_type, reward_signals=watching, time_horizon=4
    )
    diary = Diary(trainer, RandomWorld(HYBRID, 0))
    diary.until_ready()
    trainer.update()
    shown = trainer.signals[1].trained
    assert len(shown) == 8  # of PPO two epochs of four minibatches; of SAC 40 / 5 steps
    assert sum(diary.check(transitions) for transitions in shown)
    for transitions in shown:
        assert transitions.mask.tolist() == [1.0] * 16
        assert np.abs(transitions.continuous).max() <= 1.0
    assert len(set(trainer.signals[1].seeds)) == 8


def test_in_ppo_every_epoch_shows_every_row_once(watching):
    trainer = small_trainer(HYBRID, reward_signals=watching)
    fill(trainer, RandomWorld(HYBRID, 0))
    trainer.update()
    shown = [transitions.obs[0] for transitions in trainer.signals[1].trained]
    for epoch in (shown[:4], shown[4:]):
        assert len(np.unique(np.concatenate(epoch), axis=0)) == 64


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_its_statistics_are_means_over_its_steps(watching, trainer_type):
    trainer = small_trainer(HYBRID, trainer_type=trainer_type, reward_signals=watching)
    statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
    assert statistics["Losses/Watching"] == pytest.approx(np.mean(range(1, 9)))
    assert "skipped" not in statistics


@pytest.mark.parametrize("trainer_type", ["ppo", "poca", "sac"])
def test_all_signals_report_ml_agents_tags(tmp_path, trainer_type):
    demo = write_demo(tmp_path, HYBRID)
    four = {
        "extrinsic": {},
        "gail": {"demo_path": str(demo), "use_vail": True, **NETWORK},
        "curiosity": NETWORK,
        "rnd": NETWORK,
    }
    trainer = small_trainer(HYBRID, trainer_type=trainer_type, reward_signals=four)
    trainer.prepare()
    statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
    assert statistics.keys() >= {
        *(f"Policy/{name} {what}" for name in ("Extrinsic", "Gail", "Curiosity", "Rnd")
          for what in ("Reward", "Value Estimate")),
        *("Losses/GAIL Loss", "Losses/GAIL KL Loss", "Policy/GAIL Beta"),
        *("Policy/GAIL Policy Estimate", "Policy/GAIL Expert Estimate"),
        *("Policy/GAIL Grad Mag Loss", "Losses/RND Loss"),
        *("Losses/Curiosity Forward Loss", "Losses/Curiosity Inverse Loss"),
    }  # fmt: skip
    # nothing was learned when PPO paid; SAC pays before signals have learned in an update, too
    assert statistics["Policy/Curiosity Reward"] == statistics["Policy/Rnd Reward"] == 0
    assert statistics["Policy/Gail Reward"] > 0


def test_a_signal_that_is_worth_nothing_leaves_ppos_policy_as_it_is():
    rnd = {"extrinsic": {}, "rnd": {"strength": 0.0, **NETWORK}}
    alone, beside = (
        small_trainer(HYBRID, reward_signals=chosen, hyperparameters=WHOLE)
        for chosen in ({"extrinsic": {}}, rnd)
    )
    weights = copied(beside.weights()) | copied(alone.weights())
    for part in ("kernel", "bias"):
        name = f"value_heads/values/{part}"
        own = alone.weights()[name]
        weights[name] = np.stack([own[..., 0], np.zeros_like(own[..., 0])], axis=-1)
    beside.load_weights(weights)
    for trainer in (alone, beside):
        trainer.rng = np.random.default_rng(5)
        fill_and_update(trainer, RandomWorld(HYBRID, 0))
    for name, array in alone.weights().items():
        if name.startswith(("actor/", "action_heads/")):
            np.testing.assert_allclose(beside.weights()[name], array, atol=1e-5, err_msg=name)
    assert int(beside.signals[1].optimizer.iterations) == 1


def test_ppo_pays_with_the_network_that_starts_the_update():
    trainer = small_trainer(HYBRID, reward_signals={"curiosity": NETWORK}, hyperparameters=WHOLE)
    world = RandomWorld(HYBRID, 0)
    assert fill_and_update(trainer, world)["Policy/Curiosity Reward"] == 0
    fill(trainer, world)
    rows = tf.nest.map_structure(tf.constant, trainer.tape.rows())
    paid = trainer.signals[0].rewards(trainer._transitions(rows, tf.where(rows.mask)[:, 0]))
    expected = float(tf.reduce_mean(paid))
    assert trainer.update()["Policy/Curiosity Reward"] == pytest.approx(expected, rel=1e-4)
    assert expected > 0


def test_sac_pays_samples_by_what_the_signal_thinks_of_them_now():
    keys = {"train_interval": 60, "steps_per_update": 60}  # one minibatch
    trainer = small_trainer(
        HYBRID, trainer_type="sac", reward_signals={"rnd": NETWORK}, hyperparameters=keys
    )
    world, means = RandomWorld(HYBRID, 0), []
    for _ in range(3):
        fill(trainer, world)
        signal = trainer.signals[0]
        state = copied(signal.state())
        statistics, batch = update_and_first_sample(trainer)
        after = copied(signal.state())
        signal.load_state(state)
        expected = float(tf.reduce_mean(signal.rewards(transitions_of(batch))))
        signal.load_state(after)
        assert statistics["Policy/Rnd Reward"] == pytest.approx(expected, rel=1e-5)
        means.append(expected)
    assert means[0] == 0
    assert means[1] > 0


def update_and_first_sample(trainer):
    """Statistics, and the minibatch [B] that the policy learned from; signals draw another one."""
    sample, kept = trainer.replay.sample, []
    trainer.replay.sample = lambda *args: kept.append(sample(*args)) or kept[-1]
    statistics = trainer.update()
    trainer.replay.sample = sample
    assert len(kept) == 2
    return statistics, tf.nest.map_structure(lambda leaf: leaf[0], kept[0])


class Stumbling(Watching):
    """Leaves out every step."""

    def train(self, transitions, seed):
        return super().train(transitions, seed) * [1.0, 0.0] + [0.0, 1.0]


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_steps_of_signals_that_were_left_out_stop_training(
    watching, monkeypatch, tmp_path, trainer_type
):
    stand_in_for("rnd", Stumbling, monkeypatch)
    trainer = small_trainer(
        HYBRID,
        trainer_type=trainer_type,
        reward_signals=watching,
        behavioral_cloning={"demo_path": str(write_demo(tmp_path, HYBRID))},
    )
    trainer.prepare()
    fill(trainer, RandomWorld(HYBRID, 0))
    with pytest.raises(TrainingError) as stopped:
        trainer.update()
    lessons = 2 * (trainer.cloning.demonstrations.num_rows // 16)
    # SAC makes the steps of signals apart from its own and those of cloning
    made = 8 + 8 + lessons if trainer_type == "ppo" else 8
    assert f"8 of {made} gradients were not finite" in str(stopped.value)


class Idle(SACTrainer):
    """Counts gradient steps instead of making them."""

    def __init__(self, *args):
        super().__init__(*args)
        self.made, self.made_of_signals, self.calls = 0, 0, []

    def _update(self, packed, images, learning_rate, seen, lesson):
        self.made += len(packed)
        return tf.concat([tf.zeros(len(self._tags)), self.network.policy.packed_weights()], axis=0)

    def _train_signals(self, packed, images, seed):
        self.made_of_signals += len(packed)
        self.calls.append(len(packed))
        return tf.ones(len(self._signal_tags)) * [float(len(packed)), 0.0]


def idle(**hyperparameters):
    keys = {"batch_size": 24, "buffer_size": 10_000, "steps_per_update": 1, "train_interval": 1}
    settings = small_settings(
        "sac", reward_signals={"rnd": NETWORK}, hyperparameters=keys | hyperparameters
    )
    return Idle("walker", HYBRID, settings, 0)


def played(trainer, turns, agents=12):
    """For each turn how many steps of signals were made so far, and the statistics of them."""
    world, made, statistics = RandomWorld(HYBRID, 0, agents), [], []
    trainer.observe(world.step)
    for _ in range(turns):
        trainer.act(world.step)
        trainer.observe(world.advance())
        while trainer.ready():
            statistics.append(trainer.update())
        made.append(trainer.made_of_signals)
    return np.array(made), statistics


@pytest.mark.parametrize("steps", [0.5, 1, 4, 7, 12, 30])
def test_reward_signal_steps_per_update_is_kept_on_average(steps):
    trainer = idle(reward_signal_steps_per_update=steps)
    made, _ = played(trainer, 40)
    owed = np.arange(40) * 12 / steps  # the first turn does not fill a minibatch
    assert (made <= owed + 1e-6).all()
    assert (made > owed - 1 - 1e-6).all()
    assert trainer.made == 39 * 12


def test_absent_it_is_the_policys():
    trainer = idle(steps_per_update=6)
    made, _ = played(trainer, 10)
    assert made[-1] == trainer.made == 9 * 12 / 6


def test_steps_of_signals_are_made_of_few_calls_and_averaged():
    trainer = idle(train_interval=120, steps_per_update=10, reward_signal_steps_per_update=1.5)
    _, statistics = played(trainer, 11)
    assert trainer.calls == [64, 8, 8]  # 120 / 1.5
    assert [found["Losses/RND Loss"] for found in statistics] == [1.0]


def test_an_update_without_a_step_of_signals_reports_none():
    trainer = idle(reward_signal_steps_per_update=30)
    _, statistics = played(trainer, 4)
    assert ["Losses/RND Loss" in found for found in statistics] == [False, False, True]


def test_what_signals_are_owed_outlives_a_checkpoint():
    trainer = idle(reward_signal_steps_per_update=100)
    played(trainer, 7)
    other = idle(reward_signal_steps_per_update=100)
    other.load_state(trainer.state())
    assert other.signal_credit == 72
    other.forget()
    assert other.signal_credit == 0
