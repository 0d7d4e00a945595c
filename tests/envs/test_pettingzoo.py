import builtins
import importlib
import sys

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.test import parallel_api_test, parallel_seed_test

from mlagents_tf.envs.pettingzoo import EnvAsParallelEnv
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(0, (2,)))
NAMES = ["Basic", "3DBall", "PushBlock", "GridWorldVector", "Match3", "FoodCollector", "Sorter"]
NAMES += ["toy-hybrid", "toy-image", "toy-masked", "toy-fuzz"]


class Script:
    """An environment of several behaviors that says what it was told to say."""

    def __init__(self, *told):
        self.specs = dict.fromkeys(told[0], SPEC)
        self.told = told
        self.actions = []
        self.lost = {}

    def reset(self, parameters=None):
        self.rest = iter(self.told)
        return next(self.rest)

    def step(self, actions):
        self.actions.append({name: rows.discrete[:, 0].tolist() for name, rows in actions.items()})
        return next(self.rest)

    def take_lost(self):
        lost, self.lost = self.lost, {}
        return lost

    def close(self):
        pass


def rows(*agents, seen=(), rewards=None, **columns):
    """A step of these agents; each sees its number unless told otherwise."""
    obs = np.array(seen or agents, np.float32).reshape(-1, 1)
    rewards = np.zeros(len(agents), np.float32) if rewards is None else np.float32(rewards)
    columns = {name: np.array(values) for name, values in columns.items()}
    return make_step(np.array(agents, np.int64), (obs,), rewards, **columns)


def factory(name, num_areas=2):
    """Makes the environment from a seed."""
    return lambda seed: make_env(name, num_areas=num_areas, seed=seed)


def striker(number):
    """An agent's name."""
    return f"Striker?agent_id={number}"


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoos_own_check_passes(name, capsys):
    parallel_api_test(EnvAsParallelEnv(factory(name)), num_cycles=60)
    assert "Passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoos_check_of_seeds_passes(name):
    parallel_seed_test(lambda: EnvAsParallelEnv(factory(name)), num_cycles=60)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_and_actions_are_the_same_story(name):
    first, second = EnvAsParallelEnv(factory(name)), EnvAsParallelEnv(factory(name))
    first.reset(seed=3)
    second.reset(seed=3)
    for _ in range(40):
        assert first.agents == second.agents
        actions = {name: first.action_space(name).sample() for name in first.agents}
        one, other = first.step(actions), second.step(actions)
        np.testing.assert_equal(one, other)
        assert all(first.observation_space(name).contains(seen) for name, seen in one[0].items())


def test_names_rewards_and_ends_are_those_of_the_rows():
    env = EnvAsParallelEnv(
        Script(
            {"Striker": rows(3, 5)},
            {"Striker": rows(3, 9, 5, rewards=[2, 0, 1], terminated=[True, False, False])},
            {"Striker": rows(9, 5, interrupted=[True, False])},
        )
    )
    env.reset()
    assert env.agents == env.possible_agents == [striker(0), striker(1)]
    seen, rewards, terminations, truncations, _ = env.step({striker(0): 1, striker(1): 0})
    assert {name: value.tolist() for name, value in seen.items()} == {
        striker(0): [3],
        striker(1): [5],
        striker(2): [9],
    }
    assert rewards == {striker(0): 2.0, striker(1): 1.0, striker(2): 0.0}
    assert terminations == {striker(0): True, striker(1): False, striker(2): False}
    assert not any(truncations.values())
    assert env.agents == [striker(1), striker(2)]
    *_, truncations, _ = env.step({striker(2): 1, striker(1): 0})
    assert truncations == {striker(1): False, striker(2): True}
    assert env.env.actions == [{"Striker": [1, 0]}, {"Striker": [1, 0]}]
    assert env.possible_agents == [striker(0), striker(1), striker(2)]


def test_behaviors_stand_side_by_side():
    both = {"Striker": rows(0), "Goalie": rows(0, seen=[8])}
    env = EnvAsParallelEnv(Script(both, both))
    seen, infos = env.reset()
    assert seen["Goalie?agent_id=0"].tolist() == [8]
    assert infos["Goalie?agent_id=0"]["behavior_name"] == "Goalie"
    env.step({"Goalie?agent_id=0": 1, striker(0): 0})
    assert env.env.actions == [{"Striker": [0], "Goalie": [1]}]


def test_an_agent_that_pauses_stays_with_what_it_saw():
    env = EnvAsParallelEnv(
        Script(
            {"Striker": rows(0, 1, seen=[4, 5])},
            {"Striker": rows(1, seen=[6])},
            {"Striker": rows(0, 1, rewards=[3, 0])},
        )
    )
    env.reset()
    seen, rewards, *_, infos = env.step({striker(0): 0, striker(1): 0})
    assert (seen[striker(0)].tolist(), rewards[striker(0)]) == ([4], 0.0)
    assert not infos[striker(0)]["decides"]
    assert infos[striker(1)]["decides"]
    _, rewards, *_ = env.step({striker(0): 1, striker(1): 1})
    assert rewards[striker(0)] == 3.0
    assert env.env.actions[1] == {"Striker": [1]}


