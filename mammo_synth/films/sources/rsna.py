"""RSNA Screening Mammography Breast Cancer Detection (Kaggle, 2022): the labelled training films.

Layout: ``train.csv`` (site_id, patient_id, image_id, laterality, view, age, cancer, biopsy,
invasive, BIRADS, implant, density, machine_id, difficult_negative_case) and
``train_images/<patient_id>/<image_id>.dcm``. Conversions are taken under the names
``<patient_id>/<image_id>.png`` and ``<patient_id>_<image_id>.png``, anywhere below the folder.
``test.csv`` has no labels and is not read.

The published fields: ``cancer`` is whether the breast was positive for malignant cancer,
``biopsy`` whether that breast was biopsied after the screen, ``BIRADS`` 0 where it required
follow-up, 1 negative, 2 normal. All three are of a breast, so of every film of it. Cancer is
malignant; a biopsy that found none is benign; neither is normal. A breast that was recalled
(BIRADS 0) and had no cancer is no cancer: benign with a biopsy, else normal, where something may
still have been seen.

Left aside: projections other than CC and MLO (AT, ML, LM, LMO), and films of patients with
implants: an implant fills the film, and a generator would draw it as breast. (Site 1 notes
implants by patient, so some of these films may show none.)

Assumed: cancer was always proven by biopsy, so cancer without biopsy contradicts itself, as does
an invasive breast without cancer, or two films of one breast that say different things; those
films are refused.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import SUFFIXES
from mammo_synth.films.record import VIEWS, FilmRecord, Listing, Terms
from mammo_synth.films.sources.label_table import (
    LabelledFilms,
    density_letter,
    films,
    find_table,
    of_other_views,
    one_file,
    shown,
)
from mammo_synth.films.sources.on_disk import DiskSource, laterality_of, safe_id
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import Tree, read_tree

TABLE_STEM = "train"
REQUIRED = {
    name: (name,)
    for name in ("patient_id", "image_id", "laterality", "view", "cancer", "biopsy", "implant")
}
OPTIONAL = {name: (name,) for name in ("invasive", "BIRADS", "density")}

FINDINGS = {(True, True): "malignant", (False, True): "benign", (False, False): "normal"}
"""(cancer, biopsy) of the breast → finding: a biopsy without cancer was of something benign."""

OTHER_VIEWS = ("AT", "ML", "LM", "LMO")
FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
RECALLED = ("0", "0.0")

TERMS = Terms(
    licence=(
        "RSNA terms of the 2022 challenge: non-commercial research and education only, no attempt "
        "to identify anyone; not to be passed on"
    ),
    licence_id="other",
    citation=(
        "Carr, C., Kitamura, F., Partridge, G., Inversion, Kalpathy-Cramer, J., et al. (2022). "
        "RSNA Screening Mammography Breast Cancer Detection. Kaggle."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass
class _Seen:
    """What the rows said beside their films."""

    other_views: Counter[str] = field(default_factory=Counter)
    implants: int = 0
    recalled: set[str] = field(default_factory=set)
    breasts: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class RsnaSource(DiskSource):
    """The films of train.csv below ``folder``."""

    @property
    def name(self) -> str:
        """``rsna``."""
        return "rsna"

    @property
    def terms(self) -> Terms:
        """Non-commercial; not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the label table; the films' own digests are in the prepared set's rows."""
        table = find_table(self.folder, TABLE_STEM, (".csv",))
        return {"source": self.name, "table_sha256": sha256_file(table)}

    def list(self) -> Listing:
        """All labelled CC and MLO films without implants; `refused` has the rows that contradict
        themselves or have no film.

        Raises:
            BadInput: No train.csv, a column missing, or no film that can be used.
        """
        table = find_table(self.folder, TABLE_STEM, (".csv",))
        tree = read_tree(self.folder, SUFFIXES)
        files = _by_film(tree)
        found, seen = LabelledFilms(table), _Seen()
        rows = read_table(table, REQUIRED, OPTIONAL)
        for line, record in found.read(rows, partial(_record, files=files, seen=seen), _film_of):
            if record is not None:
                found.add(record, line)
        found.withdraw_torn(seen.breasts)
        remarks = _remarks(found, seen, found.without_row(files))
        aside = seen.other_views.total() + seen.implants
        return found.listing(remarks, tree.refused, aside=aside)


def _by_film(tree: Tree) -> Mapping[str, list[str]]:
    """patient_id/image_id → files with their names."""
    files: dict[str, list[str]] = defaultdict(list)
    for text in tree.files:
        path = PurePosixPath(text)
        patient, joined, image = path.stem.partition("_")
        files[f"{patient}/{image}" if joined else f"{path.parent.name}/{patient}"].append(text)
    return files


def _film_of(row: Row) -> tuple[str, str]:
    patient, image = row["patient_id"], row["image_id"]
    return f"{patient}/{image}" if patient and image else "", f"rsna-{patient}-{image}"


def _record(row: Row, files: Mapping[str, list[str]], seen: _Seen) -> FilmRecord | None:
    """The film of a row, or None where it is left aside.

    Raises:
        BadInput: The row contradicts itself or the published values, or has no film.
    """
    patient = safe_id(row["patient_id"], "patient_id")
    image = safe_id(row["image_id"], "image_id")
    laterality = laterality_of(row["laterality"])
    if laterality is None:
        raise BadInput(f"laterality '{shown(row['laterality'])}' is neither L nor R")
    view = row["view"].upper()
    if view not in VIEWS and view not in OTHER_VIEWS:
        raise BadInput(f"view '{shown(view)}' is none of {', '.join((*VIEWS, *OTHER_VIEWS))}")
    finding = _finding(row)
    implant = _flag(row, "implant")
    seen.breasts[f"rsna-p{patient}", laterality].add(finding)
    if view not in VIEWS:
        seen.other_views[view] += 1
        return None
    if implant:
        seen.implants += 1
        return None
    record = FilmRecord(
        image_id=f"rsna-{patient}-{image}",
        patient_id=f"rsna-p{patient}",
        finding=finding,
        view=view,
        laterality=laterality,
        density=density_letter(row["density"]),
        locator=one_file(files.get(f"{patient}/{image}", []), f"{patient}/{image}.dcm"),
    )
    if finding == "normal" and row["BIRADS"] in RECALLED:
        seen.recalled.add(record.image_id)
    return record


def _finding(row: Row) -> str:
    cancer, biopsy = _flag(row, "cancer"), _flag(row, "biopsy")
    if (cancer, biopsy) not in FINDINGS:
        raise BadInput("it says cancer 1 and biopsy 0; cancer is proven by biopsy")
    if row["invasive"] and _flag(row, "invasive") and not cancer:
        raise BadInput("it says invasive 1 and cancer 0")
    return FINDINGS[cancer, biopsy]


def _flag(row: Row, column: str) -> bool:
    value = FLAGS.get(row[column].lower())
    if value is None:
        raise BadInput(f"{column} '{shown(row[column])}' is neither 0 nor 1")
    return value


def _remarks(found: LabelledFilms, seen: _Seen, unlabelled: int) -> list[str]:
    remarks = of_other_views(seen.other_views)
    if seen.implants:
        remarks.append(
            f"{films(seen.implants)} of patients with implants left aside: an implant would be "
            "learnt as breast."
        )
    recalled = sum(record.image_id in seen.recalled for record in found.records)
    if recalled:
        remarks.append(
            f"{films(recalled, 'normal film')} of breasts that were recalled (BIRADS 0) and not "
            "biopsied: they had no cancer, which is not the same as nothing to see."
        )
    if unlabelled:
        remarks.append(
            f"{films(unlabelled, 'image file')} without a row in train.csv, left aside (the "
            "challenge's test films have no labels)."
        )
    return remarks
