import numpy as np
import pytest

from mlagents_tf.envs.embedded.sorter import Sorter
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import DimensionProperty
from mlagents_tf.steps import Actions
from tests.envs.playing import play

STAY, FORWARD, BACK = range(3)
TO_RIGHT, TO_LEFT = 1, 2
TURN_LEFT, TURN_RIGHT = 1, 2


def options(*rows):
    return Actions(np.zeros((len(rows), 0), np.float32), np.array(rows, np.int32))


def placed(place, degrees=0.0, tiles=((7, 0.0), (9, 90.0))):
    """One area with the agent at rest and tiles of (number, degrees), 0 being towards +z."""
    env = Sorter(1, seed=1)
    env.reset()
    env.place[:, 0], env.angle[:] = place, np.radians(degrees)
    env.numbers[:] = 0
    for index, (number, bearing) in enumerate(tiles):
        env.numbers[0, index], env.bearings[0, index] = number, np.radians(bearing)
    return env


def act(env, ahead=STAY, aside=STAY, turn=STAY):
    return env.step({"Sorter": options((ahead, aside, turn))})["Sorter"]


def knowing(env):
    """A rule that knows the order: to 15 m before the next tile, then straight to it."""

    def rule(_):
        areas = np.arange(env.num_areas)
        bearing = env.bearings[areas, env.touched]
        outwards = np.stack([np.sin(bearing), np.cos(bearing)])
        beside = np.abs(env.place[0] * outwards[1] - env.place[1] * outwards[0])
        way = np.where(beside < 1.0, 21.0, 15.0) * outwards - env.place
        off = (np.arctan2(*way) - env.angle + np.pi) % (2 * np.pi) - np.pi
        turn = np.where(np.abs(off) < 0.17, STAY, np.where(off > 0, TURN_RIGHT, TURN_LEFT))
        ahead = np.where(np.abs(off) < 0.5, FORWARD, STAY)
        return options(*zip(ahead.tolist(), [0] * env.num_areas, turn.tolist(), strict=True))

    return rule


def test_entities_of_changing_number_come_first_then_two_frames():
    entities, frames = Sorter.spec.observations
    assert (entities.shape, frames.shape) == ((20, 23), (8,))
    assert entities.dimension_properties == (
        DimensionProperty.VARIABLE_SIZE,
        DimensionProperty.NONE,
    )


def test_a_tile_is_its_number_its_place_and_whether_it_was_touched():
    env = placed((2.0, 4.0), tiles=[(7, 0.0), (9, 90.0)])
    env.touched[:] = 1
    entities = env._observe()[0][0]
    assert np.flatnonzero(entities[0, :20]).tolist() == [7]
    assert np.flatnonzero(entities[1, :20]).tolist() == [9]
    np.testing.assert_allclose(entities[0, 20:], [-2 / 20, 16.5 / 20, 1], atol=1e-6)
    np.testing.assert_allclose(entities[1, 20:], [18.5 / 20, -4 / 20, 0], atol=1e-6)
    assert (entities[2:] == 0).all()


def test_number_twenty_has_no_slot_as_in_unity():
    entities = placed((0, 0), tiles=[(20, 0.0)])._observe()[0][0]
    assert (entities[0, :20] == 0).all()
    assert entities[0, 21] == pytest.approx(20.5 / 20)


def test_frames_are_place_and_heading_the_older_first():
    env = Sorter(1, seed=1)
    first = env.reset()["Sorter"].obs[1][0]
    np.testing.assert_allclose(first, [0, 0, 0, 0, 0, 0, 0, -1], atol=1e-6)  # looks to -z at first
    second = act(env, turn=TURN_RIGHT).obs[1][0]
    np.testing.assert_allclose(second[:4], [0, 0, 0, -1], atol=1e-6)
    angle = np.radians(200)
    np.testing.assert_allclose(second[4:], [0, 0, np.sin(angle), np.cos(angle)], atol=1e-6)


def test_speed_grows_to_19_6_metres_a_second():
    env = placed((0, 0))
    for _ in range(30):
        env.place[:] = 0.0
        act(env, FORWARD)
    # the push less friction (0.6 x 2.5 x 9.81 x 0.02) over the part that drag takes
    np.testing.assert_allclose(env.speed[:, 0], [0, (2 - 0.2943) * 0.92 / 0.08], rtol=1e-4)


