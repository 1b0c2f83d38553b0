"""What is known of a film before its pixels are read, and what a source of films must offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mammo_synth.configurations import CANCER, NORMAL
from mammo_synth.errors import BadInput

FINDINGS = ("normal", "benign", "malignant")
VIEWS = ("CC", "MLO")
LATERALITIES = ("L", "R")
PROTOCOLS = ("strict", "study")
ROLES = ("train", "val", "real_test")


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """One film of a source: who, what was found, and where its pixels are.

    Attributes:
        image_id: Unique in the source, without personal data.
        patient_id: Pseudonymous; all films of one person have the same one.
        finding: ``normal``, ``benign`` or ``malignant``, of this film's breast.
        view: ``CC``, ``MLO`` or None where the source does not say.
        laterality: ``L``, ``R`` or None where the source does not say.
        density: The source's own density class, or None.
        locator: What the source needs to find the pixels (a relative path, a number).
    """

    image_id: str
    patient_id: str
    finding: str
    view: str | None
    laterality: str | None
    density: str | None
    locator: str


@dataclass(frozen=True)
class Terms:
    """Licence and citation of a source of films, and whether its pixels may be passed on."""

    licence: str
    licence_id: str
    citation: str
    redistributable: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A film that cannot be used: its id, or its path where it has no id, and why.

    ``kind`` names the reason for programs: ``listing`` (its row, name or file is wrong),
    ``unreadable``, ``no_breast``, ``copy`` or ``conflict``.
    """

    film: str
    reason: str
    kind: str = "listing"


@dataclass(frozen=True)
class Listing:
    """What a source found.

    Attributes:
        records: Films that can be read, sorted by image_id.
        remarks: What was left aside, and what a user of these films must know (one sentence each).
        refused: Films that the labels name and that cannot be used.
    """

    records: tuple[FilmRecord, ...]
    remarks: tuple[str, ...] = field(default=())
    refused: tuple[Refused, ...] = field(default=())


@dataclass(frozen=True)
class Film:
    """The pixels of one film, and what its file says about itself.

    Attributes:
        pixels: ``[H, W]``, uint8 or uint16, 0 is black; padding of the file is 0.
        format: ``png``, ``pgm``, ``jpeg``, ``tiff``, ``ljpeg``, ``dicom`` or ``phantom``.
        bits: Bits of a pixel in the file (8, 12, 16, ...).
        inverted: The file stores white as 0 (DICOM MONOCHROME1); it was turned.
        view, laterality: As the file says, or None.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    format: str
    bits: int
    inverted: bool = False
    view: str | None = None
    laterality: str | None = None


class Source(Protocol):
    """A collection of films in one layout. Implementations are small picklable dataclasses."""

    @property
    def name(self) -> str:
        """Short name: ``phantom``, ``mias``, ``folder``, ..."""

    @property
    def terms(self) -> Terms:
        """Licence, citation, whether the pixels may be redistributed."""

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the films, for the manifest (no absolute paths)."""

    def list(self) -> Listing:
        """All films, sorted by image_id.

        Raises:
            BadInput: The layout is not the one expected, a film or a label is missing.
        """

    def read(self, record: FilmRecord) -> Film:
        """One film, grey (0 is black).

        Raises:
            BadInput: The film does not decode.
        """

    def size(self, record: FilmRecord) -> int:
        """Bytes of the original file (0 where a film has no file)."""

    def digest(self, record: FilmRecord) -> str:
        """sha256 of the original file (or of the pixels where a film has no file)."""


def check_protocol(protocol: str) -> None:
    """Raise BadInput unless ``protocol`` is one of `PROTOCOLS`."""
    if protocol not in PROTOCOLS:
        raise BadInput(
            f"There is no protocol '{protocol}'.", hint=f"It is {' or '.join(PROTOCOLS)}."
        )


def label_of(finding: str, protocol: str) -> int | None:
    """The class of a film under a protocol: 1 cancer, 0 normal, None where it belongs to neither.

    ``strict``: cancer is malignant; a benign film is neither class. ``study``: cancer is any
    tumour, benign or malignant, as in the 2021 study.
    """
    if finding == "normal":
        return NORMAL
    if finding == "malignant" or protocol == "study":
        return CANCER
    return None


def worst_finding(findings: Iterable[str]) -> str:
    """The finding of a film that has several: malignant before benign before normal."""
    return max(findings, key=FINDINGS.index)


def file_stem(path: Path) -> str:
    """Name of a film's file without any of its suffixes."""
    return path.name.split(".", 1)[0]
