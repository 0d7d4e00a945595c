"""Demonstrations are opened before a run begins, and what is wrong with one ends the command."""

import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import DataError
from mlagents_tf.run.demonstrations import check_demonstrations
from mlagents_tf.settings.load import load_text
from tests.data.demo_files import two_episodes, write_file
from tests.recordings import RECORDINGS, needs_recordings

GAIL = "{reward_signals: {gail: {demo_path: %s}}}"
CLONING = "{behavioral_cloning: {demo_path: %s}}"
BC = "{trainer_type: bc, hyperparameters: {demo_path: %s}}"
PLACES = {
    "reward_signals.gail.demo_path": GAIL,
    "behavioral_cloning.demo_path": CLONING,
    "hyperparameters.demo_path": BC,
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(text, env="Basic"):
    """The sentence that a configuration is refused with."""
    with pytest.raises(DataError) as refused:
        check_demonstrations(load_text(f"{text}\nenv_settings: {{env_path: {env}}}").settings)
    return str(refused.value)


@pytest.mark.parametrize(("key", "behavior"), PLACES.items())
def test_a_missing_file_is_named_with_its_key(here, key, behavior):
    where = f"behaviors.Basic.{key}: {here}/demos/a.demo: there is no such file or directory."
    hint = " 'demos/a.demo' is relative to the working directory, not to the configuration."
    assert refusal(f"behaviors: {{Basic: {behavior % 'demos/a.demo'}}}") == where + hint


def test_a_missing_file_that_was_given_absolutely_needs_no_hint(here):
    sentence = refusal(f"behaviors: {{Basic: {GAIL % (here / 'a.demo')}}}")
    assert sentence.endswith("a.demo: there is no such file or directory.")


def test_an_empty_directory_is_named(here):
    (here / "demos").mkdir()
    sentence = refusal(f"behaviors: {{Basic: {CLONING % 'demos'}}}")
    assert sentence.endswith(f"{here}/demos: no file in this directory ends in '.demo'.")


def test_a_truncated_head_is_named(here):
    path = write_file(here / "a.demo", two_episodes())
    path.write_bytes(path.read_bytes()[:20])
    sentence = refusal(f"behaviors: {{Basic: {BC % 'a.demo'}}}")
    assert sentence.startswith(f"behaviors.Basic.hyperparameters.demo_path: {path}: ")


def test_a_foreign_file_in_a_directory_is_named(here):
    write_file(here / "a.demo", two_episodes())
    (here / "b.demo").write_text("not a demonstration")
    assert f"gail.demo_path: {here}/b.demo: " in refusal(f"behaviors: {{Basic: {GAIL % '.'}}}")


@needs_recordings
def test_a_file_of_a_format_before_0_12_is_named(here):
    path = RECORDINGS / "unitytests_test_legacy07.demo"
    sentence = refusal(f"behaviors: {{Basic: {GAIL % path}}}")
    assert "format of ML-Agents <= 0.11" in sentence


def test_default_settings_are_checked_if_they_are_used(here):
    default = f"default_settings: {GAIL % 'a.demo'}"
    assert refusal(default).startswith("default_settings.reward_signals.gail.demo_path: ")
    own = f"{default}\nbehaviors: {{Basic: {{reward_signals: {{gail: null, extrinsic: {{}}}}}}}}"
    check_demonstrations(load_text(f"{own}\nenv_settings: {{env_path: Basic}}").settings)


def test_a_behavior_that_the_environment_does_not_have_needs_no_demonstration(here):
    other = f"behaviors: {{Basic: {{}}, Other: {GAIL % 'a.demo'}}}\nenv_settings: {{env_path: %s}}"
    check_demonstrations(load_text(other % "Basic").settings)
    with pytest.raises(DataError, match=r"behaviors\.Other"):
        check_demonstrations(load_text(other % "gym:Basic").settings)


def test_the_command_ends_with_5_before_there_is_a_run(here, capsys):
    (here / "run.yaml").write_text(f"behaviors: {{Basic: {GAIL % 'a.demo'}}}")
    assert main(["learn", "run.yaml", "--env", "Basic", "--run-id", "r"]) == 5
    assert "behaviors.Basic.reward_signals.gail.demo_path: " in capsys.readouterr().err
    assert not (here / "results").exists()


def test_a_run_that_only_acts_needs_no_demonstrations(here, capsys):
    (here / "run.yaml").write_text(f"behaviors: {{Basic: {GAIL % 'a.demo'}}}")
    assert main(["learn", "run.yaml", "--env", "Basic", "--run-id", "r", "--inference"]) == 2
    assert "there is no such run" in capsys.readouterr().err


def test_good_demonstrations_are_accepted(here):
    write_file(here / "a.demo", two_episodes())
    for behavior in PLACES.values():
        text = f"behaviors: {{Basic: {behavior % 'a.demo'}}}\nenv_settings: {{env_path: Basic}}"
        check_demonstrations(load_text(text).settings)
