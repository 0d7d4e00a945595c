"""What is written into a block is read from it, whatever the behaviors look like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagents_tf.envs.workers.shared import (
    ALIGNMENT,
    LIFE_BITS,
    Block,
    block_size,
    decode_parts,
    encode_parts,
    join_steps,
    make_views,
    measure,
    write_step,
)
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step

observations = st.lists(
    st.tuples(
        st.sampled_from([(1,), (8,), (3, 4, 5), (6, 2)]), st.sampled_from(["float32", "uint8"])
    ),
    max_size=3,
)
action_specs = st.builds(
    ActionSpec, st.integers(0, 3), st.lists(st.integers(1, 4), max_size=3).map(tuple)
)
specs = st.builds(
    lambda seen, actions: Spec(tuple(ObservationSpec(s, dtype=d) for s, d in seen), actions),
    observations,
    action_specs,
)


def random_step(spec, rows, masked, generator):
    """Any values in every column."""
    ended = generator.random((2, rows)) < 0.3
    shape = (rows, spec.actions.num_discrete)
    return make_step(
        generator.permutation(rows),
        tuple(
            generator.integers(0, 256, (rows, *obs.shape)).astype(obs.dtype)
            for obs in spec.observations
        ),
        generator.normal(size=rows).astype(np.float32),
        allowed_actions=generator.random(shape) < 0.5 if masked else None,
        terminated=ended[0],
        interrupted=ended[1] & ~ended[0],
        group_ids=generator.integers(0, 3, rows),
        group_rewards=generator.normal(size=rows).astype(np.float32),
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(specs, st.integers(0, 40), st.booleans()), max_size=3),
    st.integers(0, 2**20),
    st.integers(0, 2**31),
)
def test_steps_come_back_with_the_life_in_their_ids(behaviors, life, seed):
    generator = np.random.default_rng(seed)
    all_specs = [spec for spec, _, _ in behaviors]
    numbers = {f"b{index}": index for index in range(len(behaviors))}
    steps = {
        f"b{index}": random_step(spec, rows, masked, generator)
        for index, (spec, rows, masked) in enumerate(behaviors)
    }
    parts = measure(steps, numbers)
    assert decode_parts(encode_parts(parts)) == parts
    buffer = memoryview(bytearray(block_size(parts, all_specs)))
    written = make_views(parts, all_specs, buffer)
    for (name, step), shared in zip(steps.items(), written, strict=True):
        shared.actions.continuous[...] = -7.0
        write_step(name, step, shared.step, life)
    read = make_views(decode_parts(encode_parts(parts)), all_specs, buffer)
    for step, shared in zip(steps.values(), read, strict=True):
        found = shared.step
        np.testing.assert_array_equal(found.agent_ids, step.agent_ids + life * 2**LIFE_BITS)
        np.testing.assert_array_equal(
            found.group_ids, step.group_ids + (step.group_ids > 0) * life * 2**LIFE_BITS
        )
        for field in ("rewards", "group_rewards", "terminated", "interrupted", "allowed_actions"):
            np.testing.assert_array_equal(getattr(found, field), getattr(step, field))
        for mine, theirs in zip(found.obs, step.obs, strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)
        assert (shared.actions.continuous == -7.0).all()
        assert len(shared.actions.discrete) == step.num_deciding


def test_columns_begin_at_multiples_of_a_cache_line():
    spec = Spec((ObservationSpec((8,)),), ActionSpec(2))
    step = make_step(np.arange(12), (np.zeros((12, 8), np.float32),))
    parts = measure({"Ball": step}, {"Ball": 0})
    # ids and groups 96 bytes, two rewards 48, two flags 12, observations 384, actions 96
    assert block_size(parts, [spec]) == 2 * 128 + 2 * 64 + 2 * 64 + 384 + 128
    assert all(size % ALIGNMENT == 0 for size in (128, 384))


@pytest.mark.parametrize("number", [-1, 2**LIFE_BITS])
def test_ids_that_leave_no_place_for_the_life_are_refused(number):
    spec = Spec((), ActionSpec(1))
    step = make_step(np.array([3, number]), ())
    parts = measure({"Ball": step}, {"Ball": 0})
    (shared,) = make_views(parts, [spec], memoryview(bytearray(block_size(parts, [spec]))))
    with pytest.raises(EnvError, match="Ball: agent_ids reach from"):
        write_step("Ball", step, shared.step, 1)


def test_a_block_is_seen_by_who_attaches_and_outlives_its_name():
    block = Block.create(1000)
    assert block.size >= 1250
    other = Block.attach(block.name)
    block.unlink()
    block.unlink()
    with pytest.raises(FileNotFoundError):
        Block.attach(block.name)
    spec = Spec((), ActionSpec(1))
    step = make_step(np.arange(4), (), np.arange(4, dtype=np.float32))
    parts = measure({"Ball": step}, {"Ball": 0})
    write_step("Ball", step, block.lay_out(parts, [spec])[0].step, 0)
    assert other.lay_out(parts, [spec])[0].step.rewards.tolist() == [0, 1, 2, 3]
    block.close()
    other.close()


def test_a_block_larger_than_the_machine_is_refused():
    with pytest.raises(EnvError, match="bytes of shared memory cannot be had"):
        Block.create(2**40)


def test_joined_steps_are_copies_one_after_another():
    one = make_step(np.array([1, 2]), (np.array([[1.0], [2.0]], np.float32),))
    other = make_step(np.array([7]), (np.array([[7.0]], np.float32),))
    both = join_steps([one, other])
    assert both.agent_ids.tolist() == [1, 2, 7]
    assert both.obs[0].tolist() == [[1.0], [2.0], [7.0]]
    assert both.allowed_actions is None
    one.obs[0][:] = 0.0
    assert both.obs[0][0] == 1.0


def test_where_only_some_have_masks_the_others_allow_everything():
    masked = make_step(np.array([1]), (), allowed_actions=np.array([[True, False]]))
    free = make_step(np.array([2, 3]), ())
    joined = join_steps([free, masked]).allowed_actions
    assert joined.tolist() == [[True, True], [True, True], [True, False]]
