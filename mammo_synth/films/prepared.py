"""The prepared set: films as square 8-bit grey PNG with label, role and origin, in Parquet.

A folder of ``films-NNNNN.parquet`` shards and a manifest (kind ``prepared-set``). `SCHEMA` is the
contract; `PreparedSet` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.films.record import ROLES
from mammo_synth.manifest import Manifest, read_manifest
from mammo_synth.png import decode_png

KIND = "prepared-set"
SHARD_PATTERN = "films-*.parquet"

GEOMETRY_TYPE = pa.struct(
    [
        ("film_width", pa.int32()),
        ("film_height", pa.int32()),
        ("crop_left", pa.int32()),
        ("crop_top", pa.int32()),
        ("crop_width", pa.int32()),
        ("crop_height", pa.int32()),
        ("flipped", pa.bool_()),
        ("scale_x", pa.float64()),
        ("scale_y", pa.float64()),
        ("pad_top", pa.int32()),
        ("pad_bottom", pa.int32()),
        ("pad_right", pa.int32()),
    ]
)
FILE_TYPE = pa.struct([("format", pa.string()), ("bits", pa.int8()), ("inverted", pa.bool_())])
SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("image_id", pa.string()),
        ("patient_id", pa.string()),
        ("finding", pa.string()),
        ("label", pa.int8()),
        ("view", pa.string()),
        ("laterality", pa.string()),
        ("density", pa.string()),
        ("source", pa.string()),
        ("role", pa.string()),
        ("geometry", GEOMETRY_TYPE),
        ("file", FILE_TYPE),
        ("film_sha256", pa.string()),
        ("pixel_sha256", pa.string()),
    ]
)
PATIENT_DIGITS = 12
METADATA_COLUMNS = [name for name in SCHEMA.names if name != "image"]


def patient_digest(patient_id: str) -> str:
    """The first hex digits of a patient id's sha256: enough to see whether two sets share one."""
    return sha256_bytes(patient_id.encode())[:PATIENT_DIGITS]


@dataclass(frozen=True)
class PreparedSet:
    """A prepared set on disk. Opening it reads the manifest only."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> PreparedSet:
        """Open the prepared set in ``folder``.

        Raises:
            BadInput: It is not a (finished) prepared set.
        """
        return cls(folder, read_manifest(folder, KIND))

    @property
    def size(self) -> int:
        """Side of the films in pixels."""
        return int(self.manifest.settings["size"])

    @property
    def protocol(self) -> str:
        """``strict`` or ``study``."""
        return str(self.manifest.settings["protocol"])

    @property
    def source(self) -> str:
        """Name of the source of the films."""
        return str(self.manifest.facts["source"])

    @property
    def simulated(self) -> bool:
        """Whether the films are phantoms."""
        return bool(self.manifest.facts["terms"]["simulated"])

    @property
    def terms(self) -> dict[str, Any]:
        """Licence, citation and redistribution of the source."""
        return dict(self.manifest.facts["terms"])

    @property
    def shards(self) -> list[Path]:
        """Shard files in order."""
        return sorted(self.folder.glob(SHARD_PATTERN))

    @cached_property
    def table(self) -> pa.Table:
        """All columns but the pixels, one row for each film, in the order of the shards."""
        return pa.concat_tables([pq.read_table(p, columns=METADATA_COLUMNS) for p in self.shards])

    def count(self, role: str, label: int) -> int:
        """Number of films of a role and label."""
        labels, roles = self.table["label"].to_numpy(), self.table["role"].to_numpy()
        return int(((labels == label) & (roles == role)).sum())

    def patients(self, role: str, label: int | None = None) -> tuple[str, ...]:
        """Digests of the patients with films of a role (and label), sorted."""
        columns = (self.table[name].to_pylist() for name in ("patient_id", "role", "label"))
        found = {
            patient
            for patient, its_role, its_label in zip(*columns, strict=True)
            if its_role == role and label in (None, its_label)
        }
        return tuple(sorted(patient_digest(patient) for patient in found))

    def rows(self, role: str, label: int) -> list[dict[str, Any]]:
        """Full rows, PNG bytes included, of one role and label, in the order of the shards.

        Raises:
            BadInput: An unknown role.
        """
        if role not in ROLES:
            raise BadInput(f"There is no role '{role}'; roles are {', '.join(ROLES)}.")
        rows: list[dict[str, Any]] = []
        for shard in self.shards:
            filters = [("role", "=", role), ("label", "=", label)]
            rows += pq.read_table(shard, filters=filters).to_pylist()
        return rows

    def films(self, image_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Full rows, PNG bytes included, by image id; reads only the shards' matching rows.

        Raises:
            BadInput: An id that is not in the set.
        """
        found: dict[str, dict[str, Any]] = {}
        wanted = list(image_ids)
        for shard in self.shards:
            table = pq.read_table(shard, filters=[("image_id", "in", wanted)]) if wanted else None
            for row in table.to_pylist() if table is not None else ():
                found[row["image_id"]] = row
        missing = [image_id for image_id in wanted if image_id not in found]
        if missing:
            raise BadInput(
                f"The prepared set '{self.folder}' has no film '{missing[0]}'.",
                hint="Its shards were changed: run `mammo-synth verify` on it.",
            )
        return found

    def images(self, role: str, label: int) -> tuple[npt.NDArray[np.uint8], list[str]]:
        """Decoded films of one role and label.

        Returns:
            Pixels [N, size, size] uint8 and their image ids.

        Raises:
            BadInput: There is no such film.
        """
        rows = self.rows(role, label)
        if not rows:
            raise BadInput(
                f"The prepared set '{self.folder}' has no {LABELS[label]} film in role {role}.",
                hint="Look at it with `mammo-synth films inspect`.",
            )
        pixels = np.stack([decode_png(row["image"]["bytes"]) for row in rows])
        return pixels, [row["image_id"] for row in rows]
