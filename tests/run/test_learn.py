import csv
import json

import numpy as np
import pytest
import yaml

from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import DiscreteLine, LineWorld
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import StorageError
from mlagents_tf.run import environments, saving
from mlagents_tf.run import learn as learn_module
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.lock import RunLock
from mlagents_tf.run.storage import load_arrays, load_json
from tests.run.runs import CONFIG, TwoWorlds, learn


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "results" / "r"


def committed_steps(run_dir):
    return [commit.step for commit in find_commits(run_dir)]


def weights(run_dir, behavior="toy-discrete"):
    arrays = load_arrays(find_commits(run_dir)[0].path / behavior / "trainer.npz")
    return {name: a for name, a in arrays.items() if name.startswith("network/")}


def csv_steps(run_dir, behavior="toy-discrete"):
    with (run_dir / behavior / "statistics.csv").open(newline="") as file:
        return [int(row["Step"]) for row in csv.DictReader(file)]


def test_a_run_leaves_settings_checkpoints_logs_and_a_model(tmp_path, run_dir, capsys):
    assert learn(tmp_path) == 0
    assert committed_steps(run_dir) == sorted(committed_steps(run_dir), reverse=True)
    assert len(committed_steps(run_dir)) == 3  # keep_checkpoints
    assert csv_steps(run_dir) == list(range(100, 1001, 100))
    assert list(run_dir.glob("toy-discrete/events.out.tfevents.*"))
    assert (run_dir / "toy-discrete" / "saved_model" / "saved_model.pb").exists()
    timers = json.loads((run_dir / "run_logs" / "timers.json").read_text())
    assert {"act", "env", "observe", "update", "save"} <= timers["children"].keys()
    assert timers["gauges"]["toy-discrete.Losses.PolicyLoss.mean"]["count"] > 0
    printed = capsys.readouterr().out
    assert "toy-discrete. Step: 100. Time Elapsed: " in printed
    assert "Not Training." in printed


def test_the_recorded_configuration_can_be_trained_from_again(tmp_path, run_dir):
    learn(tmp_path)
    recorded = run_dir / "configuration.yaml"
    text = yaml.safe_load(recorded.read_text())
    assert text["env_settings"]["seed"] == 1
    again = ["learn", str(recorded), "--run-id", "again", "--max-steps", "200"]
    assert main(again) == 0
    assert committed_steps(tmp_path / "results" / "again")[0] >= 200


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path, run_dir, capsys):
    learn(tmp_path, "--max-steps", "300")
    stopped_at = committed_steps(run_dir)[0]
    assert learn(tmp_path, "--resume") == 0
    assert f"Resuming from step {stopped_at}." in capsys.readouterr().out
    assert committed_steps(run_dir)[0] >= 1000
    assert csv_steps(run_dir) == list(range(100, 1001, 100))


def test_what_was_logged_beyond_the_last_checkpoint_is_cut(tmp_path, run_dir):
    learn(tmp_path, "--max-steps", "300")
    table = run_dir / "toy-discrete" / "statistics.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, "400" + lines[-1].removeprefix("300")]) + "\n")
    learn(tmp_path, "--resume", "--max-steps", "600")
    assert csv_steps(run_dir) == [100, 200, 300, 400, 500, 600]


def test_what_was_logged_of_a_behavior_that_came_after_the_checkpoint_is_cut(tmp_path, run_dir):
    learn(tmp_path, "--max-steps", "300")
    late = run_dir / "late" / "statistics.csv"
    late.parent.mkdir()
    late.write_text("Step,Policy/Entropy\n100,0.5\n")
    learn(tmp_path, "--resume", "--max-steps", "400")
    assert late.read_text() == "Step,Policy/Entropy\n"