def test_a_behavior_of_which_nothing_is_said_is_not_asked():
    env = EnvAsParallelEnv(
        Script(
            {"Striker": rows(0), "Goalie": rows(0)},
            {"Striker": rows(0)},
            {"Striker": rows(0), "Goalie": rows(0, rewards=[2])},
        )
    )
    env.reset()
    goalie = "Goalie?agent_id=0"
    *_, infos = env.step({striker(0): 0, goalie: 0})
    assert not infos[goalie]["decides"]
    _, rewards, *_ = env.step({striker(0): 1, goalie: 1})
    assert env.env.actions[1] == {"Striker": [1]}
    assert rewards[goalie] == 2.0


def test_a_reset_waits_until_somebody_is_there():
    env = EnvAsParallelEnv(Script({"Striker": rows()}, {}, {"Striker": rows(4)}))
    assert env.reset()[0].keys() == {striker(0)}


def test_an_agent_that_is_lost_is_truncated():
    env = EnvAsParallelEnv(Script({"Striker": rows(0, 1)}, {"Striker": rows(1)}))
    env.reset()
    env.env.lost = {"Striker": np.array([0])}
    *_, terminations, truncations, _ = env.step({striker(0): 0, striker(1): 0})
    assert truncations == {striker(0): True, striker(1): False}
    assert not any(terminations.values())
    assert env.agents == [striker(1)]


def test_one_who_ends_in_its_first_row_never_appears():
    env = EnvAsParallelEnv(
        Script({"Striker": rows(0)}, {"Striker": rows(7, 0, terminated=[True, False])})
    )
    env.reset()
    assert list(env.step({striker(0): 0})[0]) == [striker(0)]


def test_a_reset_numbers_agents_anew():
    env = EnvAsParallelEnv(make_env("3DBall", num_areas=2))
    env.reset()
    assert env.reset()[0].keys() == {"3DBall?agent_id=0", "3DBall?agent_id=1"}


def test_groups_are_in_the_infos():
    step = rows(0, group_ids=[4], group_rewards=np.float32([0.5]))
    env = EnvAsParallelEnv(Script({"Striker": step}))
    info = env.reset()[1][striker(0)]
    assert (info["group_id"], info["group_reward"]) == (4, 0.5)


def test_masks_are_beside_the_observation_and_in_the_infos():
    env = EnvAsParallelEnv(factory("GridWorldVector", 1))
    seen, infos = env.reset(seed=1)
    ((name, value),) = seen.items()
    assert env.action_space(name) == spaces.Discrete(5)
    assert env.observation_space(name).contains(value)
    np.testing.assert_array_equal(value["action_mask"], infos[name]["allowed_actions"])


def test_masks_of_several_branches_are_a_tuple():
    env = EnvAsParallelEnv(factory("Sorter", 1), action_masks=True)
    seen, _ = env.reset(seed=1)
    ((name, value),) = seen.items()
    assert [mask.tolist() for mask in value["action_mask"]] == [[1, 1, 1]] * 3
    env.action_space(name).sample(mask=value["action_mask"])


def test_a_picture_is_the_environments():
    assert EnvAsParallelEnv(make_env("Basic")).render().shape == (80, 420, 3)
    with pytest.raises(EnvError, match="does not draw itself"):
        EnvAsParallelEnv(make_env("toy-fuzz")).render()


def test_what_cannot_be_done_is_said_in_a_sentence():
    env = EnvAsParallelEnv(Script({"Striker": rows(0)}))
    with pytest.raises(EnvError, match=r"before reset\(\)"):
        env.step({})
    env.reset()
    with pytest.raises(EnvError, match=r"'Striker\?agent_id=0' decides now"):
        env.step({})
    with pytest.raises(EnvError, match=r"'Keeper' is no agent here.*'Striker\?agent_id=0'"):
        env.action_space("Keeper")
    with pytest.raises(EnvError, match="'Keeper', who is not among the agents"):
        env.step({"Keeper": 0, striker(0): 0})


def test_a_seed_for_an_environment_that_is_ready_made_is_warned_of():
    with pytest.warns(UserWarning, match="wrap a function of the seed"):
        EnvAsParallelEnv(make_env("Basic")).reset(seed=1)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    ordinary = builtins.__import__

    def without(name, *rest, **named):
        if name == "pettingzoo":
            raise ImportError(name)
        return ordinary(name, *rest, **named)

    monkeypatch.delitem(sys.modules, "mlagents_tf.envs.pettingzoo")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EnvError, match=r"pip install 'mlagents-tf\[pettingzoo\]'"):
        importlib.import_module("mlagents_tf.envs.pettingzoo")
