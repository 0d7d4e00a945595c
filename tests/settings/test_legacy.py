"""Files of ML-Agents 0.16 and before mean what they meant."""

from pathlib import Path

import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.load import load_settings

SAC_2019 = Path(__file__).parent / "fixtures" / "sac_2019.yaml"


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, **more):
        path = tmp_path / "trainer_config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, **more)

    return write_and_load


DEFAULT = """\
default:
  trainer: ppo
  batch_size: 1024
  max_steps: 5.0e4
  hidden_units: 32
  memory_size: 256
  sequence_length: 64
  reward_signals:
    extrinsic: {strength: 1.0, gamma: 0.9}
"""
OFFLINE_BC = """\
A:
  trainer: offline_bc
  batch_size: 64
  batches_per_epoch: 10
  max_steps: '5.0e4'
  summary_freq: 1000
  use_recurrent: false
  hidden_units: 128
  learning_rate: 3.0e-4
  num_layers: 2
  sequence_length: 32
  memory_size: 256
  demo_path: a.demo
"""


def test_a_section_is_laid_over_the_default_one(load):
    behavior = load(DEFAULT + "Ball: {max_steps: 3e5, normalize: true}").settings.behaviors["Ball"]
    assert (behavior.max_steps, behavior.hyperparameters.batch_size) == (300_000, 1024)
    assert (behavior.network_settings.normalize, behavior.network_settings.hidden_units) == (
        True,
        32,
    )


def test_any_behavior_trains_with_the_default_section(load):
    assert load(DEFAULT).settings.for_behavior("Any").max_steps == 50_000


def test_a_section_replaces_all_reward_signals_of_the_default_one(load):
    text = DEFAULT + "Ball: {reward_signals: {curiosity: {strength: 0.1, gamma: 0.99}}}"
    assert list(load(text).settings.behaviors["Ball"].reward_signals) == ["curiosity"]


def test_a_section_may_be_the_name_of_another(load):
    behaviors = load(DEFAULT + "A: B\nB: C\nC: {num_layers: 4}").settings.behaviors
    assert behaviors["A"] == behaviors["B"] == behaviors["C"]
    assert behaviors["A"].network_settings.num_layers == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A: B\nB: A\n", "a circle of names: A -> B -> A"),
        ("A: A\n", "a circle of names: A -> A"),
        ("A: Bal\nBall: {}\n", "no section 'Bal'. Did you mean 'Ball'?"),
        ("A: 5\n", "A: expected a section of keys (received 5)"),
        ("A: {trainer: online_bc}\n", "use 'trainer: ppo' with gail or behavioral_cloning"),
        ("A: {trainer: pppo}\n", "no such trainer (received 'pppo'). Did you mean 'ppo'?"),
        ("A: {use_recurrent: maybe}\n", "A.use_recurrent: expected true or false"),
        ("A: {batch_size: big}\n", "A.batch_size: expected an integer (received 'big')"),
        ("A: {trainer: sac, num_update: 0}\n", "A.num_update"),
        ("A: {reward_signals: 5}\n", "A.reward_signals: expected a section of keys (received 5)"),
        ("A: {reward_signals: {gial: {}}}\n", "A.reward_signals.gial: no such reward signal"),
    ],
)
def test_a_section_that_cannot_be_used_is_named_as_it_is_written(load, text, message):
    with pytest.raises(SettingsError) as caught:
        load(DEFAULT + text)
    line = str(caught.value).splitlines()[0]
    assert message in line
    assert "trainer_config.yaml:10: " in line


def test_a_trainer_is_required(load):
    with pytest.raises(SettingsError, match="A: trainer is required"):
        load("default: {batch_size: 5}\nA: {buffer_size: 5}\nB: {trainer: ppo}\n")


def test_memory_needs_use_recurrent(load):
    settings = load(DEFAULT + "A: {use_recurrent: true}\nB: {use_recurrent: 'false'}").settings
    assert settings.behaviors["A"].network_settings.memory.memory_size == 256
    assert settings.behaviors["B"].network_settings.memory is None


def test_trainers_were_threaded(load):
    assert load(DEFAULT).settings.default_settings.threaded


def test_beta_and_epsilon_always_fell_linearly(load):
    ppo = load(DEFAULT + "A: {learning_rate_schedule: constant}").settings.behaviors["A"]
    assert ppo.hyperparameters.beta_schedule == ppo.hyperparameters.epsilon_schedule == "linear"
    assert ppo.hyperparameters.learning_rate_schedule == "constant"


def test_opponents_changed_less_often(load):
    text = DEFAULT + "A: {self_play: {save_steps: 100, play_against_current_self_ratio: 0.3}}"
    self_play = load(text).settings.behaviors["A"].self_play
    assert (self_play.swap_steps, self_play.team_change) == (20_000, 100_000)
    assert self_play.play_against_latest_model_ratio == 0.3


def test_pretraining_is_behavioral_cloning(load):
    pretraining = "pretraining: {demo_path: a.demo, strength: 0.5, steps: 100}"
    loaded = load(DEFAULT + f"A: {{{pretraining}}}\nB: {{trainer: sac, {pretraining}}}")
    ppo, sac = (loaded.settings.behaviors[name].behavioral_cloning for name in "AB")
    assert (ppo.strength, ppo.steps, ppo.num_epoch) == (0.5, 100, None)
    assert (sac.num_epoch, sac.samples_per_update) == (1, 1024)
    assert "A: pretraining became behavioral_cloning." in loaded.notices