def test_a_run_that_is_done_says_so(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    assert learn(tmp_path, "--resume", "--max-steps", "200") == 0
    assert "already at" in capsys.readouterr().out


def test_a_taken_run_id_is_refused_with_the_three_ways_out(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    assert learn(tmp_path) == 2
    message = capsys.readouterr().err
    assert "step 2" in message
    assert all(way in message for way in ("--resume", "--force", "--run-id"))


def test_force_begins_again(tmp_path, run_dir):
    learn(tmp_path, "--max-steps", "600")
    assert learn(tmp_path, "--force", "--max-steps", "300") == 0
    assert max(committed_steps(run_dir)) < 400
    assert csv_steps(run_dir) == [100, 200, 300]


@pytest.mark.parametrize("flag", ["--resume", "--inference"])
def test_a_run_that_does_not_exist_cannot_go_on(tmp_path, flag, capsys):
    assert learn(tmp_path, flag) == 2
    assert f"leave out {flag}" in capsys.readouterr().err


@pytest.mark.parametrize("run_id", ["../escape", "a/b", "", "..", "CON", "a:b"])
def test_a_run_id_that_cannot_name_a_directory_is_refused(tmp_path, run_id, capsys):
    assert learn(tmp_path, run_id=run_id) == 2
    assert capsys.readouterr().err


def test_a_changed_network_is_refused_with_every_tensor(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    changed = "default_settings.network_settings.hidden_units=16"
    assert learn(tmp_path, "--resume", "--set", changed) == 5
    message = capsys.readouterr().err
    assert "network/" not in message
    assert "actor/dense_0/kernel: was [1, 8], is now [1, 16]" in message.replace("[2,", "[1,")
    assert "value_heads/values/kernel: was [8, 1], is now [16, 1]" in message


def test_a_refused_resume_leaves_the_recorded_configuration(tmp_path, run_dir):
    learn(tmp_path, "--max-steps", "200")
    before = (run_dir / "configuration.yaml").read_text()
    changed = "default_settings.network_settings.hidden_units=16"
    assert learn(tmp_path, "--resume", "--set", changed) == 5
    assert (run_dir / "configuration.yaml").read_text() == before


def test_another_environment_than_the_runs_is_refused(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    assert learn(tmp_path, "--resume", env="toy-continuous") == 5
    assert "was trained on behavior 'toy-discrete'" in capsys.readouterr().err


def test_changed_values_are_shown(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    learn(tmp_path, "--resume", "--max-steps", "300", "--num-areas", "32")
    printed = capsys.readouterr().out
    assert "changed since the run was begun: env_settings.num_areas: null -> 32" in printed.replace(
        "None", "null"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--num-areas", "32"], "areas"),
        (["--set", "environment_parameters.wind=2"], "environment_parameters have changed"),
    ],
)
def test_a_resume_in_another_world_is_faithful_and_says_so(tmp_path, capsys, change, reason):
    learn(tmp_path, "--max-steps", "200")
    assert learn(tmp_path, "--resume", "--max-steps", "500", *change) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if "faithful" in x)
    assert "not exact" in line
    assert reason in line


def test_weights_are_taken_from_another_run(tmp_path, run_dir):
    learn(tmp_path, "--max-steps", "500", run_id="first")
    learn(tmp_path, "--max-steps", "100", "--initialize-from", "first")
    learn(tmp_path, "--max-steps", "100", run_id="fresh")
    results = tmp_path / "results"
    name = "network/actor/dense_0/kernel"
    first, warm, fresh = (weights(results / run)[name] for run in ("first", "r", "fresh"))
    assert np.abs(warm - first).max() < np.abs(fresh - first).max()


def test_a_missing_run_to_initialize_from_is_found_before_anything_starts(tmp_path, capsys):
    assert learn(tmp_path, "--initialize-from", "nowhere") == 5
    assert "nowhere" in capsys.readouterr().err


def test_a_run_in_use_is_refused(tmp_path, run_dir, capsys):
    with RunLock(run_dir):
        assert learn(tmp_path) == 4
    assert "in use by process" in capsys.readouterr().err


def test_an_environment_that_does_not_exist_is_refused(tmp_path, capsys):
    assert learn(tmp_path, env="3DBal") == 3
    assert "Did you mean '3DBall'?" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


class BrokenEnv:
    """Passes an environment on until it is told to break."""

    def __init__(self, env, after, damage):
        self._env, self._left, self._damage = env, after, damage

    def __getattr__(self, name):
        return getattr(self._env, name)

    def step(self, actions):
        steps = self._env.step(actions)
        self._left -= 1
        return steps if self._left > 0 else {n: self._damage(s) for n, s in steps.items()}


def test_a_behavior_that_is_finished_learns_no_more_while_others_do(tmp_path, monkeypatch):
    def make(name, **kwargs):
        return TwoWorlds(DiscreteLine(8, 1), LineWorld(8, 1))

    monkeypatch.setattr(environments, "make_env", make)
    config = tmp_path / "two.yaml"
    first = "{toy-discrete: {max_steps: 200}, toy-continuous: {max_steps: 600}}"
    config.write_text(
        CONFIG.replace("keep_checkpoints: 3", f"keep_checkpoints: 9\nbehaviors: {first}")
    )
    results = str(tmp_path / "results")
    assert main(["learn", str(config), "--env", "Basic", "--results-dir", results]) == 0
    # buffer_size is 128: the second update would be due at 256 steps
    commits = find_commits(tmp_path / "results" / "ppo")
    kernels = [
        load_arrays(c.path / "toy-discrete" / "trainer.npz")["network/actor/dense_0/kernel"]
        for c in commits
        if load_json(c.path / "toy-discrete" / "trainer.json")["steps"] >= 200
    ]
    assert len(kernels) > 2
    for kernel in kernels:
        np.testing.assert_array_equal(kernel, kernels[0])


def breaking(monkeypatch, after, damage):
    def make(name, **kwargs):
        return BrokenEnv(make_env(name, **kwargs), after, damage)

    monkeypatch.setattr(environments, "make_env", make)


def nan_reward(step):
    rewards = step.rewards.copy()
    rewards[0] = np.nan
    return step._replace(rewards=rewards)


def nan_observation(step):
    obs = step.obs[0].copy()
    obs[0, 0] = np.inf
    return step._replace(obs=(obs, *step.obs[1:]))


def wrong_shape(step):
    return step._replace(obs=(step.obs[0][:, :0], *step.obs[1:]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (nan_reward, ["behavior toy-discrete", "reward of agent", "nan"]),
        (nan_observation, ["behavior toy-discrete", "observation 0[0] of agent", "inf"]),
        (wrong_shape, ["behavior toy-discrete", "observation 0", "shape"]),
    ],
)
def test_a_broken_environment_is_named_and_what_was_learned_is_saved(
    tmp_path, run_dir, monkeypatch, capsys, damage, words
):
    breaking(monkeypatch, 40, damage)
    assert learn(tmp_path) == 3
    message = capsys.readouterr().err
    assert all(word in message for word in words)
    assert committed_steps(run_dir)[0] > 0
    monkeypatch.undo()
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    assert learn(tmp_path, "--resume") == 0


def test_an_exception_of_the_environment_does_not_cost_what_was_learned(
    tmp_path, run_dir, monkeypatch
):
    def fail(step):
        raise ZeroDivisionError("somebody's game")

    breaking(monkeypatch, 40, fail)
    with pytest.raises(ZeroDivisionError):
        learn(tmp_path)
    assert committed_steps(run_dir)[0] > 0


def test_a_full_disk_costs_a_warning_and_the_interval(tmp_path, run_dir, monkeypatch, capsys):
    real, calls = saving.commit, []

    def commit(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise StorageError("disk: cannot save: No space left on device.")
        return real(*args, **kwargs)

    monkeypatch.setattr(saving, "commit", commit)
    assert learn(tmp_path) == 0
    assert "Checkpoint not saved: disk: cannot save: No space left" in capsys.readouterr().out
    assert committed_steps(run_dir)[0] >= 1000


def test_a_last_checkpoint_that_cannot_be_saved_is_an_error(tmp_path, monkeypatch, capsys):
    def commit(*args, **kwargs):
        raise StorageError("disk: cannot save: No space left on device.")

    monkeypatch.setattr(saving, "commit", commit)
    assert learn(tmp_path, "--max-steps", "100") == 4
    assert "No space left" in capsys.readouterr().err


def test_a_failed_export_is_a_warning(tmp_path, monkeypatch, capsys):
    def fail(*args):
        raise RuntimeError("no exporter")

    monkeypatch.setattr(learn_module, "export_trainer", fail)
    assert learn(tmp_path, "--max-steps", "100") == 0
    assert "was not exported: no exporter. Its checkpoint is safe" in capsys.readouterr().out


def test_an_image_too_small_for_its_encoder_names_another(tmp_path, capsys):
    larger = "default_settings.network_settings.vis_encode_type=nature_cnn"
    assert learn(tmp_path, "--set", larger, env="toy-image") == 2
    error = capsys.readouterr().err
    assert "needs images of at least 36x36, and these are 20x20. Choose 'simple'." in error


def test_names_with_spaces_and_emoji_are_fine(tmp_path):
    folder = tmp_path / "Ünï cödé 🚀"
    folder.mkdir()
    assert learn(folder, "--max-steps", "100", run_id="a run 🚀") == 0


def test_an_unknown_environment_parameter_is_said_once(tmp_path, capsys):
    assert learn(tmp_path, "--max-steps", "100", "--set", "environment_parameters.wind=3") == 0
    assert capsys.readouterr().out.count("has no parameter wind") == 1
