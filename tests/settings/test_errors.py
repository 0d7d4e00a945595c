"""Bad input is refused with where, what was received, and what to type instead."""

import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.load import load_settings


@pytest.fixture
def errors(tmp_path, monkeypatch):
    """The lines that a file is refused with."""
    monkeypatch.chdir(tmp_path)

    def load(text, flags=None, overrides=()):
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "t.yaml").write_bytes(raw)
        with pytest.raises(SettingsError) as caught:
            load_settings((tmp_path / "t.yaml").relative_to(tmp_path), flags, overrides)
        return str(caught.value).splitlines()

    return load


def behavior(keys):
    return "behaviors:\n  A:\n    trainer_type: ppo\n" + "".join(f"    {key}\n" for key in keys)


def test_an_unknown_key_names_its_line_and_the_nearest_key(errors):
    assert errors(behavior(["hyperparameters: {batchsize: 64}"])) == [
        "t.yaml:4: behaviors.A.hyperparameters.batchsize: no such key (received 64). "
        "Did you mean 'batch_size'?"
    ]


def test_every_error_of_a_file_is_reported_in_its_order(errors):
    found = errors(
        behavior(
            [
                "hyperparameters: {learning_rate: 0}",
                "network_settings: {memory: {memory_size: 3}}",
                "max_steps: many",
                "max_step: 3",
            ]
        )
        + "env_settings: {seed: x}\n"
    )
    assert [line.split(": ")[0] for line in found] == [f"t.yaml:{n}" for n in range(4, 9)]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("max_steps: big", "expected an integer (received 'big')"),
        ("max_steps: 1.5", "expected an integer (received 1.5)"),
        ("max_steps: 0", "must be greater than 0 (received 0)"),
        ("max_steps: .nan", "expected an integer (received nan)"),
        ("threaded: 'maybe'", "expected true or false (received 'maybe')"),
        ("threaded: 1", "expected true or false (received 1)"),
        ("init_path: [a]", "expected text (received ['a'])"),
        ("keep_checkpoints: 0", "must be greater than 0"),
        ("network_settings: 5", "expected a section of keys (received 5)"),
        ("network_settings: {hidden_units: 0}", "must be greater than 0"),
        ("network_settings: {memory: {memory_size: 5}}", "must be a multiple of 2 (received 5)"),
        ("network_settings: {vis_encode_type: resnt}", "Did you mean 'resnet'?"),
        ("hyperparameters: {learning_rate: 0}", "must be greater than 0 (received 0)"),
        ("hyperparameters: {learning_rate: .inf}", "must be"),
        ("hyperparameters: {lambd: 1.1}", "must be at most 1 (received 1.1)"),
        ("hyperparameters: {batch_size: 0}", "must be greater than 0"),
        ("hyperparameters: {batch_size: 20, buffer_size: 10}", "batch_size (20) is larger"),
        ("hyperparameters: {learning_rate_schedule: linaer}", "Did you mean 'linear'?"),
        ("reward_signals: {extrinsic: {gamma: 1.5}}", "must be at most 1"),
        ("reward_signals: {extrinsc: {}}", "no such reward signal. Did you mean 'extrinsic'?"),
        ("reward_signals: {gail: {}}", "reward_signals.gail.demo_path: is required"),
        ("reward_signals: {extrinsic: }", "no reward signal is left"),
        ("reward_signals: 5", "expected a section of keys (received 5)"),
        ("self_play: {window: 0}", "must be greater than 0"),
        ("self_play: {play_against_latest_model_ratio: 2}", "must be at most 1"),
        ("behavioral_cloning: {steps: 5}", "demo_path: is required"),
        (
            "behavioral_cloning: {demo_path: a, demo_action_alignment: nxt}",
            "must be 'auto', 'next' or 'same' (received 'nxt'). Did you mean 'next'?",
        ),
        ("batch_size: 64", "no such key (received 64). Write it under 'hyperparameters'."),
        ("hidden_units: 64", "Write it under 'network_settings'."),
        ("trainer_type: pppo", "given twice"),
    ],
)
def test_a_value_that_cannot_be_used_says_what_can(errors, key, message):
    (line,) = errors(behavior([key]))
    assert line.startswith("t.yaml:4: behaviors.A")
    assert message in line


