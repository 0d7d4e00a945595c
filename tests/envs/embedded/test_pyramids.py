import numpy as np
import pytest

from mlagents_tf.data.demos import differences, load_demos
from mlagents_tf.envs.embedded.pyramids import NOWHERE, Pyramids
from tests.envs.playing import discrete
from tests.recordings import RECORDINGS, needs_recordings

STAY, FORWARD, BACK, RIGHT, LEFT = range(5)
BLOCK, WALL, GOAL, SWITCH_OFF, SWITCH_ON, STONE, NOTHING, FRACTION = range(8)
RECORDING = RECORDINGS / "official_Pyramids_disc_rays.demo"
LENGTH = 35.0


def placed(agent, degrees=0.0, switch=(NOWHERE, NOWHERE), bricks=(NOWHERE, NOWHERE)):
    """One area with the agent at rest and no stones; 0 degrees looks towards +z."""
    env = Pyramids(1, seed=1)
    env.reset()
    env.stones[:] = NOWHERE
    env.place[:, 0], env.switch[:, 0] = agent, switch
    env.bricks[:, 0] = env.gold[:, 0] = bricks
    env.angle[:] = np.radians(degrees)
    return env


def act(env, *options):
    for option in options:
        step = env.step({"Pyramids": discrete([option] * env.num_areas)})["Pyramids"]
    return step


def rays(step, sensor):
    """[7, 8] what a sensor of the last row reports."""
    return step.obs[sensor][-1].reshape(7, 8)


def switched_on(env):
    env.pressed[:] = True
    return env


def play_to_the_gold(env):
    """Rewards of driving towards the pyramid and then its gold, on a line, until the end."""
    rewards = []
    for _ in range(100):
        (x, z), angle = (env.gold - env.place)[:, 0], env.angle[0]
        ahead = x * np.sin(angle) + z * np.cos(angle)
        step = act(env, FORWARD if ahead > 0 else BACK)
        rewards.append(float(step.rewards[0]))
        if step.ended.any():
            assert step.terminated.tolist() == [True, False]
            return rewards
    raise AssertionError("the gold was not reached")


def test_speed_grows_as_in_the_recording():
    # from (-4.310, 24.509) m/s three decisions forward lead to 27.81, 30.50, 32.69
    env = placed((0, 0))
    env.speed[:, 0] = -4.3104, 24.5088
    speeds = [act(env, FORWARD).obs[3][0, [1, 3]] for _ in range(3)]
    recorded = [[-3.3700, 27.8129], [-2.6452, 30.5018], [-2.0821, 32.6919]]
    np.testing.assert_allclose(speeds, recorded, atol=1e-3)


def test_an_agent_at_rest_reaches_7_82_metres_a_second_in_a_decision():
    # the recording's 7.819 after standing still
    np.testing.assert_allclose(act(placed((0, 0)), FORWARD).obs[3][0], [0, 0, 0, 7.819], atol=1e-3)


@pytest.mark.parametrize(("option", "degrees"), [(RIGHT, 20.0), (LEFT, -20.0), (STAY, 0.0)])
def test_a_turn_is_twenty_degrees_a_decision(option, degrees):
    env = placed((0, 0))
    act(env, option)
    assert np.degrees(env.angle[0]) == pytest.approx(degrees)


def test_the_speed_is_told_in_the_agents_own_axes():
    env = placed((0, 0), degrees=90.0)
    env.speed[:, 0] = 3.0, 4.0
    np.testing.assert_allclose(env._observe()[3][0], [0, -4, 0, 3], atol=1e-6)  # right is -z


def test_every_wall_is_seen_a_radius_early():
    ahead = rays(act(placed((0, 0)), STAY), 0)
    assert ahead[0, NOTHING] == 1  # the room's wall is 49 m away
    near_the_end = rays(act(placed((0, 40)), STAY), 0)
    np.testing.assert_allclose(near_the_end[0, [WALL, FRACTION]], [1, (9.1 - 0.5) / LENGTH], 1e-5)
    at_a_cross = rays(act(placed((20, 10)), STAY), 0)
    face = 16.558 - 0.5 - 0.5 - 10
    np.testing.assert_allclose(at_a_cross[0, [WALL, FRACTION]], [1, face / LENGTH], 1e-5)


