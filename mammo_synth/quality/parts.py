"""Finished parts of long work, as JSON files: a killed run reads them and goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.files import write_json


@dataclass(frozen=True)
class Parts:
    """A folder of parts, one file each.

    Attributes:
        folder: Made when the first part is written. It belongs to one set of settings and inputs.
    """

    folder: Path

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The part of that name: read where it is there, else made and written.

        Args:
            name: Of letters, digits, ``-``, ``_``, ``.``; other characters are replaced.
            make: Gives plain values; what is not finite becomes null.
        """
        safe = "".join(c if c.isalnum() or c in "-_." else "~" for c in name)
        path = self.folder / f"{safe}.json"
        if not path.is_file():  # files are written whole or not at all
            write_json(path, plain(make()))
        # What was made is read as well: its keys are in the order of a part that was there.
        return json.loads(path.read_bytes())


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: tuples as lists, arrays as lists, numbers of numpy as
    Python's, and what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
