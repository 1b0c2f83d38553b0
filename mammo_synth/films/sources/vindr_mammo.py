"""VinDr-Mammo (PhysioNet, version 1.0.0): 5,000 four-view examinations with BI-RADS assessments.

Layout: ``breast-level_annotations.csv`` (study_id, series_id, image_id, laterality, view_position,
height, width, breast_birads, breast_density, split) and ``images/<study_id>/<image_id>.dicom``.
Conversions are taken under the names ``<image_id>.png`` and ``<study_id>_<image_id>.png``,
anywhere below the folder. ``finding_annotations.csv`` (boxes) and ``metadata.csv`` (DICOM tags)
are not read. The published split into training and test is not used: ours is by patient.

There is no pathology. ``breast_birads`` ("BI-RADS 2") is the assessment of a breast by two readers
and an arbiter, the same for both of its films. What it can be taken for:

- 1 (negative): normal. 2 (benign finding): benign, which under the study protocol is left aside:
  that protocol's cancer class is of tumours, and a vascular calcification or a lymph node is none.
- 3 (probably benign, at most 2 % malignant): benign.
- 4 (suspicious, 2 to 95 % malignant): left aside under the strict protocol, because most of what is
  called 4 is not cancer. Under the study protocol, whose cancer class is any tumour, malignant.
- 5 (highly suggestive, 95 % malignant or more): malignant. The one category whose definition
  carries the word; a few of these films will be benign all the same.

Assumed: a study is a patient, since the set names no patients (its examinations were drawn at
random, one study each); the same woman under two studies cannot be seen from the tables.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import SUFFIXES
from mammo_synth.films.record import (
    FilmRecord,
    Listing,
    Terms,
    check_protocol,
)
from mammo_synth.films.sources.label_table import (
    LabelledFilms,
    by_kind,
    density_letter,
    films,
    find_table,
    of_other_views,
    one_file,
    shown,
)
from mammo_synth.films.sources.on_disk import DiskSource, laterality_of, safe_id, view_of
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import Tree, read_tree

TABLE_STEM = "breast-level_annotations"
REQUIRED = {
    name: (name,)
    for name in ("study_id", "image_id", "laterality", "view_position", "breast_birads")
}
OPTIONAL = {"breast_density": ("breast_density",)}

FINDINGS: Mapping[str, Mapping[str, str | None]] = {
    "strict": {"1": "normal", "2": "benign", "3": "benign", "4": None, "5": "malignant"},
    "study": {"1": "normal", "2": None, "3": "benign", "4": "malignant", "5": "malignant"},
}
"""Protocol → BI-RADS category of the breast → finding; None is left aside. Percentages in the
module's text are those of the BI-RADS atlas (ACR, 5th edition)."""

_BIRADS = re.compile(r"BI-?RADS[ _]*([1-5])", re.IGNORECASE)

