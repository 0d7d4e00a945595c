"""Defaults, file, flags and --set are laid on top of each other."""

import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.load import load_settings


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, flags=None, overrides=()):
        path = tmp_path / "trainer.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, flags, overrides)

    return write_and_load


BALL = "behaviors:\n  3DBall:\n    trainer_type: ppo\n    max_steps: 5e5\n"


def test_without_a_file_every_behavior_is_default_ppo_and_a_notice_says_so():
    loaded = load_settings(None)
    assert loaded.settings.for_behavior("Any?team=0").trainer_type == "ppo"
    assert "PPO" in loaded.notices[0]


def test_a_flag_beats_the_file_and_an_override_beats_the_flag(load):
    text = BALL + "env_settings: {seed: 1, num_areas: 2, base_port: 6000}\n"
    flags = {"env_settings.seed": 3, "env_settings.num_areas": 4}
    env = load(text, flags, ["env_settings.num_areas=5"]).settings.env_settings
    assert (env.base_port, env.seed, env.num_areas) == (6000, 3, 5)


def test_a_flag_makes_the_sections_it_needs(load):
    settings = load("", {"checkpoint_settings.run_id": "first"}).settings
    assert settings.checkpoint_settings.run_dir.as_posix() == "results/first"


def test_max_steps_is_for_every_behavior_and_the_default(load):
    text = BALL + "  Basic:\ndefault_settings: {summary_freq: 7}\n"
    settings = load(text, {"max_steps": 1000}).settings
    assert {b.max_steps for b in settings.behaviors.values()} == {1000}
    assert settings.for_behavior("Other").max_steps == 1000


def test_max_steps_without_default_settings_does_not_invent_them(load):
    assert load(BALL, {"max_steps": 1000}).settings.default_settings is None


def test_max_steps_without_a_file_is_for_any_behavior():
    assert load_settings(None, {"max_steps": 9}).settings.for_behavior("Any").max_steps == 9


def test_deterministic_is_for_every_behavior(load):
    settings = load(BALL, {"deterministic": True}).settings
    assert settings.behaviors["3DBall"].network_settings.deterministic


def test_an_override_is_yaml(load):
    override = "behaviors.3DBall.reward_signals={extrinsic: {gamma: 0.9}}"
    settings = load(BALL, overrides=[override]).settings
    assert settings.behaviors["3DBall"].reward_signals["extrinsic"].gamma == 0.9


def test_an_override_finds_a_behavior_whose_name_has_dots(load):
    text = "behaviors:\n  My:\n  My.Ball.v1:\n"
    settings = load(text, overrides=["behaviors.My.Ball.v1.max_steps=3"]).settings
    assert settings.behaviors["My.Ball.v1"].max_steps == 3
    assert settings.behaviors["My"].max_steps == 500_000


def test_an_override_reaches_into_lessons(load):
    text = "environment_parameters:\n  wall:\n    curriculum:\n      - {name: a, value: 1}\n"
    override = "environment_parameters.wall.curriculum.0.value=4"
    settings = load(text, overrides=[override]).settings
    assert settings.environment_parameters["wall"].curriculum[0].value == 4.0


def test_default_settings_are_merged_under_each_behavior(load):
    settings = load(
        "default_settings:\n"
        "  trainer_type: ppo\n"
        "  hyperparameters: {beta: 0.1, epsilon: 0.3}\n"
        "  network_settings: {memory: {memory_size: 64}}\n"
        "behaviors:\n"
        "  A: {hyperparameters: {beta: 0.2}, network_settings: {num_layers: 1, memory: null}}\n"
        "  B:\n"
    ).settings
    a, b = settings.behaviors["A"], settings.behaviors["B"]
    assert (a.hyperparameters.beta, a.hyperparameters.epsilon) == (0.2, 0.3)
    assert (a.network_settings.num_layers, a.network_settings.memory) == (1, None)
    assert b == settings.default_settings == settings.for_behavior("C")


def test_hyperparameters_of_another_trainer_are_not_inherited(load):
    settings = load(
        "default_settings: {trainer_type: ppo, hyperparameters: {beta: 0.1}}\n"
        "behaviors: {A: {trainer_type: sac}}\n"
    ).settings
    assert settings.behaviors["A"].hyperparameters.tau == 0.005


def test_a_behavior_that_is_not_listed_is_named_with_the_nearest(load):
    settings = load(BALL).settings
    with pytest.raises(
        SettingsError, match=r"'3DBal\?team=1'.*only: 3DBall\. Did you mean '3DBall'\?"
    ):
        settings.for_behavior("3DBal?team=1")


