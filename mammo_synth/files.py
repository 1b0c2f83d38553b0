"""Digests and atomic writes: the two things that every file of ours goes through."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, NoSpace

TEMPORARY_PREFIX = ".writing-"
"""Files that begin so are unfinished writes of a killed process: never part of a folder."""

_UMASK_LOCK = threading.Lock()  # the umask can only be read by setting it, for all threads


def sha256_bytes(data: bytes) -> str:
    """Hex sha256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file, read in blocks so that memory stays flat."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare space: equal values have equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_json(value: Any) -> str:
    """Hex sha256 of the canonical JSON of ``value``."""
    return sha256_bytes(canonical_json(value).encode())


@contextlib.contextmanager
def locked(path: Path, *, busy: BadInput | None = None) -> Iterator[None]:
    """One process at a time holds the lock file ``path``, where the file system can lock; it ends
    with its process, however that ends. Another one waits, or gets ``busy``."""
    with path.open("wb") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if busy is None:
                raise
            raise busy from error
        except (ImportError, OSError):
            pass  # no lock is to be had here
        yield


@contextlib.contextmanager
def atomic_path(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; move it into place at the end.

    A reader sees the old file or the whole new one, never half of it; on an error nothing is
    left behind. Without ``sync`` that holds for killed processes, not for a power failure.

    Raises:
        NoSpace: The disk is full or the folder may not be written to.
    """
    temporary = path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY_PREFIX)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        if sync:
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
        # mkstemp files are private (0600); the result gets what the user's umask allows.
        with _UMASK_LOCK:
            umask = os.umask(0)
            os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException as error:
        if temporary != path:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"The disk is full: '{path}' could not be written. What was finished is kept.",
                hint="Free some space, then run the same command again: it goes on.",
            ) from error
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise NoSpace(
                f"'{path}' may not be written ({error.strerror}).",
                hint="Choose another --out folder, or change its permissions.",
            ) from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``path`` atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON (sorted keys, two spaces) atomically."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
