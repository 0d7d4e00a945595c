"""POCA: what agents are worth to their group, by pencil and paper."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.group_critic import GroupValues
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from tests.trainers.small import fill_and_update, small_trainer

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(0, (2,)))
GAMMA, LAMBD = 0.9, 0.5


def trainer_of(**keys):
    hyperparameters = {"lambd": LAMBD} | keys.pop("hyperparameters", {})
    signals = {"extrinsic": {"gamma": GAMMA}}
    return small_trainer(
        SPEC,
        trainer_type="poca",
        hyperparameters=hyperparameters,
        reward_signals=signals,
        **keys,
    )


def sees(obs, ids, rewards=None, group_rewards=None, groups=None, **ends):
    """A step in which agents see one number each; all are of one group."""
    n = len(ids)
    return make_step(
        np.array(ids),
        (np.array(obs, np.float32)[:, None],),
        np.array([0] * n if rewards is None else rewards, np.float32),
        group_ids=np.array([1] * n if groups is None else groups),
        group_rewards=np.array([0] * n if group_rewards is None else group_rewards, np.float32),
        **{name: np.isin(ids, who) for name, who in ends.items()},
    )


class Sum:
    """A critic whose values are sums of what is seen; baselines are tenths of it."""

    def meet(self, present):
        pass

    def __call__(self, seen, memories, actions, present):
        obs = tf.reshape(seen.vector[:, 0], present.shape)
        return GroupValues(tf.reduce_sum(obs * present, axis=1)[None], 0.1 * (obs * present)[None])


class ByHand:
    """A network whose policy is a trainer's and whose critic is `Sum`."""

    memory_size = 0

    def __init__(self, network):
        self.policy, self.actions, self.critic = network.policy, network.actions, Sum()


def found(trainer):
    """By what is seen at a decision: return, and what is worth to the group beyond a baseline."""
    trainer.network = ByHand(trainer.network)
    rows = trainer.tape.group_rows()
    whole, _ = trainer._valued(tf.nest.map_structure(tf.convert_to_tensor, rows))
    real = rows.rows.real
    obs = rows.rows.obs[0][real, 0]
    returns = whole.rows.returns.numpy()[real, 0]
    advantages = whole.rows.advantages.numpy()[real]
    return (
        dict(zip(obs.tolist(), returns.tolist(), strict=True)),
        dict(zip(obs.tolist(), advantages.tolist(), strict=True)),
    )


def play(trainer, *steps):
    for step in steps[:-1]:
        trainer.observe(step)
        trainer.act(step)
    trainer.observe(steps[-1])


def test_who_died_early_is_paid_by_what_its_group_is_worth_without_it():
    trainer = trainer_of()
    play(
        trainer,
        sees([1, 2], [0, 1]),
        # agent 0 earns 1 and dies, 1 goes on
        sees([9, 4], [0, 1], rewards=[1, 0], terminated=[0]),
        # 1 wins 10 for both
        sees([9], [1], group_rewards=[10], terminated=[1]),
    )
    returns, advantages = found(trainer)
    assert returns[4.0] == 10  # nothing is left behind it
    # V is what those see who are there: 3 at first, then 4
    assert returns[1.0] == pytest.approx(1 + 0.9 * 4)
    assert returns[2.0] == pytest.approx(1 + 0.9 * (0.5 * 10 + 0.5 * 4))  # its mate's 1 too
    shares = np.array([4.6 - 0.1, 7.3 - 0.2, 10 - 0.4])
    expected = (shares - shares.mean()) / shares.std()
    np.testing.assert_allclose([advantages[x] for x in (1.0, 2.0, 4.0)], expected, rtol=1e-4)


def test_a_whole_group_that_is_interrupted_is_worth_what_it_sees():
    trainer = trainer_of()
    play(trainer, sees([1, 2], [0, 1]), sees([3, 5], [0, 1], interrupted=[0, 1]))
    returns, _ = found(trainer)
    assert returns == pytest.approx({1.0: 0.9 * 8, 2.0: 0.9 * 8})


