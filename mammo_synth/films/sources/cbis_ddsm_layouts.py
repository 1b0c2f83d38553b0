"""Where the films of CBIS-DDSM lie on a disk, and which of the images beside them are no films.

An image is found by the name of its case (``Mass-Training_P_00001_LEFT_CC``, a folder or the
file itself) or by its series (the folder that the tables name last). A number behind the case
(``..._CC_1``) is an abnormality: its crop and its mask. Folders of today's downloads say what they
hold (``1.000000-cropped images-24515``), and so does ``dicom_info.csv`` of the JPEG export.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film
from mammo_synth.films.sources.label_table import listed, shown
from mammo_synth.films.tables import read_table
from mammo_synth.films.tree import inside

_CASE = re.compile(
    r"(?P<name>(?:Mass|Calc)-(?:Training|Test)_(?P<patient>P_[0-9]{5})_(?P<side>LEFT|RIGHT)_"
    r"(?P<view>[A-Z]{2,6}))"
    r"(?P<crop>_(?:CROP|MASK)(?:_[0-9]+)?|_[0-9]+)?"
    r"(?:_FULL|_1-1)?"  # as converters call the film of a case
)
_NO_FILM = re.compile(r"(?:cropped|ROI mask) images", re.IGNORECASE)
MAX_TOGETHER = 16  # images of one case or series; the collection has three at most
# A name that says nothing still leaves the size: DDSM was digitised at 42 to 50 micron, where 24 cm
# are about 5,000 px. Crops of a few large lesions are larger than this; names tell those.
MIN_LONG_SIDE = 1500
# Conversions are reduced at times, all of them alike; a crop is small beside the other films.
MIN_SHARE_OF_MEDIAN = 1 / 3
MIN_MIDTONES = 0.01
_SUFFIX_ORDER = (".dcm", ".dicom", ".png", ".tif", ".tiff", ".pgm", ".jpg", ".jpeg")
_RASTER = ("PNG", "PPM", "JPEG", "TIFF")
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Case:
    """A case as the tables and folders name it; ``crop``: it is one of its abnormalities."""

    name: str
    patient: str
    side: str
    view: str
    crop: bool


def parse_case(text: str) -> Case | None:
    """The case that a folder, a file without its suffix or a path's first part names."""
    match = _CASE.fullmatch(text)
    if match is None:
        return None
    name, patient, side, view, crop = match.group("name", "patient", "side", "view", "crop")
    return Case(name, patient, side[0], view, crop is not None)


@dataclass(frozen=True, slots=True)
class Described:
    """What ``dicom_info.csv`` says of one image: its series' description and its case."""

    description: str
    case: Case | None


def read_descriptions(table: Path) -> dict[str, Described]:
    """``dicom_info.csv`` of the JPEG export: ``series/file`` without a suffix → what it is.

    Raises:
        BadInput: It is no such table.
    """
    required = {"image": ("image_path",), "description": ("SeriesDescription",)}
    rows = read_table(table, required, {"case": ("PatientID",)})
    return {
        _place(row["image"].replace("\\", "/")): Described(
            row["description"], parse_case(row["case"])
        )
        for row in rows
    }


