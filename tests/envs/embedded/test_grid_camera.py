import numpy as np
import pytest

from mlagents_tf.data.demos import load_demos
from mlagents_tf.envs.embedded.grid_camera import COLOURS, FLOOR, SIDES, GridWorld
from mlagents_tf.envs.embedded.grid_world import GridWorldVector
from tests.envs.playing import discrete, play
from tests.recordings import RECORDINGS, needs_recordings

STAY, UP, DOWN, LEFT, RIGHT = range(5)
PLUS, EX, AGENT = range(3)  # rows of COLOURS
CELL = 64 / 5  # pixels


def pictured(agent, plus, ex, size=5):
    """The picture of one area, [64, 84, 3], and its environment."""
    env = GridWorld(1)
    env.reset({"gridSize": size})
    env.signs[:] = 0
    env.signs[0][plus], env.signs[0][ex] = 1, 2
    env.places[0] = agent
    return env._observe()[0][0].transpose(1, 2, 0), env


def painted(picture, kind, tolerance=0):
    """[64, 84] pixels that have the colour of a kind."""
    return (np.abs(picture.astype(int) - COLOURS[kind]) <= tolerance).all(axis=2)


def middle(mask):
    """x and z of the cell in which the painted pixels lie, counted from the lower left."""
    rows, columns = np.nonzero(mask)
    x, down = (columns.mean() + 0.5 - 10) / CELL, (rows.mean() + 0.5) / CELL
    return int(x), 4 - int(down)


def test_a_picture_is_bytes_channels_first_and_the_goal_is_beside_it():
    env = GridWorld(3, seed=1)
    step = env.reset()["GridWorld"]
    assert (step.obs[0].shape, step.obs[0].dtype) == ((3, 3, 64, 84), np.uint8)
    assert (step.obs[1].sum(axis=1) == 1).all()


def test_the_lowest_row_is_at_the_bottom_and_x_goes_to_the_right():
    picture, _ = pictured(agent=(0, 0), plus=(4, 1), ex=(2, 4))
    assert [middle(painted(picture, kind)) for kind in (AGENT, PLUS, EX)] == [
        (0, 0),
        (4, 1),
        (2, 4),
    ]
    assert (picture[:, :10] == SIDES).all()
    assert (picture[:, -10:] == SIDES).all()
    assert (picture[32, 10] == FLOOR).all()


def test_moving_right_moves_the_square_by_a_cell():
    _, env = pictured(agent=(1, 2), plus=(4, 4), ex=(0, 4))
    step = env.step({"GridWorld": discrete([RIGHT])})["GridWorld"]
    assert middle(painted(step.obs[0][0].transpose(1, 2, 0), AGENT)) == (2, 2)


def test_in_the_middle_a_plus_has_44_pixels_and_the_agent_80():
    # the middle cell is 12 pixels wide: two strokes of 2 x 12 share 4; 12 x 12 around 8 x 8
    plus, _ = pictured(agent=(0, 0), plus=(2, 2), ex=(4, 4))
    agent, _ = pictured(agent=(2, 2), plus=(0, 0), ex=(4, 4))
    assert painted(plus, PLUS).sum() == 2 * 24 - 4
    assert painted(agent, AGENT).sum() == 12 * 12 - 8 * 8


def test_the_agent_covers_the_ends_of_the_sign_it_stands_on():
    picture, _ = pictured(agent=(2, 2), plus=(2, 2), ex=(4, 4))
    assert painted(picture, AGENT).sum() == 80
    assert painted(picture, PLUS).sum() == 2 * 16 - 4  # of each stroke 2 x 8 are left


def test_a_small_grid_fills_the_picture():
    picture, _ = pictured(agent=(1, 1), plus=(0, 0), ex=(0, 1), size=2)
    rows, columns = np.nonzero(painted(picture, AGENT))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 31, 42, 73)


def test_rules_are_those_of_the_world_without_a_camera():
    def draws(make):
        """A rule of random options."""
        generator = np.random.default_rng(3)
        return play(make(20, seed=2), lambda step: discrete(generator.integers(0, 5, 20)), 60)

    assert draws(GridWorld) == draws(GridWorldVector)


def test_walking_to_the_sign_that_the_picture_shows_brings_the_benchmark():
    def straight(step):
        options = []
        for picture, goal in zip(step.obs[0].transpose(0, 2, 3, 1), step.obs[1], strict=True):
            x, z = middle(painted(picture, AGENT))
            goal_x, goal_z = middle(painted(picture, EX if goal[1] else PLUS))
            across = RIGHT if goal_x > x else LEFT
            options.append(across if goal_x != x else UP if goal_z > z else DOWN)
        return discrete(options)

    returns, _ = play(GridWorld(seed=1), straight, 200)
    assert len(returns) > 300
    assert np.mean(returns) > 0.8


@needs_recordings
def test_scenes_of_unitys_recording_are_drawn_with_the_same_pixels():
    rows = load_demos(RECORDINGS / "official_GridWorld_visual_raw_masked.demo").rows
    recorded = np.rint(rows.obs[0] * 255).astype(int).transpose(0, 2, 3, 1)
    assert len(recorded) == 53
    for theirs in recorded:
        masks = [painted(theirs, kind, tolerance=9) for kind in (PLUS, EX, AGENT)]
        plus, ex, agent = map(middle, masks)
        ours, _ = pictured(agent, plus, ex)
        for kind, mask in enumerate(masks):
            assert (painted(ours, kind) == mask).all()
        assert np.abs(ours - theirs).max() <= 12


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_cell_of_every_size_is_drawn(size):
    for cell in range(size * size):
        x, z = divmod(cell, size)
        other = divmod((cell + 1) % size**2, size), divmod((cell + 2) % size**2, size)
        picture, _ = pictured((x, z), *other, size=size)
        rows, columns = np.nonzero(painted(picture, AGENT))
        pixels = 64 / size
        assert int((columns.mean() + 0.5 - 10) / pixels) == x
        assert size - 1 - int((rows.mean() + 0.5) / pixels) == z
