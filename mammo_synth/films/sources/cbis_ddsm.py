"""CBIS-DDSM, the curated breast imaging subset of DDSM: digitised screen film with pathology.

Layouts, told by the tree itself and free to stand side by side:

- TCIA's download under its old names, as the tables give them:
  ``Mass-Training_P_00001_LEFT_CC/<study>/<series>/000000.dcm`` (or ``1-1.dcm``);
- today's download: ``Mass-Training_P_00001_LEFT_CC/07-20-2016-DDSM-NA-30288/
  1.000000-full mammogram images-24515/1-1.dcm``, where only the first folder is in the tables;
- the JPEG export: ``csv/*.csv`` with ``dicom_info.csv``, ``jpeg/<series>/1-249.jpg``;
- conversions that kept the case as a folder or as the file's name
  (``Mass-Training_P_00001_LEFT_CC.png``).

The tables are the four case descriptions, as many of them as there are. They have one row for
each abnormality: the worst finding is the film's. A film can stand in mass and calcification
tables, as two files: it is one film (patient, side and view), with the findings of both. A film
with a row that cannot be read is refused, for that row may be the malignant one. Patients are the
``P_00001`` of the tables; the DICOM PatientID is the case, another for each film and each crop
(6,671 of them for 1,566 people). Crop and mask paths are swapped in some rows and lead to no film
here; `cbis_ddsm_layouts` says how a crop or a mask is kept from passing as one.

Assumed: a patient has one film of a side and view; in one table it has one series, with one
image. A tree or a table that says otherwise has those films refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import SUFFIXES
from mammo_synth.films.record import Film, FilmRecord, Listing, Refused, Terms, worst_finding
from mammo_synth.films.sources.cbis_ddsm_labels import (
    TABLES,
    FilmName,
    LabelledFilm,
    Labels,
    find_tables,
    one_table,
    read_labels,
)
from mammo_synth.films.sources.cbis_ddsm_layouts import (
    FilmFinder,
    film_fault,
    read_descriptions,
    too_small,
)
from mammo_synth.films.sources.label_table import films as counted
from mammo_synth.films.sources.on_disk import DiskSource, safe_id
from mammo_synth.films.tree import read_tree

DESCRIPTIONS = "dicom_info.csv"

TERMS = Terms(
    licence="CC BY 3.0",
    licence_id="cc-by-3.0",
    citation=(
        "Lee, R. S. et al. (2017). A curated mammography data set for use in computer-aided "
        "detection and diagnosis research. Scientific Data 4, 170177. Data: Sawyer-Lee, R., "
        "Gimenez, F., Hoogi, A. and Rubin, D. (2016). Curated Breast Imaging Subset of Digital "
        "Database for Screening Mammography (CBIS-DDSM). The Cancer Imaging Archive, "
        "doi:10.7937/K9/TCIA.2016.7O02S9CY."
    ),
    redistributable=True,
    simulated=False,
)
NO_NORMAL = (
    "CBIS-DDSM has no normal films, only benign and malignant ones. Normal films can be taken from "
    "the normal volumes of DDSM, which come from the same scanners in other shares (not from its "
    "other volumes: they hold these very patients); the classes then still differ in file pipeline "
    "and borders, and films of any other collection differ in scanner too: a classifier can learn "
    "the collection instead of the disease, so look at the audit's shortcut score."
)


@dataclass(frozen=True)
class CbisDdsmSource(DiskSource):
    """The full films of CBIS-DDSM below ``folder``."""

    @property
    def name(self) -> str:
        """``cbis_ddsm``."""
        return "cbis_ddsm"

    @property
    def terms(self) -> Terms:
        """Attribution; redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digests of the tables that are there; the films' own are in the prepared set's rows.

        Raises:
            BadInput: None of the tables is there, or two that differ.
        """
        tree = read_tree(self.folder, (".csv",))
        tables = find_tables(tree)
        descriptions = one_table(tree, DESCRIPTIONS)
        if descriptions is not None:
            tables[DESCRIPTIONS] = descriptions
        return {
            "source": self.name,
            "tables": {name: sha256_file(path) for name, path in sorted(tables.items())},
            "for_processing": self.for_processing,
        }

    def list(self) -> Listing:
        """The films of all tables that are there.

        Raises:
            BadInput: No table, two that differ, a column missing, or no film that can be used.
        """
        tree = read_tree(self.folder, (*SUFFIXES, ".csv"))
        tables = find_tables(tree)
        labels = read_labels(tables)
        images = tree.ending(*SUFFIXES)
        descriptions = one_table(tree, DESCRIPTIONS)
        described = {} if descriptions is None else read_descriptions(descriptions)
        paths = _find_films(self.folder, labels, FilmFinder(self.folder, images, described))
        refused = (
            *(Refused(_image_id(n), f.fault) for n, f in sorted(labels.films.items()) if f.fault),
            *labels.nameless,
            *tree.refused,
        )
        if not paths:
            reasons = "; ".join(f"{r.film}: {r.reason}" for r in refused[:3])
            raise BadInput(
                f"Not one film of the tables in '{self.folder}' can be used: "
                f"{reasons or 'they name none'}.",
                hint="Give the folder that holds the tables and the full mammogram images.",
            )
        records = [_record(name, labels.films[name], path) for name, path in paths.items()]
        remarks = tuple(_remarks(labels, tables, paths, len(images)))
        return Listing(tuple(sorted(records, key=lambda r: r.image_id)), remarks, refused)

    def read(self, record: FilmRecord) -> Film:
        """One film.

        Raises:
            BadInput: It does not decode, or its pixels are those of a crop or a mask.
        """
        film = super().read(record)
        fault = film_fault(film)
        if fault is not None:
            raise BadInput(
                f"'{record.locator}' {fault}.", hint="Put the full mammogram image in its place."
            )
        return film


def _find_films(folder: Path, labels: Labels, finder: FilmFinder) -> dict[FilmName, str]:
    """The file of each film; the films that have none get their fault."""
    paths: dict[FilmName, str] = {}
    for name, film in labels.films.items():
        faults = []
        for case in sorted(film.series, key=lambda case: case.name) if not film.fault else ():
            try:
                paths[name] = finder.find(case, *film.series[case])
                break
            except BadInput as error:
                faults.append(error.message)
        else:
            film.fault = film.fault or "; ".join(faults)
    for small, reason in too_small(folder, paths).items():
        labels.films[small].fault = reason
        del paths[small]
    return paths


def _image_id(name: FilmName) -> str:
    patient, side, view = name
    return safe_id(f"cbis_ddsm-{patient}-{side}{view}", "Film")


def _record(name: FilmName, film: LabelledFilm, path: str) -> FilmRecord:
    patient, side, view = name
    return FilmRecord(
        image_id=_image_id(name),
        patient_id=safe_id(f"cbis_ddsm-{patient}", "Patient"),
        finding=worst_finding(film.findings),
        view=view,
        laterality=side,
        density=film.density,
        locator=path,
    )


def _remarks(
    labels: Labels, tables: Mapping[str, Path], paths: Mapping[FilmName, str], images: int
) -> Iterator[str]:
    yield NO_NORMAL
    missing = [name for name in TABLES if name not in tables]
    if missing:
        yield (
            f"Not all case descriptions are there ({', '.join(missing)} missing): a film that is "
            "benign here may be malignant there."
        )
    films = {name: labels.films[name] for name in paths}
    several = sum(len(film.findings) > 1 for film in films.values())
    if several:
        yield f"{counted(several)} with several abnormalities: the worst finding is the film's."
    both = sum(len({TABLES[table][0] for table in f.tables}) > 1 for f in films.values())
    if both:
        yield f"{counted(both)} in mass and calcification tables alike: one record each."
    sides = {
        part: {name[0] for name, f in films.items() if any(TABLES[t][1] == part for t in f.tables)}
        for part in ("training", "test")
    }
    crossing = len(sides["training"] & sides["test"])
    if crossing:
        yield (
            f"{counted(crossing, 'patient')} on both sides of the official training and test "
            "tables: that split is not used, films are split by patient."
        )
    if labels.other_views:
        yield f"{counted(len(labels.other_views))} of other projections than CC and MLO left aside."
    if images > len(paths):
        yield (
            f"{counted(images - len(paths), 'image file')} left aside: crops, masks, second copies "
            "of a film, and films without a row."
        )
