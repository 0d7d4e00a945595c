"""Atari games through `gym:`; skipped where ale-py is not installed (extra `atari`)."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ale_py", reason="Atari needs ale-py: pip install 'mlagents-tf[atari]'")

from mlagents_tf.cli.main import main
from mlagents_tf.envs.check import check_env
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Actions

PONG = "gym:ale_py:ALE/Pong-v5"
CONFIG = Path(__file__).parents[2] / "config" / "ppo" / "Pong-v5.yaml"


def test_a_game_is_four_grey_frames_and_six_options():
    env = make_env(PONG, num_areas=2, seed=1)
    spec = env.specs["Pong-v5"]
    assert [(obs.shape, obs.dtype) for obs in spec.observations] == [((4, 84, 84), "uint8")]
    assert spec.actions.discrete_branches == (6,)
    first = env.reset()["Pong-v5"].obs[0]
    stay = Actions(np.zeros((2, 0), np.float32), np.zeros((2, 1), np.int32))
    then = env.step({"Pong-v5": stay})["Pong-v5"].obs[0]
    np.testing.assert_array_equal(then[:, :3], first[:, 1:])  # the newest frame is last
    env.close()


def test_a_game_keeps_the_contract():
    check_env(lambda: make_env(PONG, num_areas=3, seed=1), steps=60)


def test_a_game_that_cannot_be_drawn_says_so():
    with pytest.raises(EnvError, match="ALE/Pong-v5: its vector version cannot be drawn"):
        make_env(PONG, drawable=True)


@pytest.mark.slow
def test_the_configuration_trains_and_evaluates(tmp_path):
    run = ["--run-id", "pong", "--results-dir", str(tmp_path), "--max-steps", "1100"]
    assert main(["learn", str(CONFIG), *run, "--seed", "1"]) == 0
    played = [
        "evaluate",
        str(tmp_path / "pong"),
        "--env",
        PONG,
        "--episodes",
        "1",
        "--num-areas",
        "1",
    ]
    assert main([*played, "--max-episode-steps", "200"]) == 0
