"""A replay in a world in which everything happens, and diaries of what it should hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import load_replay
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from tests.data.worlds import SPEC, Chances, World, seen

QUIET = Chances(0, 0, 0, 0, 0, 0, 0)
ONE = Spec((ObservationSpec((1,)),), ActionSpec(1))


class Transition(NamedTuple):
    """One row of a replay, as plain values."""

    obs: tuple
    action: tuple
    allowed: tuple
    reward: float
    terminated: bool
    next_obs: tuple
    next_allowed: tuple


class Page(NamedTuple):
    """What one agent saw last, and what it decided there."""

    row: int
    obs: tuple
    allowed: tuple
    action: tuple | None = None


class Diaries:
    """What a replay should hold, kept agent by agent in Python."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.end = self.lost = self.num_answered = 0
        self.pages: dict[int, Page] = {}
        self.earned: dict[int, list[float]] = {}
        self.told: list[tuple[int, Transition]] = []

    @property
    def first(self):
        return max(self.lost, self.end - self.capacity)

    def transitions(self):
        return sorted(transition for row, transition in self.told if row >= self.first)

    def observe(self, step):
        """Returns (sum of rewards, decisions) of the episodes that ended."""
        episodes = []
        for i, agent in enumerate(step.agent_ids.tolist()):
            page = self.pages.get(agent)
            if page is None and step.ended[i]:
                continue
            after = self.turn(step, i)
            if page is not None:
                reward = float(step.rewards[i] + step.group_rewards[i])
                facts = (reward, bool(step.terminated[i]), after.obs, after.allowed)
                self.told.append(
                    (page.row, Transition(page.obs, page.action, page.allowed, *facts))
                )
                self.earned.setdefault(agent, []).append(reward)
                self.num_answered += 1
            self.pages[agent] = after
            if step.ended[i]:
                del self.pages[agent]
                rewards = self.earned.pop(agent)
                episodes.append((sum(rewards), len(rewards)))
        return episodes

    def turn(self, step, i):
        """The page of row i of a step: the next row of the replay."""
        allowed = step.allowed_actions
        free = allowed is None or step.ended[i]  # nobody decides there
        options = (True,) * 5 if free else tuple(allowed[i].tolist())
        page = Page(self.end, seen(step, i), options)
        self.end += 1
        return page

    def append(self, deciding, continuous, discrete):
        for i, agent in enumerate(deciding.agent_ids.tolist()):
            action = (*continuous[i].tolist(), *discrete[i].tolist())
            self.pages[agent] = self.pages[agent]._replace(action=action)

    def lose_rows(self, deciding):
        """Empties the ring; what `deciding` agents see is written again when they decide."""
        self.lost = self.end
        for i, agent in enumerate(deciding.agent_ids.tolist()):
            self.pages[agent] = self.turn(deciding, i)

    def abandon(self):
        self.pages.clear()
        self.earned.clear()


def transitions_of(replay):
    """Every real row of a replay, read as its docstring says."""
    columns = replay.columns

    def seen_at(at):
        return tuple(float(x) for name in ("obs_0", "obs_1") for x in columns[name][at])

    found = []
    for row in range(replay.first, replay.end):
        at = row % replay.capacity
        if not columns["real"][at]:
            continue
        following = row + int(columns["next"][at])
        assert row < following < replay.end
        then = following % replay.capacity
        found.append(
            Transition(
                seen_at(at),
                (*columns["continuous"][at].tolist(), *columns["discrete"][at].tolist()),
                tuple(columns["allowed"][at].tolist()),
                float(columns["rewards"][at]),
                bool(columns["terminated"][at]),
                seen_at(then),
                tuple(columns["allowed"][then].tolist()),
            )
        )
    return sorted(found)


def copied(replay, capacity=None):
    """Another replay with the same state and rows, through what a checkpoint keeps."""
    state = {name: array.copy() for name, array in replay.state().items()}
    rows = {
        name: np.concatenate([column[place] for place in replay.places()])
        for name, column in replay.columns.items()
    }
    other = Replay(replay.spec, capacity or replay.capacity)
    other.load_state(state)
    columns = other.put_back()
    for name, array in rows.items():
        kept = array[len(array) - len(other) :]
        for place in other.places():
            count = place.stop - place.start
            columns[name][place], kept = kept[:count], kept[count:]
    other.num_real = int(rows["real"][len(rows["real"]) - len(other) :].sum()) if rows else 0
    return other


