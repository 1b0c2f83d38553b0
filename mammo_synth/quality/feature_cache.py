"""Features of images on disk, by what is in the images: computed once, read afterwards.

::

    FOLDER/<digest of the extractor>/<digest of its keys>.safetensors    keys, features
    FOLDER/<digest of the extractor>/lock

A shard holds one batch. It is written whole and never changed, so a killed process loses the
batch it was at and nothing else, and processes that share the folder at worst compute an image
twice. A shard that is damaged is removed, which is said, and its images are computed again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import TEMPORARY_PREFIX, locked
from mammo_synth.progress import SILENT, Progress
from mammo_synth.tensors import map_tensors, write_tensors

Rows = npt.NDArray[np.float32]

FORMAT = "mammo-synth/image-features/1"
KEY_BYTES = 32


def image_key(image: npt.NDArray[np.uint8]) -> bytes:
    """sha256 of an image's shape and pixels: equal images share their features."""
    digest = hashlib.sha256(f"{image.dtype.str} {image.shape}\n".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()


@dataclass(frozen=True)
class FeatureCache:
    """A folder of features, of any number of extractors.

    Attributes:
        folder: Made when the first features are written.
    """

    folder: Path

    def of(self, digest: str, dimension: int, progress: Progress = SILENT) -> CachedFeatures:
        """What is there of the extractor with this digest, whose rows have ``dimension`` numbers.

        Raises:
            BadInput: The folder cannot be used.
        """
        own = self.folder / digest[:32]
        try:
            own.mkdir(parents=True, exist_ok=True)
            (own / "lock").touch()
        except OSError as error:
            raise BadInput(
                f"The feature cache '{self.folder}' cannot be written ({error.strerror}).",
                hint="Choose another folder, or work without a cache.",
            ) from error
        return CachedFeatures(own, digest, dimension, progress)


@dataclass
class CachedFeatures:
    """Features of one extractor; memory holds where they are, not the features.

    Attributes:
        folder: The extractor's own.
        digest: Of the extractor.
        dimension: Numbers of a row.
        progress: Is told of damaged shards.
    """

    folder: Path
    digest: str
    dimension: int
    progress: Progress = SILENT
    _place: dict[bytes, tuple[Path, int]] = field(default_factory=dict, init=False)
    _sound: set[Path] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                keys = self._open(path)[0]
            except CheckFailed:
                self._drop(path)
            else:
                self._add(path, keys)

    def __len__(self) -> int:
        return len(self._place)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Rows]:
        """The rows, float32 [D] each, of those of ``keys`` that are there."""
        wanted: dict[Path, list[bytes]] = {}
        for key in dict.fromkeys(keys):
            if key in self._place:
                wanted.setdefault(self._place[key][0], []).append(key)
        found: dict[bytes, Rows] = {}
        for path, members in wanted.items():
            try:
                features = self._checked(path)
            except CheckFailed:
                self._drop(path)
                continue
            found.update((key, np.array(features[self._place[key][1]])) for key in members)
        return found

    def write(self, keys: Sequence[bytes], features: Rows) -> None:
        """Keep ``features`` [n, D] of the images with ``keys`` as a new shard.

        Raises:
            NoSpace: The disk is full or the folder may not be written to.
        """
        rows = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES)
        path = self.folder / f"{hashlib.sha256(rows.tobytes()).hexdigest()[:32]}.safetensors"
        metadata = {"format": FORMAT, "extractor": self.digest, "keys": str(_checksum(rows))}
        metadata["features"] = str(_checksum(features))
        with locked(self.folder / "lock"):
            # Whoever writes holds the lock: an unfinished file is that of a dead process.
            for leftover in self.folder.glob(f"{TEMPORARY_PREFIX}*"):
                leftover.unlink(missing_ok=True)
            write_tensors(path, {"keys": rows, "features": features}, metadata)
        self._sound.add(path)
        self._add(path, list(keys))

    def _add(self, path: Path, keys: Sequence[bytes]) -> None:
        for row, key in enumerate(keys):
            self._place.setdefault(key, (path, row))

    def _open(self, path: Path) -> tuple[list[bytes], Rows, str]:
        """Keys (checked), features (mapped, not yet checked) and the checksum of these."""
        tensors, metadata = map_tensors(path)
        try:
            keys, features = tensors["keys"], tensors["features"]
            sound = metadata["format"] == FORMAT and metadata["extractor"] == self.digest
            sound = sound and keys.dtype == np.uint8 and keys.shape[1:] == (KEY_BYTES,)
            sound = sound and features.dtype == np.float32
            sound = sound and features.shape == (len(keys), self.dimension)
            sound = sound and metadata["keys"] == str(_checksum(keys))
            checksum = metadata["features"]
        except KeyError:
            sound, checksum = False, ""
        if not sound:
            raise CheckFailed(f"'{path}' is damaged.", hint="Remove it: it is computed again.")
        return [row.tobytes() for row in keys], features, checksum

    def _checked(self, path: Path) -> Rows:
        _, features, checksum = self._open(path)
        if path not in self._sound:
            if str(_checksum(features)) != checksum:
                raise CheckFailed(f"'{path}' is damaged.", hint="Remove it: it is computed again.")
            self._sound.add(path)
        return features

    def _drop(self, path: Path) -> None:
        self.progress.say(
            f"A damaged file of the feature cache was removed; its images are computed again: "
            f"{path}"
        )
        path.unlink(missing_ok=True)
        self._sound.discard(path)
        self._place = {key: at for key, at in self._place.items() if at[0] != path}


def _checksum(array: npt.NDArray[np.uint8] | Rows) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