TERMS = Terms(
    licence="PhysioNet Restricted Health Data License 1.5.0: signed users only, not to be shared",
    licence_id="other",
    citation=(
        "Nguyen, H. T., Nguyen, H. Q., Pham, H. H., et al. (2023). VinDr-Mammo: A large-scale "
        "benchmark dataset for computer-aided diagnosis in full-field digital mammography. "
        "Scientific Data 10, 277. PhysioNet, doi:10.13026/br2v-7517."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass
class _Seen:
    """What the rows said beside their films."""

    other_views: Counter[str] = field(default_factory=Counter)
    birads_aside: Counter[str] = field(default_factory=Counter)
    breasts: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class VindrMammoSource(DiskSource):
    """The films of breast-level_annotations.csv below ``folder``.

    ``protocol``: what a BI-RADS category is taken for (see the module); the same protocol as that
    of the prepared set.
    """

    protocol: str = "strict"

    def __post_init__(self) -> None:
        check_protocol(self.protocol)

    @property
    def name(self) -> str:
        """``vindr_mammo``."""
        return "vindr_mammo"

    @property
    def terms(self) -> Terms:
        """Restricted; not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the label table, and the protocol that reads it."""
        table = find_table(self.folder, TABLE_STEM, (".csv",))
        return {
            "source": self.name,
            "table_sha256": sha256_file(table),
            "birads_protocol": self.protocol,
        }

    def list(self) -> Listing:
        """All CC and MLO films whose BI-RADS category means a finding under the protocol.

        Raises:
            BadInput: No breast-level_annotations.csv, a column missing, or no film to be used.
        """
        table = find_table(self.folder, TABLE_STEM, (".csv",))
        tree = read_tree(self.folder, SUFFIXES)
        files = _by_image(tree)
        found, seen = LabelledFilms(table), _Seen()
        rows = read_table(table, REQUIRED, OPTIONAL)
        understand = partial(self._record, files=files, seen=seen)
        for line, record in found.read(rows, understand, _film_of):
            if record is not None:
                found.add(record, line)
        found.withdraw_torn(seen.breasts, "BI-RADS")
        remarks = self._remarks(seen, found.without_row(files))
        aside = seen.other_views.total() + seen.birads_aside.total()
        return found.listing(remarks, tree.refused, aside=aside)

    def _record(
        self, row: Row, files: Mapping[str, Sequence[str]], seen: _Seen
    ) -> FilmRecord | None:
        """The film of a row, or None where it is left aside.

        Raises:
            BadInput: The row has values that are not the published ones, or no film.
        """
        study = safe_id(row["study_id"], "study_id")
        image = safe_id(row["image_id"], "image_id")
        laterality = laterality_of(row["laterality"])
        if laterality is None:
            raise BadInput(f"laterality '{shown(row['laterality'])}' is neither L nor R")
        if not row["view_position"].isalpha():
            raise BadInput(f"view_position '{shown(row['view_position'])}' is no projection")
        category = _BIRADS.fullmatch(row["breast_birads"])
        if category is None:
            raise BadInput(
                f"breast_birads '{shown(row['breast_birads'])}' is none of BI-RADS 1 to 5"
            )
        birads = category[1]
        seen.breasts[f"vindr_mammo-p{study}", laterality].add(birads)
        view = view_of(row["view_position"])
        finding = FINDINGS[self.protocol][birads]
        if view is None:
            seen.other_views[shown(row["view_position"].upper())] += 1
            return None
        if finding is None:
            seen.birads_aside[birads] += 1
            return None
        return FilmRecord(
            image_id=f"vindr_mammo-{image}",
            patient_id=f"vindr_mammo-p{study}",
            finding=finding,
            view=view,
            laterality=laterality,
            density=density_letter(row["breast_density"]),
            locator=_file_of(study, image, files.get(image, [])),
        )

    def _remarks(self, seen: _Seen, unlabelled: int) -> Sequence[str]:
        taken = {birads: f or "left aside" for birads, f in FINDINGS[self.protocol].items()}
        remarks = [
            f"Findings are BI-RADS assessments, not pathology; {self.protocol} protocol: "
            + ", ".join(f"{birads} {finding}" for birads, finding in taken.items())
            + ".",
            "The set names no patients: each study is taken for one.",
        ]
        if seen.birads_aside:
            kinds = by_kind(Counter({f"BI-RADS {k}": n for k, n in seen.birads_aside.items()}))
            remarks.append(
                f"{films(seen.birads_aside.total())} left aside for what their category leaves "
                f"open ({kinds})."
            )
        remarks += of_other_views(seen.other_views)
        if unlabelled:
            remarks.append(
                f"{films(unlabelled, 'image file')} without a row in the label table, left aside."
            )
        return remarks


def _film_of(row: Row) -> tuple[str, str]:
    return row["image_id"], f"vindr_mammo-{row['image_id']}"


def _by_image(tree: Tree) -> Mapping[str, list[str]]:
    """image_id → files with its name."""
    files: dict[str, list[str]] = defaultdict(list)
    for text in tree.files:
        files[PurePosixPath(text).stem.rpartition("_")[2]].append(text)
    return files


def _file_of(study: str, image: str, paths: Sequence[str]) -> str:
    """The film's file.

    Raises:
        BadInput: There is none, there are two, or it lies under another study's name.
    """
    locator = one_file(paths, f"images/{study}/{image}.dicom")
    path = PurePosixPath(locator)
    other = path.stem.rpartition("_")[0] or path.parent.name
    if re.fullmatch(r"[0-9a-f]{32}", other) and other != study:
        raise BadInput(f"its file '{shown(locator)}' is under another study than {study}")
    return locator