class Diaries:
    """Groups whose agents end one by one, and what a diary of each agent says of its returns."""

    def __init__(self, seed, num_groups=3, size=3):
        self.rng = np.random.default_rng(seed)
        self.serial = itertools.count(1)  # every observation is another number
        self.next_id = itertools.count()
        self.alive = {
            g: [next(self.next_id) for _ in range(size)] for g in range(1, num_groups + 1)
        }
        self.size = size
        self.obs = {}  # (agent, time) -> what it saw
        self.rewards = {}  # (agent, time) -> own and the group's, for the decision at that time
        self.there = {}  # (group, time) -> who decides
        self.group_of = {}
        self.behind = {}  # agent -> value behind its last decision
        self.time = 0

    def first(self):
        return self._step([], [])

    def advance(self):
        ended, kinds = [], []
        self.time += 1
        for group, agents in self.alive.items():
            earned = float(self.rng.integers(0, 5))
            for agent in agents:
                own = float(self.rng.integers(0, 5))
                self.rewards[agent, self.time - 1] = own, earned
            fates = self.rng.choice(3, len(agents), p=[0.7, 0.2, 0.1])
            ended += [a for a, fate in zip(agents, fates, strict=True) if fate]
            kinds += [(a, fate) for a, fate in zip(agents, fates, strict=True) if fate]
            self.alive[group] = [a for a, fate in zip(agents, fates, strict=True) if not fate]
        return self._step(ended, kinds)

    def _step(self, ended, kinds):
        fates = dict(kinds)
        gone = {g: [a for a in ended if self.group_of[a] == g] for g in self.alive}
        for agent in ended:
            self.obs[agent, self.time] = float(next(self.serial))
        over = [g for g, agents in self.alive.items() if not agents]
        going_on = {g: list(agents) for g, agents in self.alive.items()}
        for g in over:
            self.alive[g] = [next(self.next_id) for _ in range(self.size)]
        for g, agents in self.alive.items():
            self.there[g, self.time] = list(agents)
            for agent in agents:
                self.group_of[agent] = g
                self.obs[agent, self.time] = float(next(self.serial))
        for g, agents in gone.items():
            cut = [a for a in agents if fates[a] == 2]
            for agent in agents:
                who = going_on[g] or cut
                self.behind[agent] = sum(self.obs[a, self.time] for a in who)
        ids = ended + [a for agents in self.alive.values() for a in agents]
        paid = [self.rewards.get((a, self.time - 1), (0.0, 0.0)) for a in ids]
        return sees(
            [self.obs[a, self.time] for a in ids],
            ids,
            [own for own, _ in paid],
            [group for _, group in paid],
            [self.group_of[a] for a in ids],
            terminated=[a for a in ended if fates[a] == 1],
            interrupted=[a for a in ended if fates[a] == 2],
        )

    def value(self, agent, time):
        return sum(self.obs[a, time] for a in self.there[self.group_of[agent], time])

    def returns(self, horizon):
        """By what is seen at a decision."""
        told = {}
        for agent, group in self.group_of.items():
            times = [t for a, t in self.rewards if a == agent]
            ahead = None
            for number, t in reversed(list(enumerate(times))):
                mates = self.there[group, t]
                reward = sum(self.rewards[a, t][0] for a in mates) + self.rewards[agent, t][1]
                last = t == times[-1]
                value = self.behind.get(agent) if last else None
                if value is None:
                    value = self.value(agent, t + 1)
                cut = last or (number + 1) % horizon == 0
                mixed = value if cut else LAMBD * ahead + (1 - LAMBD) * value
                ahead = reward + GAMMA * mixed
                told[self.obs[agent, t]] = ahead
        return told


@pytest.mark.parametrize("seed", range(5))
def test_returns_are_those_of_diaries_whoever_dies(seed):
    trainer, world = trainer_of(time_horizon=3), Diaries(seed)
    step = world.first()
    trainer.observe(step)
    for _ in range(12):
        trainer.act(step)
        step = world.advance()
        trainer.observe(step)
    returns, _ = found(trainer)
    assert returns == pytest.approx(world.returns(horizon=3), rel=1e-4)
    assert world.behind