class Play:
    """A world, a replay and a diary of every agent, side by side."""

    def __init__(self, rng, chances, capacity):
        self.rng = rng
        self.world = World(rng, chances)
        self.replay = Replay(SPEC, capacity)
        self.slow = Diaries(capacity)
        self.serial = 0

    def observe(self, births=0):
        step = self.world.step(births)
        episodes = self.replay.observe(step)
        expected = self.slow.observe(step)
        np.testing.assert_allclose(episodes.returns, [e[0] for e in expected], rtol=1e-5)
        assert episodes.lengths.tolist() == [e[1] for e in expected]
        return step

    def act(self, step):
        deciding = step.deciding()
        n = len(deciding.agent_ids)
        continuous = np.arange(self.serial, self.serial + n, dtype=np.float32)[:, None]
        discrete = self.rng.integers(0, 2, (n, 2)).astype(np.int32)
        self.serial += n
        self.replay.append(deciding, continuous, discrete)
        self.slow.append(deciding, continuous, discrete)

    def restore(self, capacity):
        """Goes on with a copy of another size, after the original has gone on by itself."""
        other = copied(self.replay, capacity)
        step = World(self.rng, QUIET).step(3)
        self.replay.observe(step)
        self.replay.append(step, np.ones((3, 1), np.float32), np.ones((3, 2), np.int32))
        self.replay = other
        self.slow.lost, self.slow.capacity = self.slow.first, capacity

    def lose_rows(self, step):
        state = self.replay.state()
        self.replay = Replay(SPEC, self.replay.capacity)
        self.replay.load_state(state)
        self.replay.lose_rows()
        self.slow.lose_rows(step.deciding())

    def abandon(self):
        self.replay.abandon()
        self.slow.abandon()
        self.world.begin_anew()

    def check(self):
        replay, slow = self.replay, self.slow
        assert (replay.first, replay.end, len(replay)) == (
            slow.first,
            slow.end,
            slow.end - slow.first,
        )
        assert replay.num_answered == slow.num_answered
        expected = slow.transitions()
        assert replay.num_real == len(expected)
        assert transitions_of(replay) == expected
        if expected:
            self.check_sample(set(expected))

    def check_sample(self, expected):
        batches = self.replay.sample(self.rng, 2, 3)
        for k in range(2):
            for b in range(3):
                found = Transition(
                    tuple(float(x) for obs in batches.obs for x in obs[k, b]),
                    (*batches.continuous[k, b].tolist(), *batches.discrete[k, b].tolist()),
                    tuple(batches.allowed[k, b].tolist()),
                    float(batches.rewards[k, b]),
                    bool(batches.terminated[k, b]),
                    tuple(float(x) for obs in batches.next_obs for x in obs[k, b]),
                    tuple(batches.next_allowed[k, b].tolist()),
                )
                assert found in expected


def sees(agents, obs, rewards=None, **ends):
    """A step in which `agents` see one number each."""
    return make_step(
        np.array(agents, np.int64),
        (np.array(obs, np.float32)[:, None],),
        np.array(rewards if rewards is not None else [0] * len(agents), np.float32),
        **{name: np.array(flags, np.bool_) for name, flags in ends.items()},
    )


def decide(replay, step):
    n = len(step.deciding().agent_ids)
    replay.append(step.deciding(), np.zeros((n, 1), np.float32), np.zeros((n, 0), np.int32))


def filled(capacity, decisions, agents=1):
    """A replay in which each transition earned its own number."""
    replay = Replay(ONE, capacity)
    for t in range(decisions + 1):
        numbers = np.arange(agents) + agents * (t - 1)
        step = sees(range(agents), numbers, numbers)
        replay.observe(step)
        if t < decisions:
            decide(replay, step)
    return replay


def rewards_of(replay):
    """Rewards of real rows, the oldest first."""
    at = np.concatenate([np.arange(p.start, p.stop) for p in replay.places()])
    return replay.columns["rewards"][at][replay.columns["real"][at]].tolist()


def played(capacity=150, steps=60, seed=0):
    """A replay in which everything has happened, wrapped around."""
    play = Play(np.random.default_rng(seed), Chances(is_born=0.5), capacity)
    for t in range(steps):
        play.act(play.observe({0: 6}.get(t, 0)))
    return play.replay


def restored(path, replay, capacity=None):
    """What comes back of a replay from its state and the file at `path`."""
    other = Replay(replay.spec, capacity or replay.capacity)
    other.load_state(replay.state())
    load_replay(path, other)
    return other