@pytest.mark.parametrize(
    ("choice", "direction"),
    [
        ((FORWARD, STAY), (0, 1)),
        ((BACK, STAY), (0, -1)),
        ((STAY, TO_RIGHT), (1, 0)),
        ((STAY, TO_LEFT), (-1, 0)),
        ((FORWARD, TO_RIGHT), (1, 0)),  # moving aside comes first
    ],
)
def test_options_move_the_agent(choice, direction):
    env = placed((0, 0))
    act(env, *choice)
    moved = env.place[:, 0]
    np.testing.assert_allclose(moved / np.abs(moved).max(), direction, atol=1e-9)


@pytest.mark.parametrize(("turn", "degrees"), [(TURN_LEFT, -20.0), (TURN_RIGHT, 20.0), (STAY, 0.0)])
def test_a_turn_is_twenty_degrees_a_decision(turn, degrees):
    env = placed((0, 0))
    act(env, turn=turn)
    assert np.degrees(env.angle[0]) == pytest.approx(degrees)


def test_a_decision_costs_a_thousandth():
    np.testing.assert_allclose(act(placed((0, 0))).rewards, [-0.001])


def test_the_next_tile_brings_one_and_the_episode_goes_on():
    env = placed((0, 19))
    step = act(env, FORWARD)
    np.testing.assert_allclose(step.rewards, [0.999])
    assert not step.ended.any()
    assert step.obs[0][0, :2, 22].tolist() == [1, 0]
    np.testing.assert_allclose(act(env, FORWARD).rewards, [-0.001])  # touched already


def test_the_last_tile_ends_the_episode():
    step = act(placed((0, 19), tiles=[(3, 0.0)]), FORWARD)
    np.testing.assert_allclose(step.rewards, [0.999, 0.0])
    assert step.terminated.tolist() == [True, False]


def test_a_tile_before_its_turn_costs_one_and_the_episode():
    step = act(placed((19, 0), degrees=90.0), FORWARD)  # number 9, and 7 is still to come
    np.testing.assert_allclose(step.rewards, [-1.001, 0.0])
    assert step.terminated.tolist() == [True, False]


def test_between_tiles_there_is_only_the_wall():
    # 3 m beside the tile's middle: it is 1.75 m wide on each side, the agent's disc 0.56
    env = placed((3.0, 18.5))
    for _ in range(5):
        step = act(env, FORWARD)
        np.testing.assert_allclose(step.rewards, [-0.001])
    assert np.hypot(*env.place[:, 0]) == pytest.approx(20.5 - 1 / np.sqrt(np.pi))


def test_episodes_begin_with_one_to_twenty_tiles_in_ascending_order_at_places_of_their_own():
    env = Sorter(2000, seed=1)
    env.reset()
    counts = (env.numbers > 0).sum(axis=1)
    assert sorted(set(counts.tolist())) == list(range(1, 21))
    assert counts.mean() == pytest.approx(10.5, abs=0.4)
    steps = np.diff(env.numbers, axis=1)
    assert (steps[env.numbers[:, 1:] > 0] > 0).all()
    assert (env.numbers[env.numbers > 0].min(), env.numbers.max()) == (1, 20)
    assert (np.diff(np.sort(env.bearings, axis=1), axis=1) > 0.3).all()


def test_the_number_of_tiles_is_a_parameter():
    env = Sorter(200, seed=1)
    env.reset({"num_tiles": 3})
    assert sorted(set((env.numbers > 0).sum(axis=1).tolist())) == [1, 2, 3]
    with pytest.raises(EnvError, match="num_tiles is 21; give 1 to 20"):
        env.reset({"num_tiles": 21})


def test_who_knows_the_order_touches_every_tile():
    env = Sorter(20, seed=1)
    returns, lengths = play(env, knowing(env), 1000)
    assert len(returns) > 40
    assert max(lengths) < 1000
    tiles = np.array(returns) + np.array(lengths) / 1000  # each decision costs a thousandth
    np.testing.assert_allclose(tiles, tiles.round(), atol=1e-4)
    assert (tiles.round().min(), tiles.round().max()) == (1, 20)