def test_a_behavior_belongs_under_behaviors(errors):
    (line,) = errors("3DBall: {max_steps: 5}")
    assert "3DBall: no such key" in line
    assert "If it is a behavior, write it under 'behaviors'." in line


def test_an_unknown_trainer_is_named_with_the_nearest(errors):
    (line,) = errors("behaviors: {A: {trainer_type: pppo}}")
    assert "no such trainer (received 'pppo'). Did you mean 'ppo'?" in line


def test_sac_updates_every_so_many_steps(errors):
    (line,) = errors("behaviors: {A: {trainer_type: sac, hyperparameters: {steps_per_update: 0}}}")
    assert "steps_per_update: must be greater than 0 (received 0)" in line


@pytest.mark.parametrize("share", ["1", "-0.1"])
def test_something_is_left_to_learn_from(errors, share):
    hyperparameters = f"{{demo_path: a, held_out: {share}}}"
    (line,) = errors(f"behaviors: {{A: {{trainer_type: bc, hyperparameters: {hyperparameters}}}}}")
    assert "held_out: must be " in line


def test_cloning_beside_the_trainer_that_clones_is_refused(errors):
    bc = "{trainer_type: bc, hyperparameters: {demo_path: a}}"
    (line,) = errors(
        f"behaviors: {{A: {bc}}}\ndefault_settings: {{behavioral_cloning: {{demo_path: b}}}}"
    )
    assert "behaviors.A: behavioral_cloning stands beside a trainer that learns from" in line
    assert "set it to null where default_settings has it" in line


def test_hyperparameters_need_a_trainer_type(errors):
    (line,) = errors("behaviors: {A: {hyperparameters: {beta: 0.1}}}")
    assert "hyperparameters are given without a trainer_type" in line


def test_a_sequence_fits_a_minibatch(errors):
    (line,) = errors(
        behavior(
            ["hyperparameters: {batch_size: 32}", "network_settings: {memory: {memory_size: 8}}"]
        )
    )
    assert "sequence_length (64) is larger than hyperparameters.batch_size (32)" in line


def test_an_inherited_error_is_reported_once_where_it_is_written(errors):
    found = errors("default_settings:\n  max_steps: x\nbehaviors:\n  A:\n  B:\n")
    assert found == ["t.yaml:2: default_settings.max_steps: expected an integer (received 'x')."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{sampler_type: unifrm, sampler_parameters: {}}", "Did you mean 'uniform'?"),
        ("{sampler_type: uniform}", "sampler_parameters: is required"),
        ("{sampler_parameters: {min_value: 1}}", "sampler_type: is required"),
        ("{sampler_type: uniform, sampler_parameters: {min_value: 2}}", "Swap them"),
        (
            "{sampler_type: multirangeuniform, sampler_parameters: {intervals: [[1]]}}",
            "expected a list of [smallest, largest] pairs",
        ),
        ("{curriculum: []}", "at least one lesson"),
        ("{curriculum: [{name: a, value: 1}, {name: b, value: 2}]}", "completion_criteria"),
        ("{curriculum: [{value: 1}]}", "curriculum[0].name: is required"),
        ("tall", "expected a number (received 'tall')"),
    ],
)
def test_a_parameter_that_cannot_be_used_says_why(errors, text, message):
    (line,) = errors(f"environment_parameters:\n  wall: {text}\n")
    assert line.startswith("t.yaml:2: environment_parameters.wall")
    assert message in line


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\\\\b", "a:b", "con", "", " a", "a."])
def test_a_run_id_is_a_directory_name(errors, name):
    (line,) = errors(f'checkpoint_settings: {{run_id: "{name}"}}')
    assert "checkpoint_settings.run_id" in line
    assert "cannot name a directory" in line


