import numpy as np
import pytest

from mlagents_tf.data.demos import load_demos
from mlagents_tf.envs.embedded.ball import Ball3D, Ball3DHard, normals
from mlagents_tf.errors import EnvError
from tests.envs.playing import continuous, deciding, play
from tests.recordings import RECORDINGS, needs_recordings

ROT_Z, ROT_X, HEIGHT = 0, 1, 3
RECORDING = RECORDINGS / "unitytests_test.demo"


def calm(num_areas=1, **parameters):
    """Balls at rest 4 m above the middle of level platforms."""
    env = Ball3D(num_areas)
    env.reset(parameters)
    env.platform[:] = np.array([[1.0], [0.0], [0.0], [0.0]])
    env.ball[:] = 0.0
    env.ball[0, 1] = 4.0
    return env


def advance(env, *action):
    env.step({"3DBall": continuous([list(action)] * env.num_areas)})


def test_free_fall_is_unitys():
    env = calm()
    heights = [4.0]
    for _ in range(3):
        advance(env, 0.0, 0.0)
        heights.append(float(env.ball[0, 1, 0]))
    np.testing.assert_allclose(heights, [4.0, 3.9411, 3.7842, 3.5291], atol=5e-5)


def test_one_unit_of_action_tilts_ten_degrees_a_decision():
    env = calm()
    advance(env, 1.0, 0.0)
    advance(env, -0.5, 0.0)
    angle = 2 * np.degrees(np.arcsin(env.platform[2, 0]))
    assert angle == pytest.approx(5.0, abs=0.01)
    advance(env, 0.0, 1.0)
    up = normals(env.platform[None])[0, :, 0]
    assert np.degrees(np.arcsin(up[2])) == pytest.approx(10.0, abs=0.1)


def test_the_platform_stops_beyond_a_quarter():
    env = calm()
    for _ in range(6):
        advance(env, 1.0, 0.0)
    # 28.96 degrees is the limit; turns of 2 degrees stop at the first one past it
    assert 2 * np.degrees(np.arcsin(env.platform[2, 0])) == pytest.approx(30.0, abs=0.05)


def test_actions_beyond_one_tilt_no_further():
    env, twin = calm(), calm()
    advance(env, 7.0, -7.0)
    advance(twin, 1.0, -1.0)
    np.testing.assert_array_equal(env.platform, twin.platform)


def test_a_ball_at_rest_stays_a_radius_above_a_level_platform():
    env = calm()
    for _ in range(40):
        advance(env, 0.0, 0.0)
    np.testing.assert_allclose(env.ball[:, :, 0], [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], atol=1e-9)


def test_a_rolling_ball_accelerates_five_sevenths_of_a_sliding_one():
    env = calm()
    slope = np.radians(5.0)
    env.platform[:, 0] = [np.cos(slope / 2), 0.0, np.sin(slope / 2), 0.0]  # -x is downhill
    env.ball[0, :, 0] = 3.0 * normals(env.platform[None])[0, :, 0]
    advance(env, 0.0, 0.0)
    advance(env, 0.0, 0.0)
    expected = -5 / 7 * 9.81 * np.sin(slope) * np.cos(slope) * 0.2
    assert env.ball[1, 0, 0] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("fallen", [(0.0, -2.1, 0.0), (3.1, 3.0, 0.0), (0.0, 3.0, -3.1)])
def test_a_fallen_ball_ends_the_episode_with_minus_one(fallen):
    env = calm(num_areas=2)
    env.ball[0, :, 1] = fallen
    step = env.step({"3DBall": continuous([[0.0, 0.0]] * 2)})["3DBall"]
    np.testing.assert_allclose(step.rewards, [-1.0, 0.1, 0.0])
    assert step.terminated.tolist() == [True, False, False]


def test_a_thousand_decisions_bring_a_hundred():
    env = calm()
    total = 0.0
    for _ in range(1000):
        step = env.step({"3DBall": continuous([[0.0, 0.0]])})["3DBall"]
        total += step.rewards[0]
    assert total == pytest.approx(100.0, rel=1e-5)
    assert step.interrupted.tolist() == [True, False]


