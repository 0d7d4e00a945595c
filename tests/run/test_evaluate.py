import json

import numpy as np
import pytest
from PIL import Image

from mlagents_tf.cli.main import main
from mlagents_tf.envs import registry
from mlagents_tf.run.evaluate import Tally, figures
from mlagents_tf.steps import make_step
from tests.run.runs import learn


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        assert learn(folder, "--max-steps", "3000") == 0
    return folder / "results" / "r"


def step(ids, rewards, ended):
    ids = np.array(ids)
    return make_step(
        ids,
        (np.zeros((len(ids), 1), np.float32),),
        np.array(rewards, np.float32),
        terminated=np.array(ended, bool),
    )


def test_a_tally_counts_the_episodes_that_began_first_however_long_they_are():
    tally = Tally(episodes=2)
    tally.observe(step([0, 1], [0, 0], [0, 0]))
    tally.observe(step([1, 0, 2], [5, 1, 0], [1, 0, 0]))  # 1 ends, 2 begins
    tally.observe(step([2, 0, 3], [9, 1, 0], [1, 0, 0]))  # 2 ends, but was the third to begin
    assert not tally.finished
    tally.observe(step([0, 3], [1, 0], [1, 0]))
    assert tally.finished
    np.testing.assert_array_equal(tally.log.returns, [3, 5])
    np.testing.assert_array_equal(tally.log.lengths, [3, 1])


def test_a_tally_takes_an_endless_episode_as_it_stands():
    tally = Tally(episodes=1, limit=2)
    for reward in (0, 1, 1, 1):
        tally.observe(step([0], [reward], [0]))
    assert tally.finished
    assert tally.log.returns[0] == 2
    assert tally.log.lengths[0] == 2


def test_figures_by_hand():
    tally = Tally(2)
    tally.log.returns[:] = [1.0, 3.0]
    tally.log.lengths[:] = [10, 20]
    result = figures(tally.log)
    assert result["mean_reward"] == 2.0
    assert result["std_reward"] == pytest.approx(2**0.5)
    assert result["ci95"] == pytest.approx(1.96)
    assert result["mean_length"] == 15


def test_evaluate_prints_one_json_object(run, capsys):
    assert main(["evaluate", str(run), "--episodes", "20", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["toy-discrete"]
    assert result["episodes"] == 20
    assert result["steps"] >= 3000
    assert result["mean_reward"] > 0.8


def test_evaluate_prints_a_line_for_people(run, capsys):
    assert main(["evaluate", str(run), "--episodes", "5", "--stochastic"]) == 0
    assert "toy-discrete: mean reward" in capsys.readouterr().out


def test_no_episodes_are_refused(run, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(run), "--episodes", "0"])
    assert stopped.value.code == 2
    assert "0 is less than 1" in capsys.readouterr().err


def test_evaluate_refuses_what_is_not_a_run(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 5
    assert "is not a run" in capsys.readouterr().err


def test_evaluate_refuses_another_environment(run, capsys):
    assert main(["evaluate", str(run), "--env", "toy-continuous"]) == 5
    assert "toy-continuous" in capsys.readouterr().err


def test_a_policy_is_evaluated_in_the_environment_it_was_trained_in(tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    small = ["--set", "environment_parameters.gridSize=3", "--max-steps", "200"]
    assert learn(tmp_path, *small, env="GridWorldVector") == 0
    made = []

    def kept(name, make=registry.make_env, **options):
        made.append(make(name, **options))
        return made[-1]

    monkeypatch.setattr(registry, "make_env", kept)
    assert main(["evaluate", str(tmp_path / "results" / "r"), "--episodes", "3"]) == 0
    assert made[0].parameters["gridSize"] == 3


def test_what_cannot_be_drawn_is_refused(run, tmp_path, capsys):
    assert main(["record", str(run), str(tmp_path / "out.gif")]) == 3
    assert "cannot be drawn" in capsys.readouterr().err


def test_a_policy_is_recorded_as_moving_pictures(tmp_path):
    assert learn(tmp_path, "--max-steps", "100", env="Basic") == 0
    run, out = tmp_path / "results" / "r", tmp_path / "deep" / "out.gif"
    assert main(["record", str(run), str(out), "--steps", "7", "--stochastic"]) == 0
    with Image.open(out) as picture:
        assert picture.n_frames > 1


def test_export_writes_the_saved_model_again(run, capsys):
    assert main(["export", str(run), "--format", "savedmodel"]) == 0
    assert str(run / "toy-discrete" / "saved_model") in capsys.readouterr().out
