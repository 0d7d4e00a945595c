import numpy as np
import pytest

from mlagents_tf.data.demos import load_demos
from mlagents_tf.envs.embedded.push_block import PushBlock
from mlagents_tf.errors import EnvError
from tests.envs.playing import discrete
from tests.recordings import RECORDINGS, needs_recordings

STAY, FORWARD, BACK, RIGHT, LEFT, STRAFE_LEFT, STRAFE_RIGHT = range(7)
BLOCK, GOAL, WALL, NOTHING, FRACTION = range(5)
UPPER, LOWER = 0, 1
RECORDING = RECORDINGS / "official_PushBlock_disc_rays.demo"


def placed(agent, block, degrees=0.0):
    """One area with agent and block at rest; 0 degrees looks towards +z, away from the goal."""
    env = PushBlock(1)
    env.reset()
    env.place[:, :, 0] = agent, block
    env.angle[:] = np.radians(degrees)
    return env


def act(env, *options):
    for option in options:
        step = env.step({"PushBlock": discrete([option] * env.num_areas)})["PushBlock"]
    return step


def newest(step, sensor):
    """[7, 5] the newest frame of the last row."""
    return step.obs[sensor][-1].reshape(3, 7, 5)[-1]


def travelled(env, option):
    """[m] that the agent moved along each axis."""
    before = env.place[0, :, 0].copy()
    act(env, option)
    return env.place[0, :, 0] - before


def test_the_first_decision_forward_moves_what_unitys_agent_moved():
    # the recording's free starts: 0.716 m along the ray ahead
    np.testing.assert_allclose(travelled(placed((0, -5), (9, 9)), FORWARD), [0.0, 0.716], atol=1e-3)


@pytest.mark.parametrize(("earlier", "next_one"), [(1.603, 1.855), (1.855, 2.052), (2.052, 2.207)])
def test_pushing_gains_speed_as_in_the_recording(earlier, next_one):
    env = placed((0, -7.5), (0, -5.9))
    moves = np.array([travelled(env, FORWARD)[1] for _ in range(7)])
    assert np.interp(earlier, moves[:-1], moves[1:]) == pytest.approx(next_one, rel=0.015)


def test_a_block_pushed_forty_degrees_off_its_face_does_not_slide():
    env = placed((-1.0, -7.0), (-1.0, -5.2), degrees=40.0)
    act(env, FORWARD)
    before = env.place[1, :, 0] - env.place[0, :, 0]
    act(env, FORWARD, FORWARD, FORWARD)
    np.testing.assert_allclose(env.place[1, :, 0] - env.place[0, :, 0], before, atol=0.01)


@pytest.mark.parametrize(
    ("option", "direction"),
    [(FORWARD, (0, 1)), (BACK, (0, -1)), (STRAFE_LEFT, (-1, 0)), (STRAFE_RIGHT, (1, 0))],
)
def test_options_move_the_agent(option, direction):
    moved = travelled(placed((0, 0), (9, 9)), option)
    np.testing.assert_allclose(moved / np.abs(moved).max(), direction, atol=1e-9)


@pytest.mark.parametrize(("option", "degrees"), [(RIGHT, 20.0), (LEFT, -20.0), (STAY, 0.0)])
def test_a_turn_is_twenty_degrees_a_decision(option, degrees):
    env = placed((0, 0), (9, 9))
    act(env, option)
    assert np.degrees(env.angle[0]) == pytest.approx(degrees)


def test_pushing_the_block_onto_the_goal_terminates_with_4_999():
    env = placed((0, -4.0), (0, -7.0), degrees=180.0)
    for _ in range(5):
        step = act(env, FORWARD)
        if step.ended.any():
            break
        assert step.rewards[0] == pytest.approx(-0.001)
    assert step.terminated.tolist() == [True, False]
    np.testing.assert_allclose(step.rewards, [4.999, 0.0])


def test_a_thousand_decisions_are_interrupted():
    env = placed((0, 0), (5, 5))
    step = act(env, *[STAY] * 1000)
    assert step.interrupted.tolist() == [True, False]


@pytest.mark.parametrize("degrees", [0.0, 35.0, 90.0, 180.0])
def test_walls_and_the_goals_face_stop_the_agent(degrees):
    env = placed((0, 0), (11, 11), degrees)
    act(env, *[FORWARD] * 30)
    x, z = env.place[0, :, 0]
    assert -12.5 <= x <= 12.5
    assert -8.35 <= z <= 12.5
    assert max(abs(x), z, -8.35 - z + 12.5) > 11.7


def test_a_block_in_the_corner_stops_the_agent_outside_it():
    env = placed((11.5, 8.0), (11.5, 11.5))
    act(env, *[FORWARD] * 10)
    np.testing.assert_allclose(env.place[1, :, 0], [11.5, 11.5], atol=1e-9)
    assert env.place[0, 1, 0] == pytest.approx(10.0, abs=0.05)


