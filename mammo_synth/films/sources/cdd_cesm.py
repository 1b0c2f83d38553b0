"""CDD-CESM (TCIA, Khaled et al. 2022): the low-energy images of contrast-enhanced mammography.

Layout: ``Radiology-manual-annotations.xlsx`` (its first sheet, ``all``; or the same as CSV) with
Image_name, Patient_ID, Side, Type (DM, CESM), Age, Breast density (ACR), BIRADS, Findings, View,
Tags, Machine, Pathology Classification/ Follow up (Normal, Benign, Malignant), and 8-bit JPEG
files ``P<patient>_<side>_<DM or CM>_<view>.jpg`` in ``Low energy images of CDD-CESM`` and
``Subtracted images of CDD-CESM``. Names in the table have no ``.jpg``; some names, in the table and
of files, have stray spaces: spaces and case are passed over.

Only low-energy images (DM) are taken: they look like a mammogram without contrast. Subtracted
images (CM, CESM) show the uptake of contrast and are no mammograms. The class is by pathology or
follow-up and stands beside each image. An image with several rows has the worst of their classes.
Where an image's class is milder than that of another image of the same breast (also a subtracted
one), the breast is not what the image's row says, and the cancer may not show on it: it is left
aside under both protocols.

Assumed: the name is the identity, so Patient_ID, Side, Type and View must say the same as the
name; ``_`` or nothing as density is unknown; a DM name in the folder of subtracted images is a
contradiction.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.record import FilmRecord, Listing, Terms, worst_finding
from mammo_synth.films.sources.label_table import (
    LabelledFilms,
    density_letter,
    films,
    find_table,
    of_other_views,
    one_file,
    shown,
)
from mammo_synth.films.sources.on_disk import DiskSource, laterality_of, view_of
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import Tree, read_tree

TABLE_STEM = "Radiology-manual-annotations"
TABLE_SUFFIXES = (".xlsx", ".csv")
FILM_SUFFIXES = (".jpg", ".jpeg", ".png")
REQUIRED = {
    "image": ("Image_name",),
    "pathology": ("Pathology Classification/ Follow up", "Pathology Classification", "Pathology"),
}
OPTIONAL = {
    "patient": ("Patient_ID",),
    "side": ("Side",),
    "type": ("Type",),
    "view": ("View",),
    "density": ("Breast density (ACR)", "Breast density"),
}

FINDINGS = {"normal": "normal", "benign": "benign", "malignant": "malignant"}
"""Pathology classification or follow-up, as the table spells it (case aside) → finding."""

LOW_ENERGY = ("DM",)
SUBTRACTED = ("CM", "CESM")
_NAME = re.compile(r"P([0-9]{1,6})_([LR])_(DM|CM|CESM)_([A-Z]{1,8})([0-9_-][A-Z0-9_-]{0,20})?")

TERMS = Terms(
    licence="Creative Commons Attribution 4.0; TCIA data usage policy",
    licence_id="cc-by-4.0",
    citation=(
        "Khaled, R., Helal, M., Alfarghaly, O., Mokhtar, O., Elkorany, A., El Kassas, H., Fahmy, "
        "A. (2022). Categorized contrast enhanced mammography dataset for diagnostic and "
        "artificial intelligence research. Scientific Data 9, 122. Data: The Cancer Imaging "
        "Archive, doi:10.7937/29kw-ae92."
    ),
    redistributable=True,
    simulated=False,
)


@dataclass(frozen=True, slots=True)
class ImageName:
    """What an image's name says: ``P1_L_DM_MLO``."""

    text: str
    patient: int
    side: str
    kind: str
    projection: str

    @property
    def low_energy(self) -> bool:
        """Whether it is a mammogram and not a subtracted image."""
        return self.kind in LOW_ENERGY

    @property
    def breast(self) -> tuple[int, str]:
        """Patient and side."""
        return self.patient, self.side


@dataclass(frozen=True)
class CddCesmSource(DiskSource):
    """The low-energy images below ``folder``."""

    @property
    def name(self) -> str:
        """``cdd_cesm``."""
        return "cdd_cesm"

    @property
    def terms(self) -> Terms:
        """Free to pass on with attribution."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the label table; the films' own digests are in the prepared set's rows."""
        table = find_table(self.folder, TABLE_STEM, TABLE_SUFFIXES)
        return {"source": self.name, "table_sha256": sha256_file(table)}

    def list(self) -> Listing:
        """All low-energy CC and MLO images of the table.

        Raises:
            BadInput: No table of annotations, a column missing, or no image that can be used.
        """
        table = find_table(self.folder, TABLE_STEM, TABLE_SUFFIXES)
        tree = read_tree(self.folder, FILM_SUFFIXES)
        files = _by_name(tree)
        found = LabelledFilms(table)
        rows: dict[str, _Labelled] = {}
        for _, image in found.read(read_table(table, REQUIRED, OPTIONAL), _labelled, _image_of):
            rows[image.name.text] = image.worst_with(rows.get(image.name.text))
        breasts: dict[tuple[int, str], set[str]] = defaultdict(set)
        for image in rows.values():
            breasts[image.name.breast].add(image.finding)
        milder, other_views = 0, Counter[str]()
        for text, image in rows.items():
            name = image.name
            if not name.low_energy:
                continue
            if view_of(name.projection) is None:
                other_views[name.projection] += 1
            elif image.finding != worst_finding(breasts[name.breast]):
                milder += 1
            else:
                try:
                    found.add(_record(image, files.get(text, [])), image.line)
                except BadInput as error:
                    found.refuse(text, image.line, error.message)
        remarks = _remarks(files, found, milder, other_views)
        return found.listing(remarks, tree.refused, aside=milder + other_views.total())