class BothRight:
    """Pairs that earn 1 together where each says what it sees, and nothing where one does not."""

    def __init__(self, pairs=16, seed=0):
        self.rng = np.random.default_rng(seed)
        self.pairs = pairs
        self.ids = np.arange(2 * pairs)
        self.step = self._step(np.zeros(0, np.int64), None, np.zeros(0))

    def _step(self, ended, obs, rewards):
        n = 2 * self.pairs
        self.sides = self.rng.integers(0, 2, n)
        groups = 1 + np.arange(n) // 2
        seen = (2.0 * self.sides - 1.0).astype(np.float32)[:, None]
        many = len(ended) > 0
        return make_step(
            np.concatenate([ended, self.ids]),
            (np.concatenate([obs, seen]) if many else seen,),
            group_ids=np.concatenate([groups, groups]) if many else groups,
            group_rewards=np.concatenate([rewards, np.zeros(n)]).astype(np.float32),
            terminated=np.arange(len(ended) + n) < len(ended),
        )

    def advance(self, actions):
        right = (actions.discrete[:, 0] == self.sides).reshape(-1, 2).all(axis=1)
        ended, obs = self.ids, self.step.deciding().obs[0]
        self.ids = self.ids + 2 * self.pairs
        self.step = self._step(ended, obs, np.repeat(right, 2))
        return right.mean()


def test_pairs_learn_to_be_right_together_and_the_update_is_compiled_once():
    trainer = trainer_of(
        hyperparameters={"batch_size": 64, "buffer_size": 512, "num_epoch": 4}
        | {"learning_rate": 3e-3, "learning_rate_schedule": "constant"},
        network_settings={"hidden_units": 32},
    )
    world, earned = BothRight(), []
    trainer.observe(world.step)
    for _ in range(200):
        earned.append(world.advance(trainer.act(world.step)))
        group_returns = trainer.observe(world.step).group_returns
        assert group_returns.mean() == earned[-1]
        if trainer.ready():
            trainer.update()
    assert np.mean(earned[:16]) < 0.5
    assert np.mean(earned[-16:]) > 0.95
    assert trainer._compiled_update.experimental_get_tracing_count() == 1


def test_an_update_reports_what_ml_agents_reports():
    trainer = small_trainer(SPECS["hybrid, one vector"], trainer_type="poca")
    statistics = fill_and_update(trainer, RandomWorld(SPECS["hybrid, one vector"], 0))
    assert statistics.keys() == {
        "Policy/Extrinsic Reward",
        "Policy/Extrinsic Value Estimate",
        "Policy/Extrinsic Baseline Estimate",
        "Losses/Policy Loss",
        "Losses/Value Loss",
        "Losses/Baseline Loss",
        "Policy/Entropy",
        "Policy/Learning Rate",
        "Policy/Epsilon",
        "Policy/Beta",
    }


def test_xla_and_eager_agree_on_an_update(monkeypatch):
    spec = SPECS["hybrid, one vector"]
    results = {}
    for mode in ("xla", "eager"):
        monkeypatch.setenv("MLAGENTS_TF_MODE", mode)
        trainer = small_trainer(spec, trainer_type="poca", network_settings={"normalize": True})
        results[mode] = fill_and_update(trainer, RandomWorld(spec, 0))
        results[mode] |= trainer.weights()
    for name, value in results["xla"].items():
        np.testing.assert_allclose(
            results["eager"][name], value, rtol=1e-3, atol=1e-3, err_msg=name
        )


def test_other_signals_are_said_to_stay_each_agents_own():
    trainer = small_trainer(
        SPEC, trainer_type="poca", reward_signals={"extrinsic": {}, "curiosity": {}}
    )
    assert any("curiosity stays each agent's own" in remark for remark in trainer.prepare())
