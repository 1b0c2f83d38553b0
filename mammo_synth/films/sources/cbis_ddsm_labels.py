"""What the case descriptions of CBIS-DDSM say of its films.

A table has one row for each abnormality of a film. A row that cannot be believed casts doubt on
every film that it names: the row that is lost may be the malignant one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.record import VIEWS, Refused
from mammo_synth.films.sources.cbis_ddsm_layouts import Case, parse_case
from mammo_synth.films.sources.label_table import shown
from mammo_synth.films.sources.on_disk import laterality_of
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import Tree

TABLES = {
    "mass_case_description_train_set.csv": ("mass", "training"),
    "mass_case_description_test_set.csv": ("mass", "test"),
    "calc_case_description_train_set.csv": ("calcification", "training"),
    "calc_case_description_test_set.csv": ("calcification", "test"),
}
"""The case descriptions: kind of abnormality, part of the official split."""
PATHOLOGIES = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    # benign, and seen to be so without calling the woman back (Lee et al. 2017)
    "BENIGN_WITHOUT_CALLBACK": "benign",
}
"""Column ``pathology`` → finding."""
DENSITIES = ("1", "2", "3", "4")  # BI-RADS; the 0 of a few rows is none of them
COLUMNS = {
    "patient": ("patient_id",),
    "side": ("left or right breast",),
    "view": ("image view",),
    "pathology": ("pathology",),
    "image": ("image file path",),
}
OPTIONAL = {
    "density": ("breast_density",),
    "crop": ("cropped image file path",),
    "mask": ("ROI mask file path",),
}
MAX_BAD_ROWS = 1000  # that name no film: with more, it is not a table of this collection

_PATIENT = re.compile(r"P_[0-9]{5}")
_VIEW = re.compile(r"[A-Z]{2,6}")
_SERIES = re.compile(r"[0-9.]{5,64}")

FilmName = tuple[str, str, str]
"""Patient, side (L, R) and view: what a film is, in whichever table it stands."""


@dataclass
class LabelledFilm:
    """What the rows say of one film, while they are read.

    Attributes:
        findings: One for each row.
        density: BI-RADS density, or None.
        tables: Names of the tables that it stands in.
        series: Case as the image paths name it → series of those paths.
        fault: Why the film cannot be used, or None.
    """

    findings: list[str] = field(default_factory=list)
    density: str | None = None
    tables: set[str] = field(default_factory=set)
    series: defaultdict[Case, set[str]] = field(default_factory=lambda: defaultdict(set))
    fault: str | None = None


@dataclass
class Labels:
    """What all tables say: the films, rows that name none, films of other projections than CC and
    MLO, and the series that hold crops and masks."""

    films: defaultdict[FilmName, LabelledFilm] = field(
        default_factory=lambda: defaultdict(LabelledFilm)
    )
    nameless: list[Refused] = field(default_factory=list)
    other_views: set[FilmName] = field(default_factory=set)
    no_films: set[str] = field(default_factory=set)

    def doubt(self, names: set[FilmName], where: str, reason: str) -> None:
        """A row cannot be believed: refuse the films that it names."""
        for name in names:
            film = self.films[name]
            film.fault = film.fault or f"{where}: {reason}"
        if not names:
            self.nameless.append(Refused(where, reason))


def find_tables(tree: Tree) -> dict[str, Path]:
    """The case descriptions in a tree, by name.

    Raises:
        BadInput: None of them is there, or one twice with different content.
    """
    tables = {name: path for name in TABLES if (path := one_table(tree, name)) is not None}
    if not tables:
        raise BadInput(
            f"'{tree.root}' has none of the case descriptions of CBIS-DDSM: {', '.join(TABLES)}.",
            hint="Download them from the collection's page and put them beside the images.",
        )
    return tables


def one_table(tree: Tree, name: str) -> Path | None:
    """The table ``name`` wherever it lies, or None. Copies of one table are one.

    Raises:
        BadInput: Two tables of this name differ.
    """
    found = [tree.root / path for path in tree.named(name)]
    if len(found) > 1 and len({sha256_file(path) for path in found}) > 1:
        raise BadInput(
            f"'{tree.root}' has {len(found)} tables '{name}' that differ.",
            hint="Leave the one that belongs to these films.",
        )
    return found[0] if found else None


def read_labels(tables: Mapping[str, Path]) -> Labels:
    """Read all rows of the case descriptions (name → path).

    Raises:
        BadInput: A table cannot be read, lacks a column, or is not one of this collection.
    """
    labels = Labels()
    for name, path in tables.items():
        before = len(labels.nameless)
        for row in read_table(path, COLUMNS, OPTIONAL):
            _read_row(row, name, labels)
            if len(labels.nameless) - before > MAX_BAD_ROWS:
                first = labels.nameless[before]
                raise BadInput(
                    f"More than {MAX_BAD_ROWS:,} rows of '{path}' name no film "
                    f"({first.film}: {first.reason}).",
                    hint="Use the table as it is distributed.",
                )
    for film in labels.films.values():
        for case, series in film.series.items():
            if len(series) > 1 and film.fault is None:
                film.fault = f"the table names {len(series)} series for the one film of {case.name}"
            if series & labels.no_films and film.fault is None:
                film.fault = f"the tables name the series of {case.name} as that of a crop too"
    return labels


def _read_row(row: Row, table: str, labels: Labels) -> None:
    where = f"{table}, line {row.line}"
    for column in ("crop", "mask"):
        case, series = _path(row[column])
        if case is not None and case.crop:
            labels.no_films.add(series)
    case, series = _path(row["image"])
    said, reason = _said(row)
    if said is not None and said[2] not in VIEWS and (case is None or _name(case) == said):
        labels.other_views.add(said)
        return
    named = {name for name in (said, _name(case)) if name is not None and name[2] in VIEWS}
    finding = PATHOLOGIES.get(row["pathology"].upper())
    if case is None or said is None or said != _name(case) or case.crop or finding is None:
        labels.doubt(named, where, reason or _disbelief(row, case))
        return
    film = labels.films[said]
    film.findings.append(finding)
    film.density = film.density or (row["density"] if row["density"] in DENSITIES else None)
    film.tables.add(table)
    film.series[case].add(series)


def _disbelief(row: Row, case: Case | None) -> str:
    if case is None:
        return (
            f"its image path '{shown(row['image'])}' is none like "
            "'Mass-Training_P_00001_LEFT_CC/1.3.6.1.4/1.3.6.1.4/000000.dcm'"
        )
    if case.crop:
        return f"its image path '{shown(row['image'])}' is that of a crop or a mask"
    if PATHOLOGIES.get(row["pathology"].upper()) is None:
        return f"pathology '{shown(row['pathology'])}' is none of {', '.join(PATHOLOGIES)}"
    film = f"{row['patient']} {row['side']} {row['view']}"
    return f"the row says {shown(film)}, its image path {case.name}"


def _said(row: Row) -> tuple[FilmName | None, str]:
    """The film that a row's columns name, or None and what is wrong with them."""
    side, view = laterality_of(row["side"]), row["view"].upper()
    if not _PATIENT.fullmatch(row["patient"]):
        return None, f"patient '{shown(row['patient'])}' is none like P_00001"
    if side is None:
        return None, f"breast '{shown(row['side'])}' is neither LEFT nor RIGHT"
    if not _VIEW.fullmatch(view):
        return None, f"view '{shown(row['view'])}' is neither CC nor MLO"
    return (row["patient"], side, view), ""


def _name(case: Case | None) -> FilmName | None:
    return None if case is None else (case.patient, case.side, case.view)


def _path(text: str) -> tuple[Case | None, str]:
    """Case and series of a path ``case/study/series/file``, of which no part is ever opened."""
    parts = [part.strip() for part in text.replace("\\", "/").split("/")]
    if len(parts) != 4 or not all(_SERIES.fullmatch(part) for part in parts[1:3]):
        return None, ""
    return parse_case(parts[0]), parts[2]
