"""Group rewards that a trainer cannot share are said once."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlagents_tf.run.groups import GroupWarning
from mlagents_tf.steps import make_step


def said_of(trainer_type, *group_rewards):
    said = []
    look = GroupWarning(said.append).look
    trainer = SimpleNamespace(
        behavior="Pushers", settings=SimpleNamespace(trainer_type=trainer_type)
    )
    for reward in group_rewards:
        rewards = np.array([reward], np.float32)
        look(trainer, make_step(np.array([0]), (), group_rewards=rewards))
    return said


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_ppo_and_sac_say_once_that_poca_exists(trainer_type):
    (remark,) = said_of(trainer_type, 0.0, 1.0, 1.0)
    assert "behavior Pushers" in remark
    assert "trainer_type: poca" in remark


def test_no_group_reward_is_no_reason_to_speak():
    assert said_of("ppo", 0.0, 0.0) == []


def test_poca_shares_group_rewards():
    assert said_of("poca", 1.0) == []
