"""Images where they lie, in Parquet files, single files or an archive: read some at a time.

A pool of 24,000 films of 512 px is 6 GB of pixels. What is compared is read in blocks, so that
memory holds one block and one row group of encoded images, however many there are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.png import decode_png

Images = npt.NDArray[np.uint8]
Encoded = Callable[[Sequence[int]], list[bytes]]
"""Numbers of images to their PNG bytes, in that order."""

AGAIN = "The file was damaged or changed: make it again, or copy it again."


@dataclass(frozen=True)
class StoredImages:
    """Square grey images of one side that are decoded when they are asked for.

    A slice gives uint8 ``[n, S, S]``, a number ``[S, S]``.

    Attributes:
        encoded: Gives PNG bytes.
        count: Number of images.
        side: S, in pixels.
    """

    encoded: Encoded
    count: int
    side: int

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, part: slice) -> Images: ...
    @overload
    def __getitem__(self, part: int) -> Images: ...
    def __getitem__(self, part: slice | int) -> Images:
        if isinstance(part, slice):
            return self.take(range(*part.indices(self.count)))
        if not -self.count <= part < self.count:
            raise IndexError(part)
        return np.asarray(self.take([part % self.count])[0])

    def take(self, numbers: Sequence[int]) -> Images:
        """uint8 ``[n, S, S]`` of the images with these numbers.

        Raises:
            BadInput: One cannot be read, or is of another size.
        """
        found = np.empty((len(numbers), self.side, self.side), np.uint8)
        for place, number, data in zip(found, numbers, self.encoded(numbers), strict=True):
            try:
                image = decode_png(data)
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                raise BadInput(f"Image {number} is no PNG ({error}).", hint=AGAIN) from error
            if image.shape != place.shape:
                raise BadInput(
                    f"Image {number} is {image.shape[1]} x {image.shape[0]} px; "
                    f"{self.side} x {self.side} was expected.",
                    hint=AGAIN,
                )
            place[:] = image
        return found

    def chosen(self, numbers: Sequence[int]) -> StoredImages:
        """Those with these numbers, in this order."""
        kept = tuple(numbers)
        return StoredImages(
            lambda some: self.encoded([kept[i] for i in some]), len(kept), self.side
        )

    def blocks(self, size: int) -> Iterator[Images]:
        """All of them, ``size`` at a time."""
        for start in range(0, self.count, size):
            yield self[start : start + size]


@dataclass
class ParquetRows:
    """The PNG bytes in the column ``image`` of rows of Parquet files; the row group read last is
    kept, so that neighbours cost one read.

    Attributes:
        places: File and row of each image.
    """

    places: Sequence[tuple[Path, int]]
    _files: dict[Path, tuple[pq.ParquetFile, npt.NDArray[np.int64]]] = field(
        default_factory=dict, init=False
    )
    _kept: tuple[tuple[Path, int], Any] | None = field(default=None, init=False)

    def __call__(self, numbers: Sequence[int]) -> list[bytes]:
        """PNG bytes of the images with these numbers.

        Raises:
            BadInput: A file is gone or damaged.
        """
        found: list[bytes] = []
        try:
            located = [self._group(*self.places[number]) for number in numbers]
            for at, rows in groupby(located, key=lambda one: one[:2]):
                column = self._column(*at)
                found += [column[row].as_py()["bytes"] for _, _, row in rows]
        except (OSError, pa.ArrowException, KeyError, TypeError) as error:
            raise BadInput(f"Images cannot be read ({error}).", hint=AGAIN) from error
        return found

    def _group(self, path: Path, row: int) -> tuple[Path, int, int]:
        """File, row group, and the row in that group."""
        if path not in self._files:
            file = pq.ParquetFile(path)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            self._files[path] = file, np.cumsum([0, *sizes])
        ends = self._files[path][1]
        group = int(np.searchsorted(ends, row, side="right")) - 1
        return path, group, row - int(ends[group])

    def _column(self, path: Path, group: int) -> Any:
        if self._kept is None or self._kept[0] != (path, group):
            table = self._files[path][0].read_row_group(group, columns=["image"])
            self._kept = (path, group), table["image"]
        return self._kept[1]


@dataclass(frozen=True)
class FileBytes:
    """The bytes of one file for each image."""

    paths: Sequence[Path]

    def __call__(self, numbers: Sequence[int]) -> list[bytes]:
        """Bytes of the images with these numbers.

        Raises:
            BadInput: One cannot be read.
        """
        try:
            return [self.paths[number].read_bytes() for number in numbers]
        except OSError as error:
            raise BadInput(f"An image cannot be read ({error}).", hint=AGAIN) from error


@dataclass(frozen=True)
class ZipBytes:
    """The bytes of one member of an archive for each image."""

    archive: Path
    names: Sequence[str]

    def __call__(self, numbers: Sequence[int]) -> list[bytes]:
        """Bytes of the images with these numbers.

        Raises:
            BadInput: The archive or one of them cannot be read.
        """
        try:
            with zipfile.ZipFile(self.archive) as archive:
                return [archive.read(self.names[number]) for number in numbers]
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise BadInput(f"An image cannot be read ({error}).", hint=AGAIN) from error
