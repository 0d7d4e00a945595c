"""An environment in which nobody acts."""

from mlagents_tf.envs.check import check_env
from mlagents_tf.envs.no_agents import NoAgents
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec

SPEC = Spec((ObservationSpec((3,)), ObservationSpec((2, 4, 4), dtype="uint8")), ActionSpec(1, (2,)))


def test_its_steps_have_no_rows_and_the_shapes_of_the_spec():
    env = NoAgents({"a": SPEC})
    step = env.reset()["a"]
    assert [obs.shape for obs in step.obs] == [(0, 3), (0, 2, 4, 4)]
    assert [obs.dtype for obs in step.obs] == ["float32", "uint8"]
    assert env.step({})["a"] is step
    assert env.load_state(env.state()) == {"a": step}


def test_it_keeps_the_contract_of_environments():
    check_env(lambda: NoAgents({"a": SPEC}))
