"""Advantages are those that a person gets with pencil and paper."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlagents_tf.ops.returns import gae, linear_recurrence

HALF = tf.constant([[0.5]])


def advantages(rewards, values, terminated, last, mask, gamma=HALF, lambd=0.5):
    """GAE of one signal, [N]."""
    columns = [np.array([column], np.float32) for column in (rewards, values, terminated)]
    flags = [np.array(flag, np.float32) for flag in (last, mask)]
    return gae(*map(tf.constant, columns + flags), gamma, lambd)[0].numpy()


def test_a_terminated_story_expects_nothing_beyond_its_end():
    found = advantages([1, 2, 3, 0], [1, 1, 1, 4], [0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 0])
    # deltas 0.5, 1.5, 3 - 1 = 2; carried over with 0.5 * 0.5
    np.testing.assert_allclose(found, [1.0, 2.0, 2.0, 0.0])


def test_an_interrupted_story_expects_the_value_of_what_it_saw_last():
    found = advantages([1, 2, 3, 0], [1, 1, 1, 4], [0, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 0])
    # deltas 0.5, 1.5, 3 + 0.5 * 4 - 1 = 4
    np.testing.assert_allclose(found, [1.125, 2.5, 4.0, 0.0])


def test_a_story_cut_by_its_horizon_bootstraps_from_its_own_next_row():
    found = advantages([1, 2, 3, 0], [1, 1, 1, 4], [0, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0])
    # as above, but nothing of the third row reaches the second
    np.testing.assert_allclose(found, [0.875, 1.5, 4.0, 0.0])


def test_two_stories_side_by_side_do_not_touch():
    one = [1, 2, 3, 0], [1, 1, 1, 4], [0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 0]
    two = [5, 7, 0], [2, 3, 8], [0, 0, 0], [0, 1, 0], [1, 1, 0]
    both = [a + b for a, b in zip(one, two, strict=True)]
    alone = np.concatenate([advantages(*one), advantages(*two)])
    np.testing.assert_allclose(advantages(*both), alone)


def test_rows_in_the_order_of_time_are_sorted_and_put_back():
    # story A holds rows 0, 2, 4, 5 and story B rows 1, 3, 6
    order = np.array([0, 2, 4, 5, 1, 3, 6])
    places = np.argsort(order)
    by_time = {
        "rewards": [1, 5, 2, 7, 3, 0, 0],
        "values": [1, 2, 1, 3, 1, 4, 8],
        "terminated": [0, 0, 0, 0, 1, 0, 0],
        "last": [0, 0, 0, 1, 1, 0, 0],
        "mask": [1, 1, 1, 1, 1, 0, 0],
    }
    by_story = {name: np.array(column)[order] for name, column in by_time.items()}
    found = advantages(**by_story)[places]
    # A: 1, 2, 2 as above; B: deltas 5 + 1.5 - 2 = 4.5 and 7 + 4 - 3 = 8
    np.testing.assert_allclose(found, [1.0, 6.5, 2.0, 8.0, 2.0, 0.0, 0.0])


def test_every_signal_has_its_own_discount():
    rewards, values = tf.ones([2, 3]), tf.zeros([2, 3])
    flags = tf.constant([0.0, 1.0, 0.0]), tf.constant([1.0, 1.0, 0.0])
    found = gae(rewards, values, tf.zeros([2, 3]), *flags, tf.constant([[0.0], [0.5]]), 1.0)
    np.testing.assert_allclose(found, [[1, 1, 0], [1.5, 1, 0]])


def test_a_row_that_is_not_real_has_no_advantage_whatever_it_holds():
    found = advantages([9, 1, 9], [9, 0, 9], [0, 1, 1], [0, 1, 1], [0, 1, 0])
    np.testing.assert_allclose(found, [0, 1, 0])


def test_advantages_agree_with_ml_agents(golden):
    found = advantages(
        np.append(golden["gae.rewards"], 0),
        np.append(golden["gae.values"], golden["gae.next_value"]),
        np.zeros(13),
        np.eye(13)[11],
        1 - np.eye(13)[12],
        tf.constant([[0.99]]),
        0.95,
    )
    expected = golden["gae.advantages gamma=0.99 lambda=0.95"]
    np.testing.assert_allclose(found[:12], expected, rtol=1e-5, atol=1e-6)


numbers = st.floats(-2, 2, width=32)


@given(
    arrays(np.float32, st.tuples(st.just(2), st.integers(1, 33)), elements=numbers),
    st.randoms(use_true_random=False),
)
def test_a_recurrence_solved_by_doubling_is_the_loop(inputs, random):
    factors = np.array(
        [[random.choice([0.0, 0.5, 0.99, 1.0]) for _ in row] for row in inputs], np.float32
    )
    expected, following = np.zeros(inputs.shape), np.zeros(2)
    for i in reversed(range(inputs.shape[1])):
        following = expected[:, i] = inputs[:, i] + factors[:, i] * following
    found = linear_recurrence(tf.constant(inputs), tf.constant(factors))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
