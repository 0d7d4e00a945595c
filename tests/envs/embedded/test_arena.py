import numpy as np
import pytest

from mlagents_tf.envs.embedded.soccer import SoccerTwos
from mlagents_tf.envs.embedded.tennis import Tennis
from mlagents_tf.envs.embedded.wall_jump import WallJump
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import no_actions
from tests.envs.playing import continuous

FIRST, SECOND = "Tennis?team=0", "Tennis?team=1"
REST = [0.0, 0.0, 0.0]


def test_a_behavior_without_agents_has_an_empty_step():
    steps = WallJump(1, seed=1).reset()
    assert sorted(step.num_deciding for step in steps.values()) == [0, 1]
    assert all(len(step.obs) == 3 for step in steps.values())


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({FIRST: continuous([REST])}, r"\['Tennis\?team=0'\]; this environment has the behaviors"),
        ({FIRST: continuous([REST] * 2), SECOND: continuous([REST])}, r"team=0: .*\(2, 3\)"),
        ({FIRST: continuous([REST]), SECOND: continuous([[np.nan] * 3])}, "team=1: .*not finite"),
    ],
)
def test_wrong_actions_are_refused_in_one_sentence(actions, message):
    env = Tennis(1)
    env.reset()
    with pytest.raises(EnvError, match=message):
        env.step(actions)


def test_stepping_and_storing_before_reset_are_refused():
    with pytest.raises(EnvError, match="step was called before reset"):
        Tennis(1).step({})
    with pytest.raises(EnvError, match="no state before reset"):
        Tennis(1).state()


def test_a_state_of_another_number_of_areas_is_refused():
    env = SoccerTwos(2)
    env.reset()
    with pytest.raises(EnvError, match="the state has 2 areas, this environment 3"):
        SoccerTwos(3).load_state(env.state())


def test_rows_of_a_step_stay_as_they_are_when_its_dictionary_is_changed():
    env = SoccerTwos(1, seed=1)
    env.reset().clear()
    idle = no_actions(ActionSpec(0, (3, 3, 3)), 2)
    assert len(env.step(dict.fromkeys(env.specs, idle))) == 2