def test_sensors_that_look_upwards_pass_over_what_is_low():
    env = placed((0, 0), switch=(0, 20))
    level, raised, high = (rays(act(env, STAY), sensor)[0] for sensor in range(3))
    for seen in (level, raised):  # 17.5 m ahead the second is 2.5 m up: the switch is 4 m high
        np.testing.assert_allclose(seen[[SWITCH_OFF, FRACTION]], [1, 17.5 / LENGTH], 1e-5)
    assert high[NOTHING] == 1  # 5 m up


def test_a_pyramid_is_narrower_where_the_ray_is_higher():
    env = placed((0, 0))
    env.stones[0, :, 0] = 0, 14
    step = act(env, STAY)
    faces = [rays(step, sensor)[0, FRACTION] * LENGTH for sensor in (0, 1, 2)]
    # 2.3 m half a base, less 0.5 m a metre of height: t = 14 - 2.8 + 0.5 * rise * t
    expected = [11.2 / (1 - 0.5 * rise) for rise in (0, 5 / 35, 10 / 35)]
    np.testing.assert_allclose(faces, expected, rtol=1e-5)
    assert rays(step, 0)[0, STONE] == 1


def test_touching_the_switch_turns_it_on_and_makes_a_pyramid_with_gold():
    env = placed((0, 0), switch=(0, 4), bricks=(0, -20))
    before = act(env, STAY)
    assert before.obs[3][0, 0] == 0
    assert rays(before, 0)[0, SWITCH_OFF] == 1
    after = act(env, FORWARD, FORWARD)
    assert after.obs[3][0, 0] == 1
    assert rays(after, 0)[0, SWITCH_ON] == 1
    env.angle[:] = np.pi
    level, _, high = (rays(act(env, STAY), sensor)[0] for sensor in range(3))
    assert level[BLOCK] == 1
    assert high[GOAL] == 1  # on top of it


def test_a_pyramid_that_is_driven_into_falls_and_its_gold_ends_the_episode_with_2():
    env = switched_on(placed((0, 0), bricks=(0, 8)))
    rewards = play_to_the_gold(env)
    assert rewards[-1] == 2.0
    np.testing.assert_allclose(rewards[:-1], -0.001)
    assert len(rewards) > 5  # the gold needs half a second to fall


def test_gold_cannot_be_touched_before_the_switch_is_on():
    env = placed((0, 0), bricks=(0, 8))
    step = act(env, *[FORWARD] * 15)
    assert not step.ended.any()
    assert env.toppled[0] == 0


def test_stone_pyramids_and_walls_stop_the_agent():
    env = placed((0, 0))
    env.stones[0, :, 0] = 0, 10
    act(env, *[FORWARD] * 20)
    assert env.place[1, 0] == pytest.approx(10 - 2.3 - 0.5)
    assert np.abs(env.speed).max() < 2.0
    env = placed((20, 10))
    act(env, *[FORWARD] * 20)
    assert env.place[1, 0] == pytest.approx(16.558 - 0.5 - 0.5)
    env = placed((0, 0))
    act(env, *[FORWARD] * 40)
    assert env.place[1, 0] == pytest.approx(49.1 - 0.5)


def test_rubble_slows_the_agent_as_in_the_recording():
    env = switched_on(placed((0, 0), bricks=(0, 0)))
    env.gold[:] = NOWHERE
    env.toppled[:] = 10
    env.speed[0] = 20.0
    act(env, STAY)
    # 0.93^5 = 0.70 of what is left without rubble: (20 - 0.235) * 0.96 ... = 15.3
    assert 0.5 < env.speed[0, 0] / 15.3 < 0.75


