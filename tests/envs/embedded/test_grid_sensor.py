import numpy as np
import pytest

from mlagents_tf.envs.embedded.grid_sensor import outside, planes, put_discs, turned


def cells_with(*discs):
    """One agent's cells with discs of (right, ahead, radius, tag)."""
    cells = np.zeros((1, 40, 40), np.int8)
    right, ahead, radius, tags = np.array(discs, float).T
    agents = np.zeros(len(discs), np.int64)
    put_discs(cells, agents, np.stack([right, ahead]), radius, tags.astype(np.int8))
    return cells[0]


def places(cells):
    return {tuple(place) for place in np.argwhere(cells).tolist()}


@pytest.mark.parametrize(
    ("degrees", "offset", "seen"),
    [(0, (3, 5), (3, 5)), (90, (5, -3), (3, 5)), (180, (-3, -5), (3, 5)), (270, (-5, 3), (3, 5))],
)
def test_offsets_are_told_to_the_right_and_ahead(degrees, offset, seen):
    local = turned(np.array(offset, float), np.radians(degrees))
    np.testing.assert_allclose(local, seen, atol=1e-12)


def test_the_first_row_is_to_the_right_and_the_last_column_ahead():
    assert places(cells_with((19.5, -19.5, 0.3, 1))) == {(0, 0)}
    assert places(cells_with((-19.5, 19.5, 0.3, 1))) == {(39, 39)}
    assert places(cells_with((0.5, 0.5, 0.3, 1))) == {(19, 20)}


def test_a_disc_is_in_every_cell_that_it_touches():
    # 0.6 and 0.6 into its cell: 0.4 to the right and far ones, 0.57 to the corner between them,
    # 0.6 to the left and near ones, 0.72 and 0.85 to the other corners
    touched = {(19, 30), (18, 30), (19, 31), (18, 31), (20, 30), (19, 29)}
    assert places(cells_with((0.6, 10.6, 0.7, 1))) == touched


def test_of_two_discs_in_a_cell_the_nearer_is_seen():
    near, far = (0.5, 5.2, 0.1, 1), (0.5, 5.8, 0.1, 2)
    assert cells_with(near, far)[19, 25] == 1
    assert cells_with(far, near)[19, 25] == 1


def test_what_is_out_of_the_square_is_not_seen():
    assert places(cells_with((0.5, 20.5, 0.4, 1), (-25.0, 0.5, 0.7, 1))) == set()


def test_a_wall_ahead_is_a_column_of_cells():
    # the wall is 5 to 6 m ahead
    cells = outside(np.array([[0.0], [45.0]]), np.zeros(1), 50.0)[0]
    assert set(np.argwhere(cells)[:, 1].tolist()) == {25}
    assert cells[:, 25].all()


def test_a_wall_is_seen_to_the_left_when_looking_away():
    cells = outside(np.array([[0.0], [45.0]]), np.radians([90.0]), 50.0)[0]
    assert set(np.argwhere(cells)[:, 0].tolist()) == {25}


def test_in_the_middle_of_the_room_no_wall_is_near():
    assert not outside(np.zeros((2, 1)), np.radians([45.0]), 50.0).any()


def test_each_tag_has_a_plane():
    cells = np.zeros((1, 40, 40), np.int8)
    cells[0, 3, 4], cells[0, 5, 6] = 1, 2
    lit = planes(cells, 2)
    assert (lit.shape, lit.dtype) == ((1, 2, 40, 40), np.uint8)
    assert np.argwhere(lit).tolist() == [[0, 0, 3, 4], [0, 1, 5, 6]]
    assert lit.max() == 255
