"""Files that survive a crash: written aside, synced, renamed. Nothing read here can run code."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, unquote

import numpy as np

from mlagents_tf.errors import DataError, SettingsError, StorageError

TEMPORARY_PREFIX = ".tmp-"
NAME_BYTES = 200  # a file name holds 255 bytes; the rest is for our prefixes and suffixes
JSON_BYTES = 256 << 20
ARRAY_KINDS = "biufcUS"  # what NumPy stores as plain bytes: neither objects nor foreign types
RESERVED_NAME = re.compile(  # devices of Windows, and two directories of our own
    r"con|prn|aux|nul|(com|lpt)[1-9]|checkpoints|run_logs", re.IGNORECASE
)


class DurableFile:
    """An unbuffered file for writing whose `sync` returns when the bytes are on the disk."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o666)

    def write(self, data: bytes) -> int:
        """Write all of `data`, however many calls the system needs for it."""
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Nothing is buffered; zipfile asks for this method."""

    def sync(self) -> None:
        """Wait until everything written is on the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Give the descriptor back; closing twice is fine."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def storage_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError into a StorageError that names `path`, what was tried and the reason."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot {doing}: {error.strerror or error}.") from error


@contextmanager
def replacing(path: Path) -> Iterator[DurableFile]:
    """A file that takes the place of `path` only when all of it is on the disk."""
    aside = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name[-40:]}")
    with storage_errors(path, "write"):
        file = DurableFile(aside)
        try:
            yield file
            file.sync()
            file.close()
            os.replace(aside, path)
        except BaseException:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                os.unlink(aside)
            raise
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory survive a power loss (a no-op on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without such a notion
            raise
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Bring every file and every directory below `directory` to the disk, itself last."""
    access = os.O_RDWR if os.name == "nt" else os.O_RDONLY
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            descriptor = os.open(os.path.join(folder, name), access)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(folder))


def make_directory(path: Path) -> None:
    """Create a directory and its parents so that they survive a power loss; existing is fine."""
    with storage_errors(path, "create this directory"):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with suppress(FileExistsError):
                os.mkdir(folder)
            sync_directory(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "there is a file of this name")


def rename(source: Path, target: Path) -> None:
    """Rename within a directory; the new name survives a power loss."""
    with storage_errors(target, "rename to this name"):
        os.rename(source, target)
        sync_directory(target.parent)


def remove(path: Path) -> None:
    """Delete a file or a whole directory; a directory loses its name first, so none is half."""
    with storage_errors(path, "delete"):
        if not path.is_dir():
            os.unlink(path)
            return
        aside = path
        if not path.name.startswith(TEMPORARY_PREFIX):
            aside = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-gone-{path.name}")
            os.rename(path, aside)
        shutil.rmtree(aside)


def check_writable(directory: Path) -> None:
    """Create `directory` where missing and write one file to it; StorageError where impossible."""
    make_directory(directory)
    probe = directory / "probe"
    with replacing(probe) as file:
        file.write(b"mlagents_tf can write here\n")
    remove(probe)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def save_json(path: Path, value: Any) -> None:
    """Write sorted, indented JSON; NumPy values and integers of any size are fine, NaN is not."""

    def plain(item: object) -> object:
        if isinstance(item, (np.generic, np.ndarray)):
            return item.tolist()
        raise TypeError(f"{path}: a {type(item).__name__} cannot be written as JSON.")

    try:
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, default=plain)
    except ValueError as error:
        place = _non_finite(value, "") or str(error)
        raise DataError(f"{path}: {place}; only finite numbers can be saved.") from error
    with replacing(path) as file:
        file.write(text.encode() + b"\n")


def _non_finite(value: Any, where: str) -> str | None:
    """The first NaN or infinity in a JSON value: `losses.policy is nan`."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (float, np.floating)):
        return None if math.isfinite(value) else f"{where or 'the value'} is {value}"
    items: Any = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    found = (_non_finite(item, f"{where}.{key}".lstrip(".")) for key, item in items)
    return next((place for place in found if place), None)


def load_json(path: Path) -> Any:
    """Read what `save_json` wrote; DataError naming the file for anything else."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        if path.stat().st_size > JSON_BYTES:
            raise ValueError(f"more than {JSON_BYTES >> 20} MiB")
        return json.loads(path.read_bytes(), parse_constant=refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON: {error}.") from error


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays in the layout of `numpy.savez`, uncompressed; names may contain `/`."""
    for key, array in arrays.items():
        if np.asarray(array).dtype.kind not in ARRAY_KINDS:
            raise DataError(f"{path}: '{key}' has dtype {np.asarray(array).dtype}: not numbers.")
    with replacing(path) as file, zipfile.ZipFile(cast(IO[bytes], file), "w") as archive:
        for key, array in arrays.items():
            with archive.open(quote(key, safe="/: ") + ".npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote; anything else, a pickle above all, is a DataError."""
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                key = unquote(member.filename.removesuffix(".npy"), errors="strict")
                arrays[key] = _load_array(archive, member)
    except Exception as error:  # a hostile archive fails in more ways than zipfile documents
        reason = str(error) or type(error).__name__
        raise DataError(f"{path}: not arrays saved by mlagents_tf: {reason}") from error
    return arrays


def _load_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array, whose stated shape is compared with the bytes present before any is reserved."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"'{member.filename}' is compressed")
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"'{member.filename}' is of another version of the array format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        expected = file.tell() + math.prod(shape) * dtype.itemsize
    if dtype.kind not in ARRAY_KINDS or expected != member.file_size:
        raise ValueError(f"'{member.filename}' states {shape} of {dtype}, which is not its content")
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        if file.read():  # reading to the end is what compares the checksum
            raise ValueError(f"'{member.filename}' is longer than its array")
    return array


def safe_name(name: str) -> str:
    """A file name that cannot leave its directory: `3DBall` as it is, `a/b` as `a%2Fb`.

    `original_name` undoes it, except for names of more than NAME_BYTES, which end in a hash.
    """
    first = name[:1] in (".", " ") or RESERVED_NAME.fullmatch(name.split(".")[0].rstrip())
    escaped = [
        (at == 0 and first) or (at == len(name) - 1 and char in ". ") or _unsafe(char)
        for at, char in enumerate(name)
    ]
    text = "".join(map(_escape, name, escaped)) or "%"
    if len(text.encode()) <= NAME_BYTES:
        return text
    start = text.encode()[: NAME_BYTES - 40].decode(errors="ignore")
    return f"{start}%~{sha256(text.encode()).hexdigest()[:32]}"


def _unsafe(char: str) -> bool:
    """Whether some file system gives `char` a meaning, or no terminal shows it."""
    code = ord(char)
    return char in '%/\\:*?"<>|' or code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000


def _escape(char: str, escaped: object) -> str:
    data = char.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data) if escaped else char


def original_name(stored: str) -> str:
    """The name that `safe_name` was given; a shortened one comes back as it is stored."""
    if "%~" in stored:
        return stored
    return "" if stored == "%" else unquote(stored, errors="surrogatepass")


def valid_run_id(text: str) -> str:
    """`text`, when it can name a directory on every system; SettingsError otherwise."""
    if safe_name(text) != text:
        raise SettingsError(
            f"run id {text!r} cannot name a directory on every system. "
            "Use letters, digits, '-' and '_', such as 'first-run'."
        )
    return text
