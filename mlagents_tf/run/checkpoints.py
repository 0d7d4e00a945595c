"""Commits: one directory per checkpoint of a run, complete or not there at all.

`checkpoints/step-<n>/` holds files and MANIFEST.json, which lists them with sizes and hashes. It
is filled under a temporary name, synced and renamed, so a crash leaves the commits before it. The
newest commit is derived from the names, and trusted only after its hashes are checked.
A second commit at the same step is `step-<n>.1`, and so on: the first is never touched.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlagents_tf.errors import DataError
from mlagents_tf.run import storage

DIRECTORY = "checkpoints"
MANIFEST = "MANIFEST.json"
FORMAT = 1
COMMIT_NAME = re.compile(r"step-(0|[1-9]\d{0,17})(?:\.([1-9]\d{0,8}))?")
LEFTOVER_NAME = re.compile(re.escape(storage.TEMPORARY_PREFIX) + r"(\d{1,9})-(gone-)?step-.*")

Warn = Callable[[str], None]


@dataclass(frozen=True, order=True)
class Commit:
    """A checkpoint directory with a manifest; whether its content is whole is for `verify`.

    Attributes:
        step: environment steps of the run when it was written.
        revision: 0, or the how-manieth repetition of that step.
        path: its directory.
    """

    step: int
    revision: int
    path: Path

    def verify(self) -> None:
        """Read everything but optional files; DataError naming the first file that is not right."""
        for name, entry in self._manifest()["files"].items():
            self._check(name, entry, hashes=True)

    def is_whole(self) -> bool:
        """Whether all files are there with the right sizes: cheap, and blind to flipped bits."""
        try:
            for name, entry in self._manifest()["files"].items():
                self._check(name, entry, hashes=False)
        except DataError:
            return False
        return True

    def optional_file(self, name: str) -> Path | None:
        """A file that may be missing from a valid commit; DataError when it is damaged."""
        entry = self._manifest()["optional"].get(name)
        if entry is None or not (self.path / name).exists():
            return None
        self._check(name, entry, hashes=True)
        return self.path / name

    def optional_files(self) -> list[Path]:
        """Paths of the optional files that this commit still has."""
        paths = [_inside(self.path, name) for name in self._manifest()["optional"]]
        return [path for path in paths if path.exists()]

    def _manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        manifest = storage.load_json(path)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise DataError(f"{path}: not a manifest of format {FORMAT}.")
        if manifest.get("step") != self.step:
            raise DataError(f"{path}: is of step {manifest.get('step')}, not {self.step}.")
        for section in ("files", "optional"):
            entries = manifest.get(section)
            values = entries.values() if isinstance(entries, dict) else [None]
            if not all(isinstance(entry, dict) for entry in values):
                raise DataError(f"{path}: has no valid '{section}'.")
        return manifest

    def _check(self, name: str, entry: dict[str, Any], hashes: bool) -> None:
        path = _inside(self.path, name)
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: is not a regular file.")
            if status.st_size != entry.get("size"):
                raise DataError(f"{path}: has {status.st_size} bytes, not {entry.get('size')}.")
            if hashes and storage.hash_file(path) != entry.get("sha256"):
                raise DataError(f"{path}: its content does not have the hash of {MANIFEST}.")
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error


def commit(
    run_dir: Path, step: int, write: Callable[[Path], None], *, optional: Collection[str] = ()
) -> Commit:
    """Let `write` fill a directory and make it the run's commit of `step`.

    Whatever fails, the commits before it are untouched: StorageError for the disk, and what
    `write` raises as it is. Commits of later steps, damaged ones that the run had to fall back
    from or those of a story that it left, are set aside: they are not its newest any more.

    Args:
        run_dir: the directory of the run.
        step: environment steps so far.
        write: given an empty directory; may make subdirectories.
        optional: names (`replay.hdf5`, in any subdirectory) of files that `prune` keeps in the
            newest commit only.
    """
    if step < 0:
        raise ValueError(f"a checkpoint of step {step}: steps count from 0.")
    parent = run_dir / DIRECTORY
    storage.make_directory(parent)
    _sweep(parent)
    aside = parent / f"{storage.TEMPORARY_PREFIX}{os.getpid()}-step-{step}"
    try:
        with storage.storage_errors(parent, f"save step {step}"):
            os.mkdir(aside)
            write(aside)
            storage.save_json(aside / MANIFEST, _describe(aside, step, optional))
            storage.sync_tree(aside)
        set_aside(run_dir, after=step)
        target = _free_name(parent, step)
        storage.rename(aside, target.path)
    except BaseException:
        _remove_quietly(aside)
        raise
    return target


def find_commits(run_dir: Path) -> list[Commit]:
    """Directories of commits that have a manifest, newest first; their content is not read."""
    return [found for found in _directories(run_dir) if (found.path / MANIFEST).is_file()]


def newest_valid(run_dir: Path, warn: Warn) -> Commit | None:
    """The newest commit whose files are all as they were written; None where there is none.

    Each damaged commit on the way is a warning; when all are damaged, DataError lists them.
    """
    problems = []
    for found in _directories(run_dir):
        try:
            found.verify()
        except DataError as error:
            problems.append(f"{error}")
            warn(f"{error} Checkpoint {found.path.name} is damaged, trying the one before.")
            continue
        return found
    if problems:
        raise DataError("every checkpoint of this run is damaged:\n  " + "\n  ".join(problems))
    return None


def prune(run_dir: Path, keep: int) -> None:
    """Delete what newer commits stand in for.

    Of whole commits the `keep` newest stay (all where keep <= 0), one for each step. Optional
    files stay in the newest only. A damaged commit is not counted, and goes with its elders.
    """
    commits = find_commits(run_dir)
    whole = [found for found in commits if found.is_whole()]
    for older in whole[1:]:
        for path in older.optional_files():
            storage.remove(path)
    newest_of_step = {found.step: found for found in reversed(whole)}
    kept = sorted(newest_of_step.values(), reverse=True)
    for found in commits:
        repeated = found.step in newest_of_step and found < newest_of_step[found.step]
        if repeated or (0 < keep <= len(kept) and found < kept[keep - 1]):
            storage.remove(found.path)


def set_aside(run_dir: Path, after: int) -> list[Path]:
    """Rename the commits of steps beyond `after` so that no resume finds them; return the paths.

    A kill would otherwise bring back a story that the run has left, and `prune` would keep it in
    place of the new one. Nothing is deleted; the user can rename it back.
    """
    moved = []
    for found in _directories(run_dir):
        if found.step > after:
            path = _unused(found.path.with_name(f"set-aside-{found.path.name}"))
            storage.rename(found.path, path)
            moved.append(path)
    return moved


def discard(run_dir: Path) -> None:
    """Delete all commits of a run that starts again from nothing, the oldest first."""
    for found in reversed(find_commits(run_dir)):
        storage.remove(found.path)


def _directories(run_dir: Path) -> list[Commit]:
    parent = run_dir / DIRECTORY
    found = []
    with storage.storage_errors(parent, "list"):
        for path in parent.iterdir() if parent.is_dir() else ():
            match = COMMIT_NAME.fullmatch(path.name)
            if match and path.is_dir():
                found.append(Commit(int(match[1]), int(match[2] or 0), path))
    return sorted(found, reverse=True)


def _describe(directory: Path, step: int, optional: Collection[str]) -> dict[str, Any]:
    """The manifest of a filled directory."""
    sections: dict[str, Any] = {"format": FORMAT, "step": step, "files": {}, "optional": {}}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_dir() or name == MANIFEST:
            continue
        _inside(directory, name)  # what could not be read back is not written
        section = "optional" if _matches(name, optional) else "files"
        entry = {"size": path.stat().st_size, "sha256": storage.hash_file(path)}
        sections[section][name] = entry
    return sections


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(PurePosixPath(name).match(pattern) for pattern in patterns)


def _inside(directory: Path, name: str) -> Path:
    """The path of a manifest's file name, refused where it leads out of the commit."""
    parts = name.split("/")
    if (
        "\\" in name
        or "\0" in name
        or any(part in ("", ".", "..") or ":" in part for part in parts)
    ):
        raise DataError(f"{directory / MANIFEST}: names a file outside of the commit: {name!r}.")
    return directory / name


def _free_name(parent: Path, step: int) -> Commit:
    """The commit to be: `step-<n>`, or with the first revision that no directory has."""
    revisions = [found.revision for found in _directories(parent.parent) if found.step == step]
    revision = max(revisions, default=-1) + 1
    name = f"step-{step}.{revision}" if revision else f"step-{step}"
    return Commit(step, revision, parent / name)


def _unused(path: Path) -> Path:
    names = (path.with_name(f"{path.name}-{number}") for number in range(1, 1_000_000))
    return next((name for name in names if not name.exists()), path) if path.exists() else path


def _sweep(parent: Path) -> None:
    """Delete what a dead process, or an earlier failure of this one, left half written."""
    for path in list(parent.iterdir()):
        match = LEFTOVER_NAME.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            _remove_quietly(path)


def _is_alive(pid: int) -> bool:
    """Whether another process has this id; Windows cannot tell harmlessly, so there it has."""
    if pid == os.getpid():
        return False
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _remove_quietly(path: Path) -> None:
    try:
        if path.exists():
            storage.remove(path)
    except Exception:  # the reason it failed is on its way already, or the next commit tries again
        return
