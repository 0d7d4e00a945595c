import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf import layouts
from mlagents_tf.protobuf.observations import CHANNELS_FIRST, CHANNELS_LAST, Form
from mlagents_tf.protobuf.step_reader import StepReader
from mlagents_tf.protobuf.step_writer import StepWriter, encode_step
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Step, make_step
from tests.protobuf.messages import AgentInfos

ONE = ActionSpec(continuous_size=1)
BRANCHES = ActionSpec(discrete_branches=(3, 2))


def agents(*infos):
    """The message of agents who see two numbers, from their other fields."""
    message = AgentInfos()
    for number, fields in enumerate(infos):
        info = message.value.add(**fields)
        if "observations" not in fields:
            info.observations.add(shape=[2], float_data={"data": [number, -number]}, name="v")
    return message.SerializeToString()


def random_step(spec, count, seed=0, masks=False):
    """Agents whose messages have many layouts: numbers of all sizes, zeros among them."""
    rng = np.random.default_rng(seed)
    obs = []
    for seen in spec.observations:
        values = rng.integers(0, 256, (count, *seen.shape))
        obs.append(values.astype(seen.dtype))
    ids = rng.choice([0, 1000, 20_000, 3_000_000, 1 << 28], count) + np.arange(count)
    ids[:1] = 0
    allowed = None
    if masks:
        allowed = rng.random((count, spec.actions.num_discrete)) < 0.5
        allowed[:, [place.start for place in spec.actions.branch_slices()]] = True
    fate = rng.integers(0, 3, count)
    return make_step(
        ids.astype(np.int64),
        tuple(obs),
        (rng.integers(0, 2, count) * 0.25).astype(np.float32),
        allowed_actions=allowed,
        terminated=fate == 1,
        interrupted=fate == 2,
        group_ids=rng.choice([0, 3, 300], count),
        group_rewards=(rng.integers(0, 2, count) * -1.5).astype(np.float32),
    )


def assert_same(one, other):
    for name in Step._fields:
        left, right = getattr(one, name), getattr(other, name)
        if name == "obs":
            assert len(left) == len(right)
        for mine, theirs in zip(left, right, strict=True) if name == "obs" else [(left, right)]:
            assert (mine is None) == (theirs is None), name
            if mine is not None:
                assert mine.dtype == theirs.dtype
                np.testing.assert_array_equal(mine, theirs, err_msg=name)


def test_one_agent_by_hand():
    data = agents({"id": 7, "reward": 0.5, "group_id": 2, "group_reward": -1.0})
    reader = StepReader("Ball", ONE)
    step = reader.read(data)
    assert reader.spec == Spec((ObservationSpec((2,), "v"),), ONE)
    assert step.agent_ids.tolist() == [7]
    assert step.rewards.tolist() == [0.5]
    assert (step.group_ids.tolist(), step.group_rewards.tolist()) == ([2], [-1.0])
    np.testing.assert_array_equal(step.obs[0], [[0, 0]])
    assert step.allowed_actions is None
    assert not step.ended.any()


def test_an_agent_is_terminated_or_interrupted_or_neither():
    ends = [
        {},
        {"done": True},
        {"done": True, "max_step_reached": True},
        {"max_step_reached": True},
    ]
    step = StepReader("Ball", ONE).read(
        agents(*({"id": 1 + i} | end for i, end in enumerate(ends)))
    )
    assert step.terminated.tolist() == [False, True, False, False]
    assert step.interrupted.tolist() == [False, False, True, False]


@pytest.mark.parametrize("count", [1, 3, 5, 40])
def test_agents_of_one_layout_are_read_as_columns(count):
    infos = [{"id": 200 + i, "reward": 1.0 + i, "done": i % 2} for i in range(count)]
    step = StepReader("Ball", ONE).read(agents(*infos))
    assert step.agent_ids.tolist() == [200 + i for i in range(count)]
    assert step.rewards.tolist() == [1.0 + i for i in range(count)]
    assert step.terminated.tolist() == [bool(i % 2) for i in range(count)]
    np.testing.assert_array_equal(step.obs[0], [[i, -i] for i in range(count)])


def test_what_is_true_on_the_wire_is_forbidden():
    nothing = {"action_mask": [False] * 5}
    some = {"action_mask": [True, False, False, False, True]}
    infos = [nothing, some, {}, some, some, some, nothing]
    step = StepReader("Maze", BRANCHES).read(agents(*({"id": i} | x for i, x in enumerate(infos))))
    free, part = [True] * 5, [False, True, True, True, False]
    assert step.allowed_actions.tolist() == [free, part, free, part, part, part, free]