@dataclass(frozen=True, slots=True)
class _Labelled:
    """What the rows of one image say; ``line`` is that of the first."""

    name: ImageName
    finding: str
    density: str | None
    line: int

    def worst_with(self, earlier: _Labelled | None) -> _Labelled:
        if earlier is None:
            return self
        finding = worst_finding([self.finding, earlier.finding])
        return _Labelled(self.name, finding, earlier.density or self.density, earlier.line)


def parse_name(text: str) -> ImageName | None:
    """What an image's name says, with or without its suffix; None where it is no name of this set.

    Spaces and case are passed over.
    """
    bare = re.sub(r"\s+", "", text[:200]).upper()
    bare = re.sub(r"\.(JPG|JPEG|PNG)$", "", bare)
    match = _NAME.fullmatch(bare)
    if match is None:
        return None
    patient, side, kind, projection, _ = match.groups()
    return ImageName(bare, int(patient), side, kind, projection)


def _image_of(row: Row) -> tuple[str, str]:
    name = parse_name(row["image"])
    text = name.text if name else row["image"]
    return text, f"cdd_cesm-{text}"


def _labelled(row: Row) -> _Labelled:
    """One row.

    Raises:
        BadInput: Its name or class is none of this set's, or it contradicts its name.
    """
    name = parse_name(row["image"])
    if name is None:
        raise BadInput(
            f"'{shown(row['image'])}' is no name of this set; expected such as P1_L_DM_MLO"
        )
    finding = FINDINGS.get(row["pathology"].lower())
    if finding is None:
        raise BadInput(
            f"the pathology '{shown(row['pathology'])}' is none of Normal, Benign, Malignant"
        )
    kinds = LOW_ENERGY if name.low_energy else SUBTRACTED
    patient = row["patient"].upper().removeprefix("P").lstrip("0")
    for column, agrees in (
        ("patient", patient == str(name.patient)),
        ("side", laterality_of(row["side"]) == name.side),
        ("type", row["type"].upper() in kinds),
        ("view", row["view"].upper() == name.projection),
    ):
        if row[column] and not agrees:
            raise BadInput(f"its {column} '{shown(row[column])}' is not that of its name")
    return _Labelled(name, finding, density_letter(row["density"]), row.line)


def _by_name(tree: Tree) -> Mapping[str, list[str]]:
    """Image name → files that have it."""
    files: dict[str, list[str]] = defaultdict(list)
    for text in tree.files:
        name = parse_name(PurePosixPath(text).name)
        if name is not None:
            files[name.text].append(text)
    return files


def _record(image: _Labelled, paths: list[str]) -> FilmRecord:
    """The film of an image.

    Raises:
        BadInput: It has no file, two files, or one among the subtracted images.
    """
    name = image.name
    locator = one_file(paths, f"{name.text}.jpg")
    if any(part.lower().startswith("subtracted") for part in PurePosixPath(locator).parts[:-1]):
        raise BadInput(f"its file '{shown(locator)}' is among the subtracted images")
    return FilmRecord(
        image_id=f"cdd_cesm-{name.text}",
        patient_id=f"cdd_cesm-p{name.patient}",
        finding=image.finding,
        view=view_of(name.projection),
        laterality=name.side,
        density=image.density,
        locator=locator,
    )


def _remarks(
    files: Mapping[str, list[str]], found: LabelledFilms, milder: int, other_views: Counter[str]
) -> list[str]:
    images = {text: name for text in files if (name := parse_name(text)) is not None}
    subtracted = sum(len(files[text]) for text, name in images.items() if not name.low_energy)
    unlabelled = found.without_row({t: files[t] for t, name in images.items() if name.low_energy})
    remarks = []
    if subtracted:
        remarks.append(
            f"{films(subtracted, 'subtracted image')} left aside: they show contrast, and are no "
            "mammograms."
        )
    if milder:
        remarks.append(
            f"{films(milder)} left aside: another image of the same breast has a worse class."
        )
    remarks += of_other_views(other_views)
    if unlabelled:
        remarks.append(
            f"{films(unlabelled, 'low-energy image')} without a row in the table, left aside."
        )
    return remarks