def test_a_scripted_agent_gets_2_less_the_time_it_took():
    # a corridor without walls: the switch ahead, the pyramid behind
    env = placed((30, 0), switch=(30, 12), bricks=(30, -20))
    script = [FORWARD] * 7 + [BACK] * 2 + [RIGHT] * 9
    rewards = [float(act(env, option).rewards[0]) for option in script]
    assert env.pressed[0]
    rewards += play_to_the_gold(env)
    assert sum(rewards) == pytest.approx(2.0 - 0.001 * (len(rewards) - 1))
    assert sum(rewards) > 1.95


def test_a_thousand_decisions_are_interrupted_at_minus_one():
    env = placed((0, 0))
    total = sum(float(act(env, STAY).rewards[0]) for _ in range(999))
    step = act(env, STAY)
    assert step.interrupted.tolist() == [True, False]
    assert total + step.rewards[0] == pytest.approx(-1.0, abs=1e-4)


def test_things_stand_in_nine_different_squares():
    env = Pyramids(200, seed=1)
    env.reset()
    things = np.concatenate([[env.place, env.switch, env.bricks], env.stones])  # [9, 2, A]
    squares = np.round(things / 30)
    assert np.abs(things - 30 * squares).max() <= 25 / 2.1
    numbers = np.sort(squares[:, 0] * 3 + squares[:, 1], axis=0)
    np.testing.assert_array_equal(numbers, np.arange(-4, 5)[:, None] * np.ones((1, 200)))


@pytest.mark.slow
def test_random_options_hardly_ever_find_the_gold():
    env, generator = Pyramids(256, seed=1), np.random.default_rng(0)
    env.reset()
    found = sum(
        int(step.terminated.sum())
        for step in (
            env.step({"Pyramids": discrete(generator.integers(0, 5, 256))})["Pyramids"]
            for _ in range(1000)
        )
    )
    assert found <= 3


@needs_recordings
def test_unitys_recording_has_our_spec_and_rewards():
    demos = load_demos(RECORDING)
    assert differences(Pyramids.spec, demos.spec) == []
    real = demos.rows.rewards[demos.rows.mask]
    assert demos.rows.rewards[demos.rows.terminated].tolist() == [2.0] * 9
    np.testing.assert_allclose(real[real < 2], -0.001)


@needs_recordings
def test_recorded_options_lead_from_recorded_speeds_to_recorded_speeds():
    rows = load_demos(RECORDING).rows
    real = rows.real
    now, later = rows.obs[3][real], rows.obs[3][real + 1]
    level = (np.abs(now[:, 2]) < 0.01) & (np.abs(later[:, 2]) < 0.01)
    now, later, options = now[level], later[level], rows.discrete[real][level, 0]
    env = Pyramids(len(now))
    env.reset()
    env.place[:] = 0.0
    for things in (env.switch, env.bricks, env.stones):
        things[:] = NOWHERE
    env.angle[:] = 0.0
    env.speed[:] = now[:, [1, 3]].T
    step = env.step({"Pyramids": discrete(options)})["Pyramids"]
    errors = np.abs(step.obs[3] - later)[:, [1, 3]].max(axis=1)
    assert (errors < 0.002).mean() > 0.85  # the others hit something
    assert (errors < 0.002)[options == RIGHT].mean() > 0.7
    assert (errors < 0.002)[options == LEFT].mean() > 0.7


@needs_recordings
def test_the_recordings_sensors_have_our_angles():
    # on one flat wall 1/t of three neighbouring rays: 1/t_left + 1/t_right = 2 cos(step) / t_mid
    for sensor in range(3):
        seen = load_demos(RECORDING).rows.obs[sensor].reshape(-1, 7, 8)
        inverse = 1.0 / np.maximum(seen[..., FRACTION], 1e-6)
        on_walls = (seen[:, [1, 3, 5], WALL] == 1).all(axis=1)  # neighbours on the right
        near, mid, far = inverse[on_walls][:, [1, 3, 5]].T
        cosine = np.clip((near + far) / 2 / mid, -1, 1)
        apart = np.abs(np.degrees(np.arccos(cosine))[:, None] - [70 / 3, 65 / 3, 25.0])
        shares = (apart < 0.2).mean(axis=0)  # the others look at two walls
        assert shares.argmax() == sensor
        assert shares[sensor] > 0.25
