"""Evaluation during training, and the best policy it finds."""

import csv

import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import DiscreteLine
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.evaluation import BEST
from mlagents_tf.run.storage import load_json
from tests.run.exact import differences, traces
from tests.run.runs import CONFIG, write_config

EVALUATED = CONFIG + "evaluation: {interval: 200, episodes: 8}\n"


def learn(folder, *more, text=EVALUATED, run_id="r"):
    results = str(folder / "results")
    flags = ["--run-id", run_id, "--results-dir", results, "--seed", "1", *more]
    return main(["learn", str(write_config(folder, text)), "--env", "toy-discrete", *flags])


def test_the_best_policy_is_kept_and_can_be_used_as_a_run(tmp_path, capsys):
    assert learn(tmp_path) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "Evaluation at step" in line]
    assert len(told) == 5
    assert told[0].endswith("the best so far")
    means = [float(line.split("toy-discrete ")[1].split(" ")[0]) for line in told]
    best = tmp_path / "results" / "r" / BEST
    (commit,) = find_commits(best)
    assert load_json(commit.path / "run.json")["best"] == pytest.approx(max(means), abs=1e-3)
    assert f"step {commit.step}:" in told[means.index(max(means))]
    for command in (["evaluate", str(best), "--episodes", "8"], ["export", str(best)]):
        assert main(command) == 0
    with (tmp_path / "results" / "r" / "toy-discrete" / "statistics.csv").open() as file:
        rows = [row["Evaluation/Cumulative Reward"] for row in csv.DictReader(file)]
    assert [float(value) for value in rows if value] == pytest.approx(
        means[: sum(map(bool, rows))], abs=1e-3
    )


def test_training_is_not_touched_by_it(tmp_path):
    assert learn(tmp_path, text=CONFIG, run_id="without") == 0
    assert learn(tmp_path, run_id="with") == 0
    with_it, without = (traces(tmp_path / "results" / name) for name in ("with", "without"))
    different = differences(without, with_it)
    assert not [name for name in different if "trainer.npz" in str(name)]


def test_a_resume_goes_on_from_the_best_so_far(tmp_path, capsys):
    assert learn(tmp_path, run_id="whole") == 0
    whole = [line for line in capsys.readouterr().out.splitlines() if "Evaluation at" in line]
    assert learn(tmp_path, "--stop-at", "500") == 0
    assert learn(tmp_path, "--resume") == 0
    parts = [line for line in capsys.readouterr().out.splitlines() if "Evaluation at" in line]
    assert parts == whole


def test_a_run_is_done_at_the_threshold(tmp_path, capsys):
    text = EVALUATED.replace("episodes: 8", "episodes: 8, threshold: -100")
    assert learn(tmp_path, text=text) == 0
    out = capsys.readouterr().out
    assert "That is the threshold of -100: done." in out
    assert "Exported" in out
    assert "Done at step 20" in out


@pytest.mark.parametrize("env", [DiscreteLine(2), None])
def test_an_environment_that_is_there_once_is_refused(tmp_path, env):
    settings = write_config(
        tmp_path, EVALUATED + "env_settings: {timeout_wait: 1, base_port: 5123}\n"
    )
    if env is None:
        assert main(["learn", str(settings), "--results-dir", str(tmp_path / "results")]) == 2
        return
    with pytest.raises(SettingsError, match="evaluation needs an environment beside the one"):
        mlagents_tf.learn(settings, env, results_dir=tmp_path / "results")
