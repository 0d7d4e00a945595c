import copy
import subprocess
import sys
import threading

import gymnasium
import numpy as np
import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import DiscreteLine, LineWorld
from mlagents_tf.errors import DataError, EnvError, SettingsError
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.entry import read_settings
from mlagents_tf.run.storage import load_arrays
from mlagents_tf.settings.load import load_settings
from tests.run.runs import TwoWorlds, learn, write_config

BEHAVIOR = {
    "trainer_type": "ppo",
    "hyperparameters": {"batch_size": 32, "buffer_size": 128, "num_epoch": 1},
    "network_settings": {"hidden_units": 8, "num_layers": 1, "normalize": True},
    "max_steps": 1000,
    "summary_freq": 100,
    "checkpoint_interval": 200,
    "keep_checkpoints": 3,
}


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def test_importing_the_package_imports_nothing_that_is_slow():
    code = (
        "import sys, mlagents_tf;"
        "assert not {'tensorflow', 'numpy', 'pydantic'} & set(sys.modules);"
        "mlagents_tf.make_env, mlagents_tf.RunSettings; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_that_is_offered_is_there():
    assert {name: getattr(mlagents_tf, name) for name in mlagents_tf.__all__}
    assert set(mlagents_tf.__all__) <= set(dir(mlagents_tf))
    with pytest.raises(AttributeError, match="no attribute 'lern'"):
        mlagents_tf.lern  # noqa: B018


def test_settings_may_be_given_in_any_form(tmp_path):
    path = write_config(tmp_path)
    whole = load_settings(path).settings
    behavior = mlagents_tf.BehaviorSettings(**BEHAVIOR)
    for given in (path, str(path), whole, behavior, {"default_settings": BEHAVIOR}):
        assert read_settings(given, {}).settings == whole
    assert read_settings(None, {}).settings == mlagents_tf.RunSettings()


def test_a_dict_of_settings_stays_as_it_is():
    given = {"default_settings": BEHAVIOR, "behaviors": {"A": {"max_steps": 5}}}
    before = copy.deepcopy(given)
    read_settings(given, {"env_settings.seed": 3})
    assert given == before


def test_a_mistake_in_a_dict_is_named_with_its_path():
    with pytest.raises(SettingsError, match=r"behaviors\.A\.max_step: .* Did you mean 'max_steps'"):
        mlagents_tf.learn({"behaviors": {"A": {"max_step": 5}}}, "Basic")


def test_settings_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="settings is a int; give RunSettings"):
        mlagents_tf.learn(3)


def test_a_script_trains_what_the_command_trains(tmp_path, results):
    learn(tmp_path, "--max-steps", "300")
    settings = {"default_settings": BEHAVIOR | {"max_steps": 300}}
    result = mlagents_tf.learn(
        settings, "toy-discrete", run_id="script", results_dir=results, seed=1
    )
    assert (result.steps, result.finished, result.exit_code) == (300, True, 0)
    one, other = (
        load_arrays(find_commits(results / run)[0].path / "toy-discrete" / "trainer.npz")
        for run in ("r", "script")
    )
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_resume_that_would_not_be_exact_can_be_refused(results):
    settings = {"default_settings": BEHAVIOR | {"max_steps": 400}}
    options = {"run_id": "r", "results_dir": results, "seed": 1}
    mlagents_tf.learn(settings, "toy-discrete", **options, stop_at=200)
    changed = settings | {"environment_parameters": {"wind": 1.0}}
    again = {**options, "resume": True}
    with pytest.raises(DataError, match="cannot be resumed exactly, since environment_parameters"):
        mlagents_tf.learn(changed, "toy-discrete", **again, strict_resume=True)
    assert mlagents_tf.learn(changed, "toy-discrete", **again).finished