def test_a_message_of_no_agents():
    reader = StepReader("Ball", ONE)
    assert len(reader.read(b"").agent_ids) == 0
    assert reader.spec is None
    reader.read(agents({"id": 1}))
    assert reader.read(b"").obs[0].shape == (0, 2)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
@pytest.mark.parametrize("masks", [False, True])
def test_steps_come_back_whatever_their_layouts(count, masks):
    spec = Spec(
        (
            ObservationSpec((3,), "one"),
            ObservationSpec((0,), "none"),
            ObservationSpec((2, 3, 4), "raw", CHANNELS_FIRST),
        ),
        ActionSpec(1, (3, 2)),
    )
    step = random_step(spec, count, masks=masks)
    reader = StepReader("Any", spec.actions)
    reader.read(encode_step(spec, random_step(spec, 1)))
    if not count:
        step = step._replace(allowed_actions=None)
    assert_same(reader.read(encode_step(spec, step)), step)
    assert reader.spec == spec


@pytest.mark.parametrize("count", [1, 7])
def test_channels_may_be_written_last(count):
    spec = Spec((ObservationSpec((3, 4, 5), "raw", CHANNELS_FIRST), ObservationSpec((2,))), ONE)
    step = random_step(spec, count)
    data = StepWriter(spec, Form(channels_last=True)).write(step)
    assert list(AgentInfos.FromString(data).value[0].observations[0].shape) == [4, 5, 3]
    assert_same(StepReader("Any", ONE).read(data), step)


def test_templates_are_remembered_and_change_nothing():
    spec = Spec((ObservationSpec((3,), "one"),), BRANCHES)
    writer = StepWriter(spec)
    for seed in range(40):
        step = random_step(spec, (60, 1, 5)[seed % 3], seed, masks=bool(seed % 4))
        assert writer.write(step) == encode_step(spec, step)


def test_agents_alike_are_written_as_others_are():
    spec = Spec((ObservationSpec((3,), "one"),), BRANCHES)
    step = random_step(spec, 8)
    alike = step._replace(
        agent_ids=np.arange(200, 208),
        group_ids=np.full(8, 3),
        rewards=np.arange(1, 9, dtype=np.float32),
        group_rewards=np.zeros(8, np.float32),
        terminated=np.ones(8, np.bool_),
        interrupted=np.zeros(8, np.bool_),
    )
    assert StepWriter(spec).write(alike) == b"".join(
        encode_step(spec, alike.take(np.array([row]))) for row in range(8)
    )


def test_names_longer_than_layouts_are_written_one_by_one():
    spec = Spec((ObservationSpec((3,), "n" * 2000),), BRANCHES)
    step = random_step(spec, 9)
    reader = StepReader("Any", BRANCHES)
    assert_same(reader.read(encode_step(spec, step)), step)
    assert encode_step(spec, step.take(np.arange(0))) == b""


def test_compressed_images_come_back():
    spec = Spec((ObservationSpec((4, 5, 6), "png", CHANNELS_FIRST, dtype="uint8"),), ONE)
    step = random_step(spec, 6)
    assert_same(StepReader("Any", ONE).read(encode_step(spec, step)), step)


def test_columns_are_what_googles_library_reads_and_writes():
    spec = Spec((ObservationSpec((3,), "one"),), BRANCHES)
    step = random_step(spec, 50, masks=True)
    data = encode_step(spec, step)
    message = AgentInfos.FromString(data)
    assert [info.id for info in message.value] == step.agent_ids.tolist()
    assert [info.reward for info in message.value] == step.rewards.tolist()
    assert [info.group_reward for info in message.value] == step.group_rewards.tolist()
    assert [list(info.action_mask) for info in message.value] == (~step.allowed_actions).tolist()
    assert [list(info.observations[0].float_data.data) for info in message.value] == (
        step.obs[0].tolist()
    )
    assert message.SerializeToString() == data


def test_raw_images_with_channels_last_become_channels_first():
    images = np.arange(5 * 24, dtype=np.float32).reshape(5, 2, 4, 3)
    message = AgentInfos()
    for number, image in enumerate(images):
        message.value.add(id=100 + number).observations.add(
            shape=[2, 4, 3], float_data={"data": image.ravel()}, dimension_properties=CHANNELS_LAST
        )
    step = StepReader("Old", ONE).read(message.SerializeToString())
    np.testing.assert_array_equal(step.obs[0], images.transpose(0, 3, 1, 2))


def test_columns_and_single_messages_are_read_alike(monkeypatch):
    spec = Spec((ObservationSpec((3,), "one"),), BRANCHES)
    data = encode_step(spec, random_step(spec, 60, masks=True))
    columns = StepReader("Any", BRANCHES).read(data)
    monkeypatch.setattr(layouts, "MOST_FIXED", 0)  # no layout is short enough
    assert_same(StepReader("Any", BRANCHES).read(data), columns)


