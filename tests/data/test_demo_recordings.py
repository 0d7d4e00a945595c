"""Unity's own recordings: counts, alignment, and what the actions explain."""

from typing import NamedTuple

import numpy as np
import pytest

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_rows import choose_alignment
from mlagents_tf.data.demos import find_demos, load_demos
from mlagents_tf.errors import DataError
from mlagents_tf.specs import ActionSpec
from tests.recordings import RECORDINGS, needs_recordings


class Recording(NamedTuple):
    """What the README beside the recordings says of one."""

    name: str
    behavior: str
    shapes: tuple
    actions: ActionSpec
    pairs: int
    rewards: float
    alignment: str
    masked: int = 0


KNOWN = [
    Recording("unitytests_test", "3DBall?team=0", ((8,),), ActionSpec(2), 2144, 213.4, "next"),
    Recording("unitytests_test4", "3DBall", ((8,),), ActionSpec(2), 25, 2.4, "next"),
    Recording(
        "official_PushBlock_disc_rays",
        "PushBlock",
        ((105,), (105,)),
        ActionSpec(0, (7,)),
        2558,
        472.443,
        "next",
    ),
    Recording(
        "official_Pyramids_disc_rays",
        "Pyramids?team=0",
        ((56,), (56,), (56,), (4,)),
        ActionSpec(0, (5,)),
        1751,
        16.264,
        "next",
    ),
    Recording(
        "official_Basic_disc", "BasicLearning", ((20,),), ActionSpec(0, (3,)), 73, 9.28, "same"
    ),
    Recording(
        "official_GridWorld_visual_raw_masked",
        "GridWorld?team=0",
        ((3, 64, 84),),
        ActionSpec(0, (5,)),
        53,
        12.74,
        "next",
        masked=14,
    ),
    Recording(
        "unitytests_testdcvis",
        "VisualFoodCollectorLearning",
        ((3, 84, 84), (0,)),
        ActionSpec(0, (3, 3, 3, 2)),
        38,
        0.0,
        "same",
    ),
    Recording(
        "unitytests_testhybridvis",
        "VisualFoodCollector?team=0",
        ((3, 84, 84), (1,)),
        ActionSpec(3, (2,)),
        25,
        4.0,
        "next",
    ),
]


def path_of(recording):
    return RECORDINGS / f"{recording.name}.demo"


@needs_recordings
@pytest.mark.parametrize("recording", KNOWN, ids=lambda recording: recording.name)
def test_unitys_recordings_hold_exactly_what_they_say(recording):
    file = DemoFile(path_of(recording))
    chunks = list(file.chunks())
    assert file.behavior == recording.behavior
    assert tuple(obs.shape for obs in file.spec.observations) == recording.shapes
    assert file.spec.actions == recording.actions
    assert file.num_records == sum(len(chunk.rewards) for chunk in chunks) == recording.pairs
    rewards = sum(chunk.rewards.sum(dtype=float) for chunk in chunks)
    assert rewards == pytest.approx(recording.rewards, abs=1e-3)
    masked = sum(int((~chunk.allowed.all(axis=1)).sum()) for chunk in chunks)
    assert masked == recording.masked
    assert choose_alignment(file).kind == recording.alignment


@needs_recordings
@pytest.mark.parametrize("recording", KNOWN, ids=lambda recording: recording.name)
def test_unitys_recordings_become_rows(recording):
    demos = load_demos(path_of(recording))
    rows = demos.rows
    assert len(rows.mask) == recording.pairs
    assert not rows.mask[-1]  # nobody knows what came of the last one
    assert not (rows.terminated & rows.interrupted).any()
    assert ((rows.terminated | rows.interrupted) <= rows.last).all()
    assert (rows.last == (rows.mask & ~np.append(rows.mask[1:], False))).all()
    assert f"'{recording.alignment}'" in demos.remarks[0]
    assert f"{recording.pairs} pairs" in demos.remarks[0]


@needs_recordings
def test_every_recording_is_known():
    names = {path.stem for path in find_demos(RECORDINGS)}
    assert names - {recording.name for recording in KNOWN} == {"unitytests_test_legacy07"}


@needs_recordings
def test_a_legacy_recording_is_refused():
    with pytest.raises(DataError, match=r"pair 1 of 57 has the format of ML-Agents <= 0\.11"):
        DemoFile(RECORDINGS / "unitytests_test_legacy07.demo")


@needs_recordings
@pytest.mark.parametrize(
    ("alignment", "explains"), [("auto", True), ("next", True), ("same", False)]
)
def test_aligned_actions_explain_how_unitys_platform_tilts(alignment, explains):
    rows = load_demos(RECORDINGS / "unitytests_test.demo", alignment=alignment).rows
    tilts = rows.obs[0][:, :2]
    turned = np.diff(tilts, axis=0, append=0.0)
    inside = rows.mask & (np.abs(tilts) < 0.2).all(axis=1)  # further on, the platform stops
    for axis in range(2):
        actions = np.clip(rows.continuous[inside, axis], -1, 1)
        correlation = np.corrcoef(actions, turned[inside, axis])[0, 1]
        assert (correlation >= 0.99) == explains


@needs_recordings
def test_unitys_grid_world_forbids_what_its_expert_does_not_do():
    rows = load_demos(RECORDINGS / "official_GridWorld_visual_raw_masked.demo").rows
    assert rows.allowed[rows.real, rows.discrete[rows.real, 0]].all()
