import numpy as np

from mlagents_tf.run.demonstrate import Stories
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, make_step

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(1, (2,)))


def show(stories, ids, seen, rewards=None, ended=None, interrupted=None, allowed=None):
    """One step, in which each deciding agent does minus what it sees, and takes option 1."""
    seen = np.array(seen, np.float32)[:, None]
    step = make_step(
        np.array(ids),
        (seen,),
        None if rewards is None else np.array(rewards, np.float32),
        terminated=None if ended is None else np.array(ended, bool),
        interrupted=None if interrupted is None else np.array(interrupted, bool),
        allowed_actions=None if allowed is None else np.array(allowed, bool),
    )
    doing = -seen[~step.ended]
    stories.observe(step, Actions(doing, np.ones((len(doing), 1), np.int32)))


def test_episodes_stand_one_behind_the_other():
    stories = Stories(SPEC, 2)
    show(stories, [7, 8], [1, 2], [0, 0])
    show(stories, [8, 7], [4, 3], [0.5, 0.25])
    show(stories, [7, 8, 9], [5, 6, 9], [1, 2, 0], [1, 0, 0], [0, 1, 0])
    assert stories.finished
    rows = stories.rows()
    np.testing.assert_array_equal(rows.obs[0][:, 0], [1, 3, 5, 2, 4, 6])
    np.testing.assert_array_equal(rows.continuous[:, 0], [-1, -3, 0, -2, -4, 0])
    np.testing.assert_array_equal(rows.discrete[:, 0], [1, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(rows.rewards, [0.25, 1, 0, 0.5, 2, 0])
    np.testing.assert_array_equal(rows.terminated, [0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(rows.interrupted, [0, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(rows.mask, [1, 1, 0, 1, 1, 0])


def test_the_episodes_that_begin_first_are_kept_however_long_they_are():
    stories = Stories(SPEC, 2)
    show(stories, [0, 1], [0, 10])
    show(stories, [0, 1, 2], [1, 11, 20], ended=[0, 1, 0])
    show(stories, [0, 2, 3], [2, 21, 30], ended=[0, 1, 0])  # 2 was the third to begin
    assert not stories.finished
    show(stories, [0, 3], [3, 31], ended=[1, 0])
    assert stories.finished
    np.testing.assert_array_equal(stories.rows().obs[0][:, 0], [0, 1, 2, 3, 10, 11])


def test_an_episode_that_does_not_end_is_cut():
    stories = Stories(SPEC, 1, limit=2)
    for seen in range(5):
        show(stories, [0], [seen], [1.0])
        if stories.finished:
            break
    rows = stories.rows()
    np.testing.assert_array_equal(rows.obs[0][:, 0], [0, 1, 2])
    np.testing.assert_array_equal(rows.interrupted, [0, 1, 0])
    assert not rows.terminated.any()


def test_who_ends_in_the_first_step_has_done_nothing():
    stories = Stories(SPEC, 1)
    show(stories, [0, 1], [1, 2], ended=[1, 0])
    show(stories, [1], [3], [1.0], ended=[1])
    np.testing.assert_array_equal(stories.rows().obs[0][:, 0], [2, 3])


def test_masks_are_kept():
    stories = Stories(SPEC, 1)
    show(stories, [0], [1], allowed=[[0, 1]])
    show(stories, [0], [2], ended=[1], allowed=[[1, 1]])
    np.testing.assert_array_equal(stories.rows().allowed, [[0, 1], [1, 1]])