def test_layouts_are_remembered_and_change_nothing():
    spec = Spec((ObservationSpec((3,), "one"),), BRANCHES)
    reader = StepReader("Any", BRANCHES)
    for seed in range(20):
        step = random_step(spec, 60, seed, masks=bool(seed % 3))
        assert_same(reader.read(encode_step(spec, step)), step)


def other(**observation):
    return {"observations": [{"float_data": {"data": [1, 2]}, "name": "v", **observation}]}


MANY = [{"id": i} for i in range(1, 9)]


@pytest.mark.parametrize(
    ("infos", "what"),
    [
        ([{"id": 5}, {"id": 5}], "an agent stands in it twice"),
        ([*MANY, {"id": 8}], "an agent stands in it twice"),
        ([*MANY, {"id": 9, "reward": np.nan}], "agent 8 of the message: a reward that is not fin"),
        ([{"id": i, "reward": np.inf if i == 3 else 1} for i in range(1, 9)], "id 3: a reward"),
        ([{"id": 1, **other(shape=[2])}, {"id": 2, **other(shape=[1, 2])}], r"shape \[1, 2\], exp"),
        ([{"id": 1}, {"id": 2, "observations": []}], "agent 1 of the message: 0 observations, exp"),
        ([{"id": 1, "action_mask": [True]}], "a mask of 1 options, expected 5"),
        ([{"id": 4, "action_mask": [True] * 3 + [False] * 2}], "id 4: no option of branch 0"),
        (
            [
                {"id": i, **other(shape=[2], float_data={"data": [i, np.nan if i == 4 else 0]})}
                for i in range(1, 9)
            ],
            "id 4: observation 'v' is not finite",
        ),
    ],
)
def test_agents_that_cannot_be_are_refused(infos, what):
    with pytest.raises(EnvError, match=f"^Maze: .*{what}"):
        StepReader("Maze", BRANCHES).read(agents(*infos))


def test_bytes_that_are_no_booleans_are_refused_in_columns():
    data = agents(*({"id": i, "action_mask": [False] * 5} for i in range(1, 9)))
    masks = bytes([0x5A, 5])
    at = data.rindex(masks) + 2
    with pytest.raises(EnvError, match="other values than 0 and 1"):
        StepReader("Maze", BRANCHES).read(data[:at] + b"\2" + data[at + 1 :])


def test_a_few_bytes_do_not_reserve_much_memory():
    first = agents({"id": 1, **other(shape=[1000], float_data={"data": [0] * 1000})})
    reader = StepReader("Maze", BRANCHES)
    reader.read(first)
    with pytest.raises(EnvError, match="200000 bytes for 100000000 floats"):
        reader.read(b"\x0a\x00" * 100_000)
    png = Spec((ObservationSpec((3, 200, 200), dtype="uint8"),), BRANCHES)
    reader = StepReader("Maze", BRANCHES)
    reader.read(encode_step(png, random_step(png, 1)))
    with pytest.raises(EnvError, match="of images and masks; at most"):
        reader.read(b"\x0a\x00" * 100_000)


@pytest.mark.parametrize("wrong", [-1, 1 << 31])
def test_an_id_that_cannot_be_sent_is_refused(wrong):
    step = make_step(np.array([wrong]), (np.zeros((1, 3), np.float32),))
    with pytest.raises(EnvError, match=f"agent id {wrong} cannot be sent"):
        encode_step(Spec((ObservationSpec((3,)),), ONE), step)


DAMAGED_SPEC = Spec(
    (
        ObservationSpec((3,), "one"),
        ObservationSpec((1, 2, 2), "png", CHANNELS_FIRST, dtype="uint8"),
    ),
    BRANCHES,
)
WHOLE = {
    spec: encode_step(spec, random_step(spec, 9, masks=True))
    for spec in (DAMAGED_SPEC, Spec(DAMAGED_SPEC.observations[:1], BRANCHES))
}


@pytest.mark.parametrize("spec", WHOLE)
@given(data=st.data())
@settings(deadline=None)
def test_damaged_bytes_are_refused_or_read(spec, data):
    whole = bytearray(WHOLE[spec])
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=3)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    reader = StepReader("Any", BRANCHES)
    if data.draw(st.booleans()):  # so that layouts are known
        reader.read(WHOLE[spec])
    try:
        step = reader.read(bytes(whole[:cut]))
    except EnvError:
        return
    assert all(np.isfinite(obs).all() for obs in step.obs)
