"""The models hold what ML-Agents' files say."""

import pytest
from pydantic import ValidationError

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.ppo import POCASettings, PPOSettings
from mlagents_tf.settings.sac import SACSettings


def test_a_behavior_without_keys_is_ppo_with_an_extrinsic_reward():
    behavior = BehaviorSettings()
    assert behavior.trainer_type == "ppo"
    assert behavior.hyperparameters == PPOSettings()
    assert list(behavior.reward_signals) == ["extrinsic"]


@pytest.mark.parametrize(
    ("trainer_type", "model"), [("ppo", PPOSettings), ("sac", SACSettings), ("poca", POCASettings)]
)
def test_hyperparameters_are_those_of_the_trainer_type(trainer_type, model):
    assert type(BehaviorSettings(trainer_type=trainer_type).hyperparameters) is model


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        BehaviorSettings().max_steps = 3


def test_reward_signals_that_are_given_replace_the_default():
    behavior = BehaviorSettings.model_validate({"reward_signals": {"curiosity": {}}})
    assert list(behavior.reward_signals) == ["curiosity"]


def test_a_reward_signal_without_a_value_is_switched_off():
    behavior = BehaviorSettings.model_validate(
        {"reward_signals": {"curiosity": {}, "extrinsic": None}}
    )
    assert list(behavior.reward_signals) == ["curiosity"]


def test_beta_and_epsilon_follow_the_learning_rate_schedule():
    ppo = PPOSettings(learning_rate_schedule="constant", beta_schedule="linear")
    assert (ppo.beta_schedule, ppo.epsilon_schedule) == ("linear", "constant")


def test_reward_signals_of_sac_update_with_the_policy():
    assert SACSettings(steps_per_update=10).reward_signal_steps_per_update == 10


def test_the_team_changes_every_five_snapshots():
    behavior = BehaviorSettings.model_validate({"self_play": {"save_steps": "5e4"}})
    assert behavior.self_play.team_change == 250_000


def test_even_checkpoints_decide_the_interval():
    behavior = BehaviorSettings(even_checkpoints=True, max_steps=1000, keep_checkpoints=4)
    assert behavior.checkpoint_interval == 250


@pytest.mark.parametrize(("given", "read"), [("5e6", 5_000_000), (1e5, 100_000), ("12", 12)])
def test_integers_are_read_from_text_and_floats(given, read):
    assert BehaviorSettings(max_steps=given).max_steps == read


@pytest.mark.parametrize("given", [1.5, "1.5", True, "many", "1e400", [], None])
def test_integers_are_integral(given):
    with pytest.raises(ValidationError, match="expected an integer"):
        BehaviorSettings(max_steps=given)


def test_numbers_are_read_from_text():
    assert PPOSettings(learning_rate="3e-4").learning_rate == 3e-4


@pytest.mark.parametrize(("given", "read"), [("false", False), ("True", True), (True, True)])
def test_true_and_false_are_read_from_text(given, read):
    assert BehaviorSettings(threaded=given).threaded is read


@pytest.mark.parametrize("given", ["no", 1, 0, "", None])
def test_nothing_else_is_true_or_false(given):
    with pytest.raises(ValidationError, match="expected true or false"):
        BehaviorSettings(threaded=given)
