"""The rows of a run, ``stats.jsonl``: one JSON object a line, every few kimg and at each snapshot.

Every row has

- ``kimg``: thousands of real images shown;
- ``hours``: time spent on the run so far, over all its resumes, without the pauses;
- ``sec_per_kimg``: speed of training since the last row, without measuring and saving;
- ``memory_gb``: memory of the process, ``cuda_gb``: the most it held on the accelerator;
- ``p``: strength of the augmentations;
- means since the last row: ``loss_d``, ``loss_g``, ``sign_real``, ``sign_fake`` (mean sign of the
  discriminator's output), and, where they are part of the training, ``r1_penalty``,
  ``path_length``;
- ``warnings``: names of what is wrong just now (`mammo_synth.gan.monitor`).

The row of a snapshot has the measure under its name as well (``texture``, ``frechet:radiomics``;
``null`` where it is not finite), ``floor``: the same measure between two halves of the films, and
``variety``: how much the images differ from one another, as a share of how much the films do.
Times are ``null`` where nobody gave a clock.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mammo_synth.errors import NoSpace
from mammo_synth.files import write_text

Row = dict[str, Any]


def read_rows(path: Path, up_to: int | None = None) -> list[Row]:
    """The rows of a file, up to an image; none where there is no file. A line that a killed process
    left half-written is passed over."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
            fits = up_to is None or images_of(row) <= up_to
        except (ValueError, KeyError, TypeError):
            continue
        if fits:
            rows.append(row)
    return rows


def with_value(rows: Iterable[Row], name: str, since: float = 0.0) -> list[Row]:
    """The rows that have a number under ``name``; where ``since`` is a kimg, those after it."""
    return [r for r in rows if r.get(name) is not None and (not since or r["kimg"] > since)]


def images_of(row: Row) -> int:
    """Real images shown when the row was written."""
    return round(float(row["kimg"]) * 1000)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Replace the file, atomically."""
    write_text(path, "".join(_line(row) for row in rows))


def append_row(path: Path, row: Row) -> None:
    """Add a row.

    Raises:
        NoSpace: The disk is full; what stood there still does.
    """
    try:
        with path.open("a") as stream:
            stream.write(_line(row))
    except OSError as error:
        raise full_disk(error, path) from error


def full_disk(error: OSError, path: Path) -> Exception:
    """The error to raise for ``error``: :class:`NoSpace` where the disk is full, else itself."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return NoSpace(
        f"The disk is full: '{path}' could not be written. The last checkpoint is whole.",
        hint="Free some space, then run the same command again: it goes on.",
    )


def _line(row: Row) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def tidy(value: float | None, digits: int = 6) -> float | None:
    """A number with so many significant digits."""
    return None if value is None else float(f"{value:.{digits}g}")