class FilmFinder:
    """Finds the file of a film among the image files of a tree."""

    def __init__(
        self, root: Path, files: Iterable[str], described: Mapping[str, Described]
    ) -> None:
        self._root = root
        self._described = described
        self._by_series: defaultdict[str, list[str]] = defaultdict(list)
        self._by_case: defaultdict[str, list[str]] = defaultdict(list)
        for path in files:
            place = PurePosixPath(path)
            self._by_series[place.parent.name].append(path)
            for name in {case.name for case in _cases(place) if not case.crop}:
                self._by_case[name].append(path)

    def find(self, case: Case, series: str) -> str:
        """The file of the full film of ``case``, whose series the table calls ``series``.

        Raises:
            BadInput: There is none, there are several, or what there is is no full film.
        """
        found = self._by_series.get(series) or self._by_case.get(case.name) or []
        if not found:
            raise BadInput(f"no image file lies in a folder '{shown(series)}' or '{case.name}'")
        if len(found) > MAX_TOGETHER:
            raise BadInput(f"{len(found):,} images lie where its one film should be")
        faults = {path: self._fault(path, case) for path in found}
        films = [path for path in found if faults[path] is None]
        if not films:
            raise BadInput(faults[found[0]] or "")
        best = min(map(_rank, films))
        films = [path for path in films if _rank(path) == best]
        if len(films) > 1:
            raise BadInput(
                f"{len(films)} images lie where its one film should be ({listed(films, 2)}): a "
                "crop and its mask, or copies"
            )
        inside(self._root, films[0])
        return films[0]

    def _fault(self, path: str, case: Case) -> str | None:
        """Why the image ``path`` is not the full film of ``case``, by what is known of it."""
        place = PurePosixPath(path)
        named = _cases(place)
        if any(other.crop for other in named) or _NO_FILM.search(str(place.parent)):
            return f"'{shown(path)}' is a crop or a mask by its name"
        known = self._described.get(_place(path))
        if known is not None:
            named = [*named, *([known.case] if known.case else [])]
            if _NO_FILM.search(known.description) or (known.case is not None and known.case.crop):
                return f"'{shown(path)}' is a crop or a mask by dicom_info.csv"
        for other in named:
            if (other.patient, other.side, other.view) != (case.patient, case.side, case.view):
                return f"'{shown(path)}' is a film of {other.name}"
        return None


def too_small(root: Path, films: Mapping[_Key, str]) -> dict[_Key, str]:
    """Of ``films`` (any key → path), those that are small beside the others, and why.

    Only the headers of PNG, PGM, JPEG and TIFF files are read.
    """
    sides = {key: side for key, path in films.items() if (side := _long_side(inside(root, path)))}
    median = statistics.median(sides.values()) if sides else 0
    return {
        key: (
            f"'{shown(films[key])}' has {side} px on its long side, half of the films have "
            f"{median:.0f} or more: it is a crop, or a reduced copy among full ones"
        )
        for key, side in sides.items()
        if side < MIN_SHARE_OF_MEDIAN * median
    }


def film_fault(film: Film) -> str | None:
    """Why the pixels of ``film`` are no full film, or None: a mask has (nearly) no grey between
    black and white, and a DICOM image, which nobody reduces, is as large as a digitised film."""
    step = max(1, min(film.pixels.shape) // 256)
    sample = film.pixels[::step, ::step].astype(np.float32)
    low, high = float(sample.min()), float(sample.max())
    margin = 0.05 * (high - low)  # JPEG rings around the edge of a mask
    midtones = float(np.mean((sample > low + margin) & (sample < high - margin)))
    if midtones < MIN_MIDTONES:
        return "has hardly any grey between black and white: it is a mask, or empty"
    if film.format == "dicom" and max(film.pixels.shape) < MIN_LONG_SIDE:
        height, width = film.pixels.shape
        return (
            f"has {width} x {height} pixels; a digitised film has {MIN_LONG_SIDE:,} or more on its "
            "long side: it is a crop"
        )
    return None


def _cases(place: PurePosixPath) -> list[Case]:
    parts = (*place.parts[:-1], place.name.split(".", 1)[0])
    return [case for part in parts if (case := parse_case(part))]


def _place(path: str) -> str:
    place = PurePosixPath(path)
    return f"{place.parent.name}/{place.stem}"


def _rank(path: str) -> int:
    suffix = PurePosixPath(path).suffix.lower()
    return _SUFFIX_ORDER.index(suffix) if suffix in _SUFFIX_ORDER else len(_SUFFIX_ORDER)


def _long_side(path: Path) -> int | None:
    if path.suffix.lower() in (".dcm", ".dicom"):
        return None
    try:
        with Image.open(path, formats=_RASTER) as image:
            return max(image.size)
    except Exception:  # whatever a damaged header leads to; decoding the film says what is wrong
        return None
