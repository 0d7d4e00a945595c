"""A replay of 500 000 transitions (obs 8, act 2): memory, append, sample, save, load.

python benchmarks/replay.py
python benchmarks/replay.py --images
python benchmarks/replay.py --peers FOLDER --torch-python TORCH/bin/python

Saving includes fsync; loading includes all checks of structure and values. A checkpoint also
hashes the file once when it is written and once when it is read: `hash_s`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import load_replay, save_replay
from mlagents_tf.run.storage import hash_file, sync_tree
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Step, make_step

SPEC = Spec((ObservationSpec((8,)),), ActionSpec(continuous_size=2))
PEERS = ("mla_buffer.py", "sb_buffer.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transitions", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="folder of the peers' scripts")
    parser.add_argument("--torch-python", type=Path, help="Python that has the peers")
    parser.add_argument("--images", action="store_true", help="memory of images of 84x84x3 alone")
    args = parser.parse_args()
    if args.images:
        print(json.dumps(memory_of_images(args.transitions // 100)))
        return
    print(json.dumps({"library": "mlagents_tf"} | measure(args.transitions, args.repeats)))
    if args.peers and args.torch_python:
        with tempfile.TemporaryDirectory() as folder:
            for script in PEERS:
                command = [args.torch_python.absolute(), (args.peers / script).absolute()]
                output = subprocess.run(
                    command, cwd=folder, check=True, capture_output=True, text=True
                ).stdout
                found = json.loads(output.splitlines()[-1])
                for details in ("fields", "loaded"):
                    found.pop(details, None)
                print(json.dumps({"script": script} | found))


def measure(transitions: int, repeats: int) -> dict[str, object]:
    """All figures of our replay."""
    rng = np.random.default_rng(0)
    replay = Replay(SPEC, transitions + 1000)
    warm_up = Replay(SPEC, 10_000)
    fill(warm_up, 1000, 20, rng)
    warm_up.sample(rng, 1, 256)
    before = psutil.Process().memory_info().rss
    fill(replay, 1000, transitions // 1000 + 1, rng)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    figures: dict[str, object] = {
        "transitions": replay.num_real,
        "rss_mb": round(grown / 1e6, 1),
        "raw_mb": round(replay.num_bytes / 1e6, 1),
        "rss_over_raw": round(grown / replay.num_bytes, 3),
        "sample256_us": round(1e6 * median_seconds(1000, lambda: replay.sample(rng, 1, 256)), 1),
    }
    with tempfile.TemporaryDirectory() as folder:
        figures |= save_and_load(Path(folder), replay, repeats)
    for agents in (1, 16, 1000):
        replay = Replay(SPEC, transitions + agents)
        steps = max(2000, 200_000 // agents)
        fill(replay, agents, 100, rng)
        began = time.perf_counter()
        fill(replay, agents, steps, rng)
        seconds = time.perf_counter() - began
        figures[f"append_us_{agents}_agents"] = round(1e6 * seconds / (steps * agents), 2)
    return figures


def memory_of_images(transitions: int) -> dict[str, object]:
    """What a full replay of images takes, beside the bytes of its images alone."""
    spec = Spec((ObservationSpec((3, 84, 84), dtype="uint8"),), ActionSpec(continuous_size=2))
    rng, ids = np.random.default_rng(0), np.arange(10)
    actions, discrete = np.zeros((10, 2), np.float32), np.zeros((10, 0), np.int32)

    def fill_with_images(replay: Replay, steps: int) -> None:
        for _ in range(steps):
            obs = (rng.integers(0, 256, (10, 3, 84, 84), np.uint8),)
            step = make_step(ids, obs, np.zeros(10, np.float32))
            replay.observe(step)
            replay.append(step, actions, discrete)

    fill_with_images(Replay(spec, 100), 30)
    replay = Replay(spec, transitions)
    before = psutil.Process().memory_info().rss
    fill_with_images(replay, transitions // 5)  # twice around
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    images = transitions * 3 * 84 * 84
    return {
        "rows": len(replay),
        "rss_mb": round(grown / 1e6, 1),
        "images_mb": round(images / 1e6, 1),
        "rss_over_images": round(grown / images, 3),
    }


def save_and_load(folder: Path, replay: Replay, repeats: int) -> dict[str, object]:
    """Medians of what a file costs."""
    path = folder / "replay.hdf5"

    def save() -> None:
        path.unlink(missing_ok=True)
        save_replay(path, replay)
        sync_tree(folder)

    def load() -> None:
        other = Replay(SPEC, replay.capacity)
        other.load_state(replay.state())
        load_replay(path, other)

    return {
        "save_s": round(median_seconds(repeats, save), 3),
        "load_s": round(median_seconds(repeats, load), 3),
        "hash_s": round(median_seconds(repeats, lambda: hash_file(path)), 3),
        "file_mb": round(os.path.getsize(path) / 1e6, 1),
    }


def fill(replay: Replay, agents: int, steps: int, rng: np.random.Generator) -> None:
    """Takes `steps` steps in which every agent decides; making them costs next to nothing."""
    ids, discrete = np.arange(agents), np.zeros((agents, 0), np.int32)
    seen: list[Step] = [
        make_step(ids, (rng.random((agents, 8), np.float32),), rng.random(agents, np.float32))
        for _ in range(10)
    ]
    actions = rng.random((agents, 2), np.float32)
    for t in range(steps):
        replay.observe(seen[t % 10])
        replay.append(seen[t % 10], actions, discrete)


def median_seconds(repeats: int, action: Callable[[], object]) -> float:
    """The median time of an action."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


if __name__ == "__main__":
    main()
