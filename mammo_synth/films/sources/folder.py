"""Any folder of film images with a CSV table of what they are.

The table (``metadata.csv`` in the folder, unless another is given) has a header with ``path``
(relative to the folder), ``finding`` (normal, benign, malignant) and ``patient_id``; ``view``
(CC, MLO), ``laterality`` (L, R) and ``density`` are optional. Patient and image identities are
replaced by digests: a name or a hospital number must not travel into a data set.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_bytes, sha256_file
from mammo_synth.films.readers import SUFFIXES, read_bytes
from mammo_synth.films.record import FINDINGS, LATERALITIES, VIEWS, FilmRecord, Listing, Terms
from mammo_synth.films.sources.on_disk import DiskSource

TABLE_NAME = "metadata.csv"
REQUIRED = ("path", "finding", "patient_id")
OPTIONAL = ("view", "laterality", "density")

TERMS = Terms(
    licence="as stated by the owner of the films; unknown to mammo-synth",
    licence_id="unknown",
    citation="Films of the user's own folder.",
    redistributable=False,
    simulated=False,
)


@dataclass(frozen=True)
class FolderSource(DiskSource):
    """The films in ``folder`` that its table names."""

    table: Path | None = None

    @property
    def name(self) -> str:
        """``folder``."""
        return "folder"

    @property
    def terms(self) -> Terms:
        """Unknown: so nothing may be redistributed."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the table; the films' own digests are in the prepared set's rows."""
        return {"source": self.name, "table_sha256": sha256_file(self._table())}

    def list(self) -> Listing:
        """All films of the table.

        Raises:
            BadInput: No table, a missing column, a bad value, a path that is missing, doubled or
                outside the folder. The message names the line.
        """
        table = self._table()
        try:
            text = read_bytes(table).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"'{table}' is not UTF-8 text ({error.reason} at byte {error.start}).",
                hint="Save the table as CSV UTF-8.",
            ) from error
        reader = csv.DictReader(io.StringIO(text))
        self._check_header(table, reader.fieldnames)
        records: dict[str, FilmRecord] = {}
        for row in reader:
            where = f"'{table}', line {reader.line_num}"
            record = self._record(row, where)
            if record.image_id in records:
                raise BadInput(
                    f"{where}: '{record.locator}' stands in the table twice.",
                    hint="A film has one row; join its findings.",
                )
            records[record.image_id] = record
        if not records:
            raise BadInput(f"'{table}' has a header but no films.", hint="Add a row for each film.")
        named = {record.locator for record in records.values()}
        found = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.suffix.lower() in SUFFIXES
        }
        left = len(found - named)
        remarks = (f"{left} image files are not in the table, left aside.",) if left else ()
        return Listing(tuple(records[key] for key in sorted(records)), remarks)

    def _table(self) -> Path:
        if not self.folder.is_dir():
            raise BadInput(f"There is no folder '{self.folder}'.", hint="Check the path.")
        table = self.table or self.folder / TABLE_NAME
        if not table.is_file():
            raise BadInput(
                f"There is no table '{table}'; a CSV with the columns {', '.join(REQUIRED)} was "
                "expected.",
                hint="Write one row for each film, or name the table with --table.",
            )
        return table

    @staticmethod
    def _check_header(table: Path, header: Any) -> None:
        columns = list(header or ())
        for column in REQUIRED:
            if column not in columns:
                raise BadInput(
                    f"'{table}' has no column '{column}'; its columns are: {', '.join(columns)}.",
                    hint=f"Required: {', '.join(REQUIRED)}. Optional: {', '.join(OPTIONAL)}.",
                )

    def _record(self, row: dict[str, Any], where: str) -> FilmRecord:
        values = {key: (row.get(key) or "").strip() for key in (*REQUIRED, *OPTIONAL)}
        for key in REQUIRED:
            if not values[key]:
                raise BadInput(f"{where}: '{key}' is empty.", hint="Every film needs all three.")
        finding = _one_of(values["finding"].lower(), FINDINGS, "finding", where)
        path = Path(values["path"])
        target = (self.folder / path).resolve()
        if path.is_absolute() or not target.is_relative_to(self.folder.resolve()):
            raise BadInput(
                f"{where}: '{path}' points outside '{self.folder}'.",
                hint="Paths are relative to the folder of the films.",
            )
        if not target.is_file():
            raise BadInput(
                f"{where}: there is no file '{path}' in '{self.folder}'.",
                hint="Correct the path or take the row out.",
            )
        return FilmRecord(
            image_id=f"folder-{sha256_bytes(path.as_posix().encode())[:12]}",
            patient_id=f"folder-p{sha256_bytes(values['patient_id'].encode())[:12]}",
            finding=finding,
            view=_optional(values["view"].upper(), VIEWS, "view", where),
            laterality=_optional(values["laterality"].upper(), LATERALITIES, "laterality", where),
            density=values["density"] or None,
            locator=path.as_posix(),
        )


def _one_of(value: str, known: tuple[str, ...], column: str, where: str) -> str:
    if value not in known:
        raise BadInput(
            f"{where}: {column} '{value}' is none of {', '.join(known)}.",
            hint=did_you_mean(value, known),
        )
    return value


def _optional(value: str, known: tuple[str, ...], column: str, where: str) -> str | None:
    return _one_of(value, known, column, where) if value else None
