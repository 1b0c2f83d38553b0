"""Any folder of film images: with a table of what they are, or sorted into folders by finding.

The table (``metadata.csv``, ``.xlsx`` or ``.parquet`` in the folder, unless another is given) has
the columns ``path`` (relative to the folder), ``finding`` (normal, benign, malignant) and
``patient_id``; ``view`` (CC, MLO), ``laterality`` (L, R) and ``density`` are optional.

Without a table, and only where the user says that each file is its own patient, the folders give
the finding: each film lies below a folder named normal, benign, malignant or cancer (malignant).

Patient and image identities are replaced by digests: a name or a hospital number must not travel
into a data set.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_bytes, sha256_file, sha256_json
from mammo_synth.films.readers import SUFFIXES
from mammo_synth.films.record import (
    FINDINGS,
    LATERALITIES,
    VIEWS,
    FilmRecord,
    Listing,
    Refused,
    Terms,
)
from mammo_synth.films.sources.label_table import LabelledFilms, films, listed, shown
from mammo_synth.films.sources.on_disk import DiskSource
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import inside, is_film_file, read_tree

TABLE_NAMES = ("metadata.csv", "metadata.xlsx", "metadata.parquet")
REQUIRED = {name: (name,) for name in ("path", "finding", "patient_id")}
OPTIONAL = {name: (name,) for name in ("view", "laterality", "density")}

CLASS_FOLDERS = {**{finding: finding for finding in FINDINGS}, "cancer": "malignant"}
"""Name of a folder (case aside) → finding of the films below it."""

# A density class is a letter, a number or a word or two; a sentence may hold a name.
_DENSITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 +.-]{0,29}")

TERMS = Terms(
    licence="as stated by the owner of the films; unknown to mammo-synth",
    licence_id="unknown",
    citation="Films of the user's own folder.",
    redistributable=False,
    simulated=False,
)

_LICENCE_IDS = (
    "cc0-1.0",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0",
    "cc-by-nc-nd-4.0",
    "odc-by",
    "pddl",
)
"""Licences of data that the Hub knows by these names; any other is given in words."""


@dataclass(frozen=True)
class FolderSource(DiskSource):
    """The films in ``folder`` that its table names, or that its class folders hold.

    ``table``: the table, where it is not ``metadata.csv`` in the folder.
    ``each_file_a_patient``: there is no table, and no two files are of one person; the user's word.
    ``licence``, ``citation``: of the films, as their owner states them. ``may_be_passed_on``: the
    licence lets their pixels be published; the user's word too.
    """

    table: Path | None = None
    each_file_a_patient: bool = False
    licence: str | None = None
    citation: str | None = None
    may_be_passed_on: bool = False

    def __post_init__(self) -> None:
        if self.may_be_passed_on and not (self.licence or "").strip():
            raise BadInput(
                "The films may be passed on, it is said, but not under which licence.",
                hint="Name it too, as their owner states it: for example --licence CC-BY-4.0.",
            )

    @property
    def name(self) -> str:
        """``folder``."""
        return "folder"

    @property
    def terms(self) -> Terms:
        """Unknown, so nothing may be redistributed, unless the user says otherwise."""
        licence = (self.licence or TERMS.licence).strip()
        known = licence.lower() if licence.lower() in _LICENCE_IDS else "other"
        return Terms(
            licence=licence,
            licence_id=known if self.licence else TERMS.licence_id,
            citation=(self.citation or TERMS.citation).strip(),
            redistributable=self.may_be_passed_on,
            simulated=False,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the table, or of the list of paths; the films' own digests are in the prepared
        set's rows."""
        table = self._table()
        said: dict[str, Any] = {
            name: value
            for name in ("licence", "citation", "may_be_passed_on")
            if (value := getattr(self, name))
        }
        if table is not None:
            return {"source": self.name, "table_sha256": sha256_file(table), **said}
        paths = read_tree(self.folder, SUFFIXES).files
        return {
            **said,
            "source": self.name,
            "each_file_a_patient": True,
            "paths_sha256": sha256_json(list(paths)),
        }

    def list(self) -> Listing:
        """All films of the table, or of the class folders; `refused` has the rows and files that
        cannot be used.

        Raises:
            BadInput: No table and no word that each file is a patient (or both), a missing column,
                or no film that can be used.
        """
        table = self._table()
        return self._by_folder() if table is None else self._by_table(table)

    def _table(self) -> Path | None:
        """The table; None where the class folders count."""
        if not self.folder.is_dir():
            raise BadInput(f"There is no folder '{self.folder}'.", hint="Check the path.")
        there = [self.folder / name for name in TABLE_NAMES if (self.folder / name).is_file()]
        table = self.table or (there[0] if there else None)
        if self.each_file_a_patient:
            if table is not None:
                raise BadInput(
                    f"Each file is to be its own patient, but the table '{table}' names patients.",
                    hint="Leave the option out, or move the table out of the folder.",
                )
            return None
        if len(there) > 1 and self.table is None:
            names = ", ".join(path.name for path in there)
            raise BadInput(
                f"'{self.folder}' has {len(there)} tables: {names}.",
                hint="Name one of them with --table.",
            )
        if table is None or not table.is_file():
            expected = table or self.folder / TABLE_NAMES[0]
            raise BadInput(
                f"There is no table '{expected}'; one with the columns {', '.join(REQUIRED)} was "
                "expected (CSV, .xlsx or Parquet).",
                hint="Write one row for each film, or name the table with --table. Where the films "
                "lie in folders named after their findings and no two are of one person, say so "
                "with --each-file-a-patient. It is never assumed: films of one patient on both "
                "sides of a split are a leak, and every score is then too good.",
            )
        return table

    def _by_table(self, table: Path) -> Listing:
        found = LabelledFilms(table)
        tree = read_tree(self.folder, SUFFIXES)
        there, named = frozenset(tree.files), set[str]()
        for row in read_table(table, REQUIRED, OPTIONAL):
            locator = posixpath.normpath(row["path"].replace("\\", "/"))
            named.add(locator)
            try:
                found.add(self._record(row, locator, there), row.line)
            except BadInput as error:
                reason = f"{error.message} {error.hint}" if error.hint else error.message
                found.refuse(row["path"], row.line, reason, _image_id(locator))
        left = len(there - named)
        remarks = [f"{left} image files are not in the table, left aside."] if left else []
        return found.listing(remarks, tree.refused)

    def _record(self, row: Row, locator: str, there: Collection[str]) -> FilmRecord:
        """The film of a row.

        Raises:
            BadInput: A value is missing or none of those it may have, or there is no such film.
        """
        for column in REQUIRED:
            if not row[column]:
                raise BadInput(f"'{column}' is empty")
        if locator not in there:
            self._check_path(row["path"], locator)
        density = row["density"]
        if density and not _DENSITY.fullmatch(density):
            raise BadInput(f"density '{shown(density)}' is not a short word")
        return FilmRecord(
            image_id=_image_id(locator),
            patient_id=f"folder-p{sha256_bytes(_encoded(row['patient_id']))[:12]}",
            finding=_one_of(row["finding"].lower(), FINDINGS, "finding"),
            view=_optional(row["view"].upper(), VIEWS, "view"),
            laterality=_optional(row["laterality"].upper(), LATERALITIES, "laterality"),
            density=density or None,
            locator=locator,
        )

    def _check_path(self, path: str, locator: str) -> None:
        """Raise BadInput where ``locator`` is no file in the folder (its suffix may be any)."""
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in locator):
            raise BadInput("'path' holds control characters")
        try:
            target = inside(self.folder, locator)
        except BadInput:
            raise BadInput(f"'{shown(path)}' points outside the folder") from None
        if not is_film_file(target):
            raise BadInput(f"there is no file '{shown(path)}'")

    def _by_folder(self) -> Listing:
        tree = read_tree(self.folder, SUFFIXES)
        records, refused, outside = [], list(tree.refused), 0
        for path in tree.files:
            folders = [part.lower() for part in PurePosixPath(path).parts[:-1]]
            said = sorted({CLASS_FOLDERS[part] for part in folders if part in CLASS_FOLDERS})
            if len(said) > 1:
                refused.append(Refused(path, f"its folders say {' and '.join(said)}"))
            elif not said:
                outside += 1
            else:
                digest = _image_id(path).removeprefix("folder-")
                records.append(
                    FilmRecord(
                        f"folder-{digest}", f"folder-p{digest}", said[0], None, None, None, path
                    )
                )
        if not records:
            reasons = f"; refused: {listed([r.film for r in refused])}" if refused else ""
            raise BadInput(
                f"'{self.folder}' has no films ({', '.join(SUFFIXES)}) below folders named "
                f"{', '.join(CLASS_FOLDERS)}{reasons}.",
                hint="Name the folders after the findings, or give a table with --table.",
            )
        remarks = [
            "Each file is taken for its own patient, on the user's word: if two are of one person, "
            "the split leaks, and every score is too good."
        ]
        if outside:
            remarks.append(f"{films(outside, 'image file')} in no class folder, left aside.")
        records.sort(key=lambda record: record.image_id)
        return Listing(tuple(records), tuple(remarks), tuple(refused))


def _image_id(locator: str) -> str:
    return f"folder-{sha256_bytes(_encoded(locator))[:12]}"


def _encoded(text: str) -> bytes:
    """UTF-8; a half character, which an Excel cell may hold, stands escaped."""
    return text.encode("utf-8", "backslashreplace")


def _one_of(value: str, known: tuple[str, ...], column: str) -> str:
    if value not in known:
        raise BadInput(
            f"{column} '{shown(value)}' is none of {', '.join(known)}",
            hint=did_you_mean(value[:40], known),
        )
    return value


def _optional(value: str, known: tuple[str, ...], column: str) -> str | None:
    return _one_of(value, known, column) if value else None