@pytest.mark.parametrize(
    ("in_file", "flags", "resume", "source"),
    [
        ("{resume: true, initialize_from: a}", {}, True, None),
        ("{resume: true}", {"initialize_from": "a"}, False, "a"),
        ("{initialize_from: a}", {"resume": True}, True, None),
        ("{}", {"initialize_from": "a", "resume": True}, True, None),
        ("{load_model: true, initialize_from: a}", {}, True, None),
    ],
)
def test_resume_and_initialize_from_exclude_each_other(load, in_file, flags, resume, source):
    flags = {f"checkpoint_settings.{key}": value for key, value in flags.items()}
    loaded = load(f"checkpoint_settings: {in_file}\n", flags)
    start = loaded.settings.checkpoint_settings
    assert (start.resume, start.initialize_from) == (resume, source)
    assert any("not used" in notice for notice in loaded.notices)


def test_torch_devices_are_understood(load):
    assert load("torch_settings: {device: 'cuda:0'}").settings.device == "gpu"
    assert load("torch_settings: {device: null}").settings.device == "auto"
    both = "torch_settings: {device: cuda}\ntf_settings: {device: cpu}\n"
    assert load(both).settings.device == "cpu"


def test_old_spellings_are_read_with_a_notice(load):
    loaded = load(
        "behaviors:\n  A:\n    framework: pytorch\n"
        "    network_settings: {vis_encoder_type: resnet}\n"
        "    reward_signals: {curiosity: {encoding_size: 64}}\n"
    )
    behavior = loaded.settings.behaviors["A"]
    assert behavior.network_settings.vis_encode_type == "resnet"
    assert behavior.reward_signals["curiosity"].network_settings.hidden_units == 64
    assert len(loaded.notices) == 3


def test_reward_signals_have_no_memory(load):
    loaded = load(
        "behaviors: {A: {reward_signals: {rnd: {network_settings: {memory: {memory_size: 8}}}}}}"
    )
    assert loaded.settings.behaviors["A"].reward_signals["rnd"].network_settings.memory is None
    assert "reward signals have none" in loaded.notices[0]


def test_reward_signals_have_no_effect_on_cloning_and_a_notice_says_so(load):
    bc = "trainer_type: bc, hyperparameters: {demo_path: a}"
    loaded = load(f"behaviors: {{A: {{{bc}, reward_signals: {{extrinsic: {{}}, rnd: {{}}}}}}}}")
    assert loaded.notices == (
        "behaviors.A.reward_signals: rnd has no effect: bc learns from demonstrations alone.",
    )
    assert load(f"behaviors: {{A: {{{bc}}}}}").notices == ()


def test_criteria_of_the_last_lesson_have_no_effect_and_a_notice_says_so(load):
    lesson = "{name: a, value: 1, completion_criteria: {behavior: A}}"
    loaded = load(f"environment_parameters: {{wall: {{curriculum: [{lesson}]}}}}")
    assert any("last lesson" in notice for notice in loaded.notices)


def test_merge_keys_and_anchors_are_read(load):
    text = "behaviors:\n  A: &a {max_steps: 5, time_horizon: 9}\n  B: {<<: *a, max_steps: 6}\n"
    behavior = load(text).settings.behaviors["B"]
    assert (behavior.max_steps, behavior.time_horizon) == (6, 9)


def test_tags_that_ml_agents_once_wrote_are_read_as_plain_data(load):
    text = (
        "behaviors: !!python/object/apply:mlagents.trainers.settings.DefaultTrainerDict\n"
        "  args:\n  - !!python/name:mlagents.trainers.settings.TrainerSettings ''\n"
        "  dictitems:\n    A:\n      max_steps: 5\n"
        "      trainer_type: !!python/object/apply:mlagents.trainers.settings.TrainerType\n"
        "      - sac\n"
    )
    behavior = load(text).settings.behaviors["A"]
    assert (behavior.trainer_type, behavior.max_steps) == ("sac", 5)


def test_a_name_that_looks_like_a_number_stays_a_name(load):
    for name in ("007", "7", "2024-01-01"):
        settings = load(f"checkpoint_settings: {{run_id: {name}}}").settings
        assert settings.checkpoint_settings.run_id == name


@pytest.mark.parametrize(
    ("self_play", "behavior", "name"),
    [
        ("{}", "Ball?team=0", "Ball"),
        ("{}", "Ball?team=1", "Ball"),
        ("null", "Ball?team=0", "Ball"),
        ("null", "Ball?team=1", "Ball?team=1"),
        ("null", "Ball", "Ball"),
    ],
)
def test_teams_share_a_trainer_only_by_self_play(load, self_play, behavior, name):
    settings = load(f"behaviors: {{Ball: {{self_play: {self_play}}}}}").settings
    assert settings.trainer_name(behavior) == name


def test_a_trainer_keeps_the_name_that_an_earlier_version_gave_it(load):
    settings = load("behaviors: {Ball: {}}").settings
    assert settings.trainer_name("Ball?team=0", ["Ball?team=0"]) == "Ball?team=0"