def test_gravity_and_scale_are_parameters():
    env = calm(gravity=4.0, scale=2.0, mass=3.0)
    advance(env, 0.0, 0.0)
    assert env.ball[1, 1, 0] == pytest.approx(-4.0 * 0.1)
    for _ in range(60):
        advance(env, 0.0, 0.0)
    assert env.ball[0, 1, 0] == pytest.approx(2.5 + 1.0)
    with pytest.raises(EnvError, match=r"scale is 0\.0"):
        env.reset({"scale": 0.0})


def test_episodes_start_as_in_unity():
    step = Ball3D(500, seed=1).reset()["3DBall"]
    obs = step.obs[0]
    assert np.abs(obs[:, [ROT_Z, ROT_X]]).max() <= np.sin(np.radians(5.0))
    assert np.abs(obs[:, [2, 4]]).max() <= 1.5
    assert (obs[:, HEIGHT] == 4.0).all()
    assert (obs[:, 5:] == 0.0).all()


def test_the_hard_one_sees_nine_frames_without_velocity_the_newest_last():
    env, plain = Ball3DHard(2, seed=3), Ball3D(2, seed=3)
    step, seen = env.reset()["3DBallHard"], plain.reset()["3DBall"]
    assert (step.obs[0][:, :40] == 0.0).all()
    np.testing.assert_array_equal(step.obs[0][:, 40:], seen.obs[0][:, :5])
    actions = continuous([[0.3, 0.1], [-0.2, 0.0]])
    later = env.step({"3DBallHard": actions})["3DBallHard"]
    np.testing.assert_array_equal(later.obs[0][:, 35:40], seen.obs[0][:, :5])
    np.testing.assert_array_equal(
        later.obs[0][:, 40:], plain.step({"3DBall": actions})["3DBall"].obs[0][:, :5]
    )
    assert (deciding(step).obs[0][:, :40] == 0.0).all()  # what was handed out has not changed


@needs_recordings
def test_one_decision_ahead_the_ball_is_where_unity_had_it():
    rows = load_demos(RECORDING).rows
    obs = rows.obs[0].astype(np.float64)
    now = np.flatnonzero(rows.rewards > 0)
    env = Ball3D(len(now))
    env.reset()
    rot_z, rot_x = obs[now, ROT_Z], obs[now, ROT_X]
    env.platform[:] = [np.sqrt(1 - rot_z**2 - rot_x**2), rot_x, rot_z, 0 * rot_z]
    env.ball[:] = obs[now, 2:].T.reshape(2, 3, -1)
    up = normals(env.platform[None])[0]
    along = (env.ball * up).sum(axis=1)
    touches = along[0] < 3.05
    env.spin[:] = np.where(touches, env.ball[1] - along[1] * up, 0.0)  # it rolls if it touches
    env._advance(continuous(rows.continuous[now]))
    error = env._observe()[0] - obs[now + 1]
    assert len(now) > 2100
    assert (error[:, :2].std(axis=0) < 0.004).all()  # quaternion parts
    assert (error[:, 2:5].std(axis=0) < 0.005).all()  # [m]
    assert (error[:, 5:].std(axis=0) < [0.02, 0.08, 0.03]).all()  # [m/s]
    assert (error[touches, 5:].std(axis=0) < [0.01, 0.06, 0.015]).all()


def test_the_picture_is_the_front_beside_the_top():
    assert calm().render().shape == (240, 480, 3)


def test_a_rule_that_tilts_against_the_ball_balances_to_the_end():
    def rule(step):
        obs = step.obs[0]
        wanted = 0.05 * np.stack([obs[:, 2] + obs[:, 5], -obs[:, 4] - obs[:, 7]], axis=1)
        return continuous((wanted - obs[:, :2]) / np.radians(5.0))

    returns, lengths = play(Ball3D(seed=1), rule, 1000)
    np.testing.assert_allclose(returns, [100.0] * 12, rtol=1e-5)
    assert lengths == [1000] * 12