def test_callbacks_see_progress_and_one_can_end_the_run(results):
    seen = []

    def until_300(progress):
        seen.append(progress)
        return progress.steps >= 300

    env = LineWorld(4, seed=1)
    settings = mlagents_tf.BehaviorSettings(**BEHAVIOR)
    options = {"run_id": "r", "results_dir": results, "seed": 1}
    result = mlagents_tf.learn(settings, env, **options, callbacks=[until_300])
    assert [progress.steps for progress in seen] == [100, 200, 300]
    assert seen[0].max_steps == 1000
    assert 0 < seen[0].elapsed < seen[2].elapsed
    assert result.statistics == seen[2].statistics
    assert seen[2].statistics["toy-continuous"]["Policy/Entropy"] > 0
    assert "Policy/Entropy" not in seen[0].statistics["toy-continuous"]  # before the first update
    assert (result.steps, result.finished) == (300, False)
    assert find_commits(result.run_dir)[0].step == 300
    again = mlagents_tf.learn(settings, env, **options, resume=True)
    assert (again.steps, again.finished) == (1000, True)


def test_the_step_to_stop_at_and_how_to_go_on(results, capsys):
    settings = {"default_settings": BEHAVIOR}
    result = mlagents_tf.learn(settings, LineWorld(4), run_id="r", results_dir=results, stop_at=100)
    assert result.steps == 100
    assert "mlagents_tf.learn(..., run_id='r', resume=True)" in capsys.readouterr().out


def test_what_was_learned_is_saved_when_a_callback_fails(results):
    def fail(progress):
        raise ZeroDivisionError

    settings = {"default_settings": BEHAVIOR}
    with pytest.raises(ZeroDivisionError):
        mlagents_tf.learn(settings, "Basic", results_dir=results, callbacks=[fail])
    assert find_commits(results / "ppo")[0].step >= 100


def test_an_environment_of_the_callers_is_left_open(results):
    env = TwoWorlds(DiscreteLine(4, 1), LineWorld(4, 1))
    settings = {"default_settings": BEHAVIOR | {"max_steps": 200}}
    result = mlagents_tf.learn(settings, env, run_id="r", results_dir=results)
    assert result.steps == 400
    assert result.statistics.keys() == {"toy-discrete", "toy-continuous"}
    assert env.closed == 0


@pytest.fixture
def nameless(results):
    """A run that was trained on an environment without a name."""
    settings = {"default_settings": BEHAVIOR | {"max_steps": 100}}
    settings["env_settings"] = {"env_path": "Basic"}  # not what it was trained on
    return mlagents_tf.learn(settings, DiscreteLine(4), results_dir=results).run_dir


def test_a_run_without_a_name_for_its_environment_is_evaluated_with_one(nameless, capsys):
    assert main(["evaluate", str(nameless)]) == 2
    assert "has no name; name one with --env" in capsys.readouterr().err
    assert main(["evaluate", str(nameless), "--env", "toy-discrete", "--episodes", "3"]) == 0
    assert main(["export", str(nameless)]) == 0
    config = str(nameless / "configuration.yaml")
    # for the command that is a run in the Editor
    flags = ["--base-port", "5104", "--timeout-wait", "1"]
    assert main(["learn", config, "--resume", *flags]) == 3
    assert "Press Play in the Editor" in capsys.readouterr().err


def test_a_run_trains_in_another_thread(results):
    found = []
    settings = {"default_settings": BEHAVIOR | {"max_steps": 100}}
    thread = threading.Thread(
        target=lambda: found.append(mlagents_tf.learn(settings, "Basic", results_dir=results))
    )
    thread.start()
    thread.join()
    assert found[0].finished


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LineWorld, "env is the class LineWorld; give an instance"),
        (lambda: gymnasium.make("CartPole-v1"), "env='gym:CartPole-v1'"),
    ],
)
def test_what_is_no_environment_is_refused(make, words, results):
    with pytest.raises(EnvError, match=words):
        mlagents_tf.learn(None, make(), results_dir=results)
    assert not results.exists()
