import numpy as np
import pytest

from mlagents_tf.envs.check import check_env, check_step
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step

SPEC = Spec((ObservationSpec((2,)),), ActionSpec(0, (2, 3)))


def good(**changes):
    """Two agents that keep every promise, but for `changes`."""
    step = make_step(
        np.array([4, 7]),
        (np.zeros((2, 2), np.float32),),
        allowed_actions=np.ones((2, 5), np.bool_),
    )
    return step._replace(**changes)


def with_mask(row, columns):
    allowed = np.ones((2, 5), np.bool_)
    allowed[row, columns] = False
    return allowed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agent_ids": np.array([7, 7])}, "Own: agent 7 stands in two rows"),
        ({"obs": (np.zeros((2, 3), np.float32),)}, r"observation 0 is float32 of shape \(2, 3\)"),
        ({"obs": (np.zeros((2, 2)),)}, "observation 0 is float64"),
        ({"obs": ()}, "a step has 0 observations, the spec 1"),
        (
            {"obs": (np.array([[0, 0], [np.nan, 0]], np.float32),)},
            "observation 0 of agent 7 is not finite",
        ),
        ({"rewards": np.array([np.inf, 0], np.float32)}, "reward of agent 4 is not finite"),
        ({"rewards": np.zeros(2)}, r"rewards is float64 .* expected float32"),
        (
            {"terminated": np.array([True, False]), "interrupted": np.array([True, False])},
            "agent 4 is both terminated and interrupted",
        ),
        ({"allowed_actions": np.ones((2, 4), np.bool_)}, r"expected bool of shape \(2, 5\)"),
        (
            {"allowed_actions": with_mask(1, [2, 3, 4])},
            "agent 7 is allowed no option in branch 1",
        ),
    ],
)
def test_each_broken_promise_is_named(changes, message):
    check_step("Own", SPEC, good())
    with pytest.raises(EnvError, match=message):
        check_step("Own", SPEC, good(**changes))


class Counter:
    """One agent that ends every third step; `flaw` breaks one promise."""

    specs = {"Own": Spec((ObservationSpec((1,)),), ActionSpec(1))}  # noqa: RUF012
    made = 0

    def __init__(self, flaw=""):
        self.flaw, self.time = flaw, 0
        Counter.made += 1
        self.number = Counter.made

    def reset(self, parameters=None):
        self.time = 0
        return self.now()

    def step(self, actions):
        self.time += 1
        return self.now()

    def now(self):
        episode, age = divmod(self.time, 3)
        began = age == 0 and self.time > 0
        ids = [episode - 1, episode] if began else [episode]
        if self.flaw == "returns":
            ids = [0, 1] if began else [0]
        obs = np.full((len(ids), 1), self.number if self.flaw == "random" else 0, np.float32)
        terminated = np.array([True, False] if began else [False])
        step = make_step(np.array(ids), (obs,), terminated=terminated)
        return {"Other" if self.flaw == "name" else "Own": step}

    def close(self):
        pass

    def state(self):
        return {"time": self.time}

    def load_state(self, state):
        self.time = 0 if self.flaw == "forgets" else state["time"]
        return self.now()


def test_an_environment_that_keeps_the_contract_passes():
    check_env(Counter, steps=20)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("returns", "agent 0 came back after its episode had ended"),
        ("random", "observation 0 differs at step 0 with the same seed"),
        ("name", "Other: a step names this behavior, `specs` does not"),
        ("forgets", "differs after load_state"),
    ],
)
def test_flaws_over_time_are_found(flaw, message):
    with pytest.raises(EnvError, match=message):
        check_env(lambda: Counter(flaw), steps=20)