def test_the_lower_sensor_sees_block_goal_and_wall_a_radius_early():
    step = act(placed((0, 0), (0, 5)), STAY)
    ahead, right, left = newest(step, LOWER)[[0, 5, 6]]
    np.testing.assert_allclose(ahead, [1, 0, 0, 0, (5 - 1 - 0.5) / 12], atol=1e-6)
    np.testing.assert_allclose(right, [0, 0, 0, 1, 1])  # 12 m away, out of reach
    behind = newest(act(placed((4, 0), (0, 5), 180.0), STAY), LOWER)
    np.testing.assert_allclose(behind[0], [0, 1, 0, 0, (8.35 - 0.5) / 12], atol=1e-6)
    np.testing.assert_allclose(behind[6], [0, 0, 1, 0, (8.5 - 0.5) / 12], atol=1e-6)  # its left
    assert left[NOTHING] == 1.0


def test_the_upper_sensor_passes_over_block_and_goal_to_the_walls():
    step = act(placed((0, 3), (0, 7)), STAY)
    np.testing.assert_allclose(newest(step, UPPER)[0], [0, 0, 1, 0, 9.5 / 12], atol=1e-6)
    step = act(placed((0, -5), (0, 7), 180.0), STAY)
    np.testing.assert_allclose(newest(step, UPPER)[0], [0, 0, 1, 0, 7.5 / 12], atol=1e-6)


def test_frames_are_stacked_oldest_first_and_empty_ones_are_zeros():
    env = PushBlock(2, seed=1)
    first = env.reset()["PushBlock"]
    assert (first.obs[LOWER].reshape(2, 3, 35)[:, :2] == 0).all()
    later = act(env, FORWARD)
    frames = later.obs[LOWER].reshape(2, 3, 35)
    np.testing.assert_array_equal(frames[:, 1], first.obs[LOWER].reshape(2, 3, 35)[:, 2])
    assert (frames[:, 0] == 0).all()


def test_agents_begin_apart_from_the_block_and_the_goal_and_keep_their_heading():
    env = PushBlock(300, seed=1)
    env.reset()
    agent, block = env.place
    assert np.abs(agent - block).max(axis=0).min() >= 3.5
    assert np.abs(env.place).max() <= 6.25
    assert env.place[:, 1].min() >= -8.35 + 2.5
    act(env, RIGHT)
    env.reset()
    np.testing.assert_allclose(np.degrees(env.angle), 20.0)


def test_a_large_block_is_reached_sooner_and_too_large_a_block_is_refused():
    env = placed((0, 0), (0, 6))
    env.parameters["block_scale"] = 4.0
    env._parameters_changed()
    assert newest(act(env, STAY), LOWER)[0, FRACTION] == pytest.approx((6 - 2 - 0.5) / 12)
    with pytest.raises(EnvError, match=r"block_scale is 5\.0; give 0\.5 to 4"):
        env.reset({"block_scale": 5.0})


@needs_recordings
def test_the_recordings_sensors_see_what_ours_can_see():
    upper, lower = (obs.reshape(-1, 3, 7, 5) for obs in load_demos(RECORDING).rows.obs)
    assert (upper[..., [BLOCK, GOAL]] == 0).all()  # the upper sensor sees walls alone
    assert lower[:, 2, :, BLOCK].sum() > 6000
    # wall behind the goal, seen above it: 4.15 m further, and no radius early
    above, below = upper[:, 2], lower[:, 2]
    both = (above[..., WALL] > 0) & (below[..., GOAL] > 0)
    apart = (above[..., FRACTION] - below[..., FRACTION])[both] * 12
    slanted = 4.65 / np.cos(np.radians([0, 10, 20, 30, 40, 50]))
    near = np.abs(apart[:, None] - slanted).min(axis=1) < 0.01
    assert near.mean() > 0.8  # the others look into a corner


@needs_recordings
def test_two_sensors_on_one_wall_differ_by_the_radius_over_the_slant():
    upper, lower = (obs.reshape(-1, 3, 7, 5)[:, 2] for obs in load_demos(RECORDING).rows.obs)
    both = (upper[..., WALL] > 0) & (lower[..., WALL] > 0)
    recorded = ((upper - lower)[..., FRACTION] * 12)[both]
    slants = 0.5 / np.cos(np.radians(np.arange(0, 90, 10)))
    assert (np.abs(recorded[:, None] - slants).min(axis=1) < 0.01).mean() > 0.95
    env = PushBlock(200, seed=2)
    env.reset()
    step = act(env, RIGHT, RIGHT, FORWARD)
    ours = [obs.reshape(-1, 3, 7, 5)[:, 2] for obs in step.obs]
    both = (ours[0][..., WALL] > 0) & (ours[1][..., WALL] > 0)
    apart = ((ours[0] - ours[1])[..., FRACTION] * 12)[both]
    assert (np.abs(apart[:, None] - slants).min(axis=1) < 0.01).mean() > 0.95  # but for corners