def test_reward_signals_may_update_at_their_own_pace(load):
    text = "A: {trainer: sac, train_interval: 6, num_update: 2,"
    text += " reward_signals: {reward_signal_num_update: 3, extrinsic: {gamma: 0.9}}}"
    sac = load(text).settings.behaviors["A"].hyperparameters
    assert (sac.steps_per_update, sac.reward_signal_steps_per_update) == (3, 2)


def test_offline_cloning_is_the_trainer_bc(load):
    loaded = load(OFFLINE_BC)
    behavior = loaded.settings.behaviors["A"]
    assert (behavior.trainer_type, behavior.hyperparameters.demo_path) == ("bc", "a.demo")
    assert behavior.hyperparameters.batch_size == 64


def test_steps_of_offline_cloning_become_the_rows_they_learned_from(load):
    loaded = load(OFFLINE_BC)
    behavior = loaded.settings.behaviors["A"]
    assert behavior.max_steps == 50_000 * 10 * 64
    assert behavior.summary_freq == 1_000 * 10 * 64
    sentence = "A.max_steps: '5.0e4' steps of 640 rows (batches_per_epoch x batch_size) became rows"
    assert sentence in " ".join(loaded.notices)
    assert not any("ignored" in notice for notice in loaded.notices)


def test_offline_cloning_ignores_the_rewards_of_the_default_section(load):
    default = DEFAULT.replace("extrinsic: {", "gail: {demo_path: b.demo, ")
    default += "  pretraining: {demo_path: b.demo}\n  self_play: {}\n"
    loaded = load(default + OFFLINE_BC)
    behavior = loaded.settings.behaviors["A"]
    assert list(behavior.reward_signals) == ["extrinsic"]
    assert behavior.behavioral_cloning is behavior.self_play is None


def test_rewards_of_an_offline_cloning_section_are_named_as_ignored(load):
    loaded = load(OFFLINE_BC + "  reward_signals: {extrinsic: {}}\n")
    assert "A: ignored reward_signals, which bc does not use." in loaded.notices


def test_batches_of_offline_cloning_must_be_a_number(load):
    with pytest.raises(SettingsError, match=r"A\.batches_per_epoch: max_steps, batches_per_epoch"):
        load(OFFLINE_BC.replace("batches_per_epoch: 10", "batches_per_epoch: many"))


def test_the_encoding_size_of_a_signal_is_the_width_of_its_network(load):
    text = "A: {reward_signals: {curiosity: {encoding_size: 256}, gail: {encoding_size: 64,"
    loaded = load(DEFAULT + text + " demo_path: a.demo, use_actions: true}}}")
    curiosity, gail = loaded.settings.behaviors["A"].reward_signals.values()
    assert (curiosity.network_settings.hidden_units, gail.network_settings.hidden_units) == (
        256,
        64,
    )
    assert (gail.network_settings.num_layers, gail.use_actions, gail.learning_rate) == (
        2,
        True,
        3e-4,
    )


def test_a_misspelled_key_is_ignored_with_a_hint(load):
    notices = load(DEFAULT + "A: {batchsize: 3}").notices
    assert "A.batchsize is ignored: no such key. Did you mean 'batch_size'?" in notices


def test_an_override_speaks_of_the_converted_tree(load):
    loaded = load(DEFAULT + "A: {}", overrides=["behaviors.A.hyperparameters.batch_size=8"])
    assert loaded.settings.behaviors["A"].hyperparameters.batch_size == 8


def test_an_override_of_a_behavior_without_a_section_starts_from_the_default_one(load):
    loaded = load(DEFAULT, overrides=["behaviors.New.time_horizon=8"])
    assert loaded.settings.behaviors["New"].max_steps == 50_000


def test_the_old_acceptance_configuration_is_read(load):
    loaded = load(
        "default: {trainer: sac, batch_size: 32, buffer_size: 10240, buffer_init_steps: 1000,\n"
        "  hidden_units: 64, init_entcoef: 0.01, learning_rate: 5.0e-3, max_steps: 2000,\n"
        "  num_layers: 1, tau: 0.005, use_recurrent: false, curiosity_enc_size: 128,\n"
        "  demo_path: None, vis_encode_type: default,\n"
        "  reward_signals: {extrinsic: {strength: 1.0, gamma: 0.99}}}\n"
    )
    assert loaded.settings.default_settings.hyperparameters.buffer_init_steps == 1000
    assert any("curiosity_enc_size, demo_path" in notice for notice in loaded.notices)


def test_numbers_of_2019_written_as_text_are_numbers():
    behaviors = load_settings(SAC_2019).settings.behaviors
    assert behaviors["StrikerLearning"].hyperparameters.learning_rate == 1e-3
    assert behaviors["WalkerLearning"].max_steps == 2_000_000


def test_update_intervals_of_2019_are_steps_per_update():
    behaviors = load_settings(SAC_2019).settings.behaviors
    for name, steps in (("CrawlerStaticLearning", 3), ("BasicLearning", 1)):
        assert behaviors[name].hyperparameters.steps_per_update == steps
        assert behaviors[name].hyperparameters.reward_signal_steps_per_update == steps


def test_every_section_of_2019_is_read():
    loaded = load_settings(SAC_2019)
    assert len(loaded.settings.behaviors) == 22
    hallway = loaded.settings.behaviors["HallwayLearning"].network_settings
    assert (hallway.memory.memory_size, hallway.memory.sequence_length) == (256, 32)
    assert hallway.vis_encode_type == "simple"
    assert "HallwayLearning: ignored beta, which sac does not use." in loaded.notices
    assert sum("use_recurrent: given twice" in notice for notice in loaded.notices) == 2
