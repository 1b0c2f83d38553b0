"""The rows of Mini-DDSM's spreadsheet: what each says of its film, and which cannot be used.

The name of a film says its case, side and view; what other columns say of them must agree, so
that a row that slipped, or that was edited by hand, is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Refused
from mammo_synth.films.sources.ddsm_case import FilmName, film_name, wrong_folder
from mammo_synth.films.sources.label_table import listed, shown
from mammo_synth.films.sources.on_disk import laterality_of
from mammo_synth.films.tables import Row, read_table

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
CASE_FOLDER = r"([0-9]{4,5})"

STATUSES = {
    # The values of the column Status and the names of the three folders. "Cancer": the case has a
    # cancer that was proven, in one of its breasts.
    "cancer": "malignant",
    "benign": "benign",
    "normal": "normal",
}
CONTOURS = ("contour", "contour2", "contour3", "contour4", "contour5", "contour6")
REQUIRED = {
    "path": ("fullPath",),
    "file": ("fileName",),
    "view": ("View",),
    "side": ("Side",),
    "status": ("Status",),
    "contour": ("Tumour_Contour", "Tumor_Contour"),
}
OPTIONAL = {
    "density": ("Density",),
    **{f"contour{n}": (f"Tumour_Contour{n}", f"Tumor_Contour{n}") for n in range(2, 7)},
}
NO_CONTOUR = ("", "-", "none")


@dataclass(frozen=True, slots=True)
class FilmRow:
    """What one row says of its film.

    Attributes:
        line: Of the table.
        name: The film.
        status: ``cancer``, ``benign`` or ``normal``, of its case.
        contoured: A contour on this film is named.
        density: ACR, 1 to 4, or None.
    """

    line: int
    name: FilmName
    status: str
    contoured: bool
    density: str | None


def read_rows(table: Path) -> tuple[dict[str, list[FilmRow]], list[Refused]]:
    """The rows of the table by film, and the rows that cannot be used.

    Raises:
        BadInput: It is no table, or columns are missing.
    """
    rows: dict[str, list[FilmRow]] = {}
    refused: list[Refused] = []
    for row in read_table(table, REQUIRED, OPTIONAL):
        try:
            said = _row(row)
        except BadInput as error:
            film = shown(row["path"] or row["file"]) or f"line {row.line}"
            refused.append(Refused(film, f"line {row.line}: {error.message}"))
            continue
        rows.setdefault(said.name.stem, []).append(said)
    return rows, refused


def _row(row: Row) -> FilmRow:
    *folders, file = row["path"].replace("\\", "/").split("/")
    name = _own_name(file)
    if name is None:
        raise BadInput(f"'{shown(file)}' is not the name of a DDSM film (A_1932_1.LEFT_CC)")
    status = row["status"].lower()
    if status not in STATUSES:
        raise BadInput(f"its Status '{shown(row['status'])}' is none of {', '.join(STATUSES)}")
    for folder in folders:
        if folder.lower() in STATUSES and folder.lower() != status:
            raise BadInput(f"its Status is {status}, but its fullPath says {folder}")
    _check_names(row, name)
    if (other := wrong_folder(folders[-1:], name, CASE_FOLDER)) is not None:
        raise BadInput(f"its fullPath says case {other}, but its name says {name.number}")
    contours = [row[c] for c in CONTOURS if row[c].lower() not in NO_CONTOUR]
    for contour in contours:
        if not PurePosixPath(contour.replace("\\", "/")).name.upper().startswith(name.stem):
            raise BadInput(f"its contour '{shown(contour)}' is not of this film")
    density = row["density"].removesuffix(".0")
    known = density if density in ("1", "2", "3", "4") else None
    return FilmRow(row.line, name, status, bool(contours), known)


def _check_names(row: Row, name: FilmName) -> None:
    """The columns that repeat what the film's name says must agree with it."""
    file = _own_name(row["file"].replace("\\", "/").rpartition("/")[2])
    if file is None or file.stem != name.stem:
        raise BadInput(f"its fileName is '{shown(row['file'])}', but its fullPath says {name.stem}")
    side, view = name.sequence.split("_")
    if row["side"] and laterality_of(row["side"]) != name.laterality:
        raise BadInput(f"its Side is '{shown(row['side'])}', but its name says {side}")
    if row["view"] and row["view"].upper() != view:
        raise BadInput(f"its View is '{shown(row['view'])}', but its name says {view}")


def _own_name(file: str) -> FilmName | None:
    """The film whose own file is called ``file``; None for a mask and for anything else."""
    named = film_name(file)
    return named[0] if named is not None and named[1].lower() in FORMATS else None


def doubled(rows: Sequence[FilmRow]) -> int:
    """How many rows of one film are one too many.

    Raises:
        BadInput: They say different things.
    """
    said = {(row.status, row.contoured, row.density) for row in rows}
    if len(said) > 1:
        lines = listed([str(row.line) for row in rows])
        raise BadInput(f"lines {lines} say different things of this film")
    return len(rows) - 1
