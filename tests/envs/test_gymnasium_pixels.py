"""Pixels through `gym:`: images of bytes, channels first, stacked or not."""

import sys

import numpy as np
import pytest

pytest.importorskip("gymnasium")

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.check import check_env
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.learn import how_to_resume
from mlagents_tf.run.script import Script
from mlagents_tf.settings.load import load_text
from mlagents_tf.steps import Actions
from tests.envs.pixels import COLOUR, HEIGHT, LEFT, RIGHT, WIDTH

PIXELS = "gym:tests.envs.pixels:Pixels/"
CONFIG = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 32, buffer_size: 64, num_epoch: 1}
  network_settings: {hidden_units: 8, num_layers: 1}
  max_steps: 128
  summary_freq: 64
"""


def make(name, num_areas=2):
    return make_env(f"{PIXELS}{name}", num_areas=num_areas, seed=1)


def seen(steps):
    (step,) = steps.values()
    (image,) = step.deciding().obs
    return image


def answer(sides):
    return Actions(np.zeros((len(sides), 0), np.float32), np.array(sides, np.int32)[:, None])


def sides(image):
    """Which half of the last frame [N, C, H, W] is coloured."""
    return (image[:, -1, 0, -1] > 0).astype(int)


def test_a_picture_comes_with_channels_first():
    env = make("Spot-v0")
    image = seen(env.reset())
    assert env.specs["Spot-v0"].observations[0].shape == (3, HEIGHT, WIDTH)
    assert (image.dtype, image.shape) == (np.uint8, (2, 3, HEIGHT, WIDTH))
    for picture, side in zip(image, sides(image), strict=True):
        half, other = (RIGHT, LEFT) if side else (LEFT, RIGHT)
        for channel, value in zip(picture, COLOUR, strict=True):
            assert (channel[:, half] == value).all()
            assert (channel[:, other] == 0).all()


def test_stacked_grey_frames_are_channels():
    env = make("GreySpots-v0")
    assert env.specs["GreySpots-v0"].observations[0].shape == (3, HEIGHT, WIDTH)
    first = seen(env.reset())
    then = seen(env.step({"GreySpots-v0": answer(sides(first))}))
    np.testing.assert_array_equal(then[:, :2], first[:, 1:])  # frames move up, the newest is last


def test_stacked_frames_in_colours_stand_side_by_side():
    env = make("Spots-v0")
    assert env.specs["Spots-v0"].observations[0].shape == (9, HEIGHT, WIDTH)
    first = seen(env.reset())
    then = seen(env.step({"Spots-v0": answer([0, 1])}))
    np.testing.assert_array_equal(then[:, :6], first[:, 3:])
    newest = then[:, 6:, 0, :].max(axis=-1)
    np.testing.assert_array_equal(newest, [COLOUR, COLOUR])


@pytest.mark.parametrize("name", ["Spot-v0", "GreySpots-v0", "Spots-v0"])
def test_pixels_keep_the_contract(name):
    check_env(lambda: make(name), steps=20)


def test_who_answers_what_is_seen_earns_it():
    env = make("Spot-v0", num_areas=3)
    steps, earned = env.reset(), 0.0
    for _ in range(4):
        steps = env.step({"Spot-v0": answer(sides(seen(steps)))})
        earned += steps["Spot-v0"].rewards.sum()
    assert earned == 12.0


def test_a_run_learns_from_pixels_and_its_policy_plays(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    config = tmp_path / "pixels.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    run = ["--run-id", "p", "--results-dir", str(tmp_path), "--num-areas", "4", "--seed", "1"]
    named = ["--env", f"{PIXELS}GreySpots-v0"]
    assert main(["learn", str(config), *named, *run]) == 0
    assert main(["evaluate", str(tmp_path / "p"), *named, "--episodes", "8"]) == 0
    assert "mean length 4.0, 8 episodes, trained 128 steps" in capsys.readouterr().out
    picture = str(tmp_path / "p.gif")
    assert main(["record", str(tmp_path / "p"), picture, *named, "--steps", "3"]) == 0


def test_no_module_is_imported_because_a_file_of_a_run_names_it(tmp_path, capsys):
    folder = tmp_path / "r"
    (folder / "checkpoints").mkdir(parents=True)
    recorded = folder / "configuration.yaml"
    recorded.write_text("env_settings: {env_path: 'gym:antigravity:Up-v0'}\n", encoding="utf-8")
    again = ["learn", str(recorded), "--run-id", "r", "--results-dir", str(tmp_path)]
    for command in (["evaluate", str(folder)], [*again, "--resume"]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert f"{recorded}: env_settings.env_path is 'gym:antigravity:Up-v0'" in said
        assert "add --env gym:antigravity:Up-v0" in said
    with pytest.raises(SettingsError, match=r"env='gym:antigravity:Up-v0'"):
        mlagents_tf.learn(recorded, resume=True)
    assert "antigravity" not in sys.modules


def test_a_run_says_how_it_is_resumed_with_the_module_of_its_environment(tmp_path):
    env = f"{PIXELS}Spot-v0"
    settings = load_text(f"env_settings: {{env_path: '{env}'}}").settings
    assert how_to_resume(settings, Script()).endswith(f"--resume --env {env}")