def test_several_environments_need_an_environment(errors):
    (line,) = errors("env_settings: {num_envs: 3}")
    assert "Name an environment with --env" in line


def test_a_flag_is_named_instead_of_a_line(errors):
    (line,) = errors("", {"env_settings.seed": -7})
    assert line == "--seed: env_settings.seed: must be at least -1 (received -7)."


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("env_settings.seed=x", "env_settings.seed: expected an integer (received 'x')"),
        ("env_settings.sed=3", "Did you mean 'seed'?"),
        ("seed", "write PATH=VALUE"),
        ("behaviors..x=3", "write PATH=VALUE"),
        ("debug.x=3", "debug is not a section"),
        ("debug=[1", "not valid YAML"),
        ("debug=!!python/name:os.system ''", "would run Python code"),
    ],
)
def test_an_override_is_named_instead_of_a_line(errors, override, message):
    lines = errors("debug: true", overrides=[override])
    assert lines[0].startswith(f"--set {override}")
    assert message in lines[0]


def test_a_key_given_twice_is_an_error(errors):
    (line,) = errors("debug: true\nenv_settings: {}\ndebug: true\n")
    assert line == "t.yaml:3: debug: given twice, first on line 1. Remove one."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a:\n\tb: 3\n", "t.yaml:2: not valid YAML: a tab indents this line"),
        (b"a: [1,\nb: }\n", "t.yaml:2: not valid YAML"),
        (b"a: \x07\n", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        ("behaviors: {}".encode("utf-16"), "Save it as UTF-8"),
        ("behaviors: {}".encode("utf-16-le"), "Save it as UTF-8"),
        (b"a: 1\nb: \xff\xfe\n", "t.yaml:2: not UTF-8"),
        (b"[1, 2]", "expected keys and values"),
        (b"just words", "expected keys and values"),
        (b"behaviors: !!python/object/apply:os.system ['true']", "would run Python code"),
        (b"behaviors: !mine {}", "the tag !mine is not allowed"),
        (b"debug: !!bool maybe", "does not fit its tag !!bool"),
        (b"? [a]\n: 3\n", "a key must be one word"),
        (b"&a [*a]", "nested deeper"),
        (b"a: &a {<<: *a}", "nested deeper"),
        (b"[" * 3000, "nested deeper"),
        (b"a: " + b"{b: " * 60 + b"1" + b"}" * 60, "nested deeper"),
    ],
)
def test_text_that_is_not_plain_yaml_is_refused(errors, text, message):
    assert message in errors(text)[0]


def test_an_alias_bomb_is_refused(errors):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "more than 100,000 values" in errors("\n".join(lines))[0]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_bytes(b"\xef\xbb\xbfbehaviors:\r\n  A:\r\n    max_steps: 5e3\r\n")
    assert load_settings(path).settings.behaviors["A"].max_steps == 5000


def test_an_empty_file_is_a_configuration_without_keys(tmp_path):
    (tmp_path / "t.yaml").write_bytes(b"")
    assert load_settings(tmp_path / "t.yaml").settings == load_settings(None).settings


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
    (tmp_path / "trainer.yaml").write_text("")
    with pytest.raises(SettingsError, match=r"no such file\. Did you mean 'trainer.yaml'\?"):
        load_settings(tmp_path / "trainr.yaml")


def test_a_directory_is_not_a_file(tmp_path):
    with pytest.raises(SettingsError, match="is a directory"):
        load_settings(tmp_path)


def test_an_override_of_a_misspelt_behavior_names_the_right_one(errors):
    lines = errors(
        "behaviors: {3DBall: {trainer_type: ppo}}", overrides=["behaviors.3DBal.max_steps=3"]
    )
    assert lines == [
        "--set behaviors.3DBal.max_steps=3: behaviors.3DBal.max_steps: "
        "the configuration has no behavior '3DBal'. Did you mean '3DBall'?"
    ]
