"""MIAS MiniMammographic Database: `Info.txt` and one PGM (as distributed) or PNG per film.

Layout: one folder with ``Info.txt`` and ``mdbNNN.pgm`` (1024 x 1024, 8 bit) or ``mdbNNN.png``.
Info.txt is prose around rows ``mdbNNN tissue class [severity] [x y radius]``; a film has one row
for each abnormality, so up to several. A film with a malignant row is malignant, else one with a
benign row is benign. Films 2n-1 and 2n are one patient (note 1 of Info.txt).

Info.txt says that even numbers are left breasts; the film markers that can be read say odd. The
markers were on the film when it was exposed, so odd is taken as L. All films are oblique (MLO).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import read_bytes
from mammo_synth.films.record import FilmRecord, Listing, Terms, file_stem, worst_finding
from mammo_synth.films.sources.on_disk import DiskSource

TISSUES = {"F": "fatty", "G": "fatty-glandular", "D": "dense-glandular"}
ABNORMALITIES = ("CALC", "CIRC", "SPIC", "MISC", "ARCH", "ASYM", "NORM")
SEVERITIES = {"B": "benign", "M": "malignant"}
FILM_SUFFIXES = (".pgm", ".png")
INFO_NAME = "Info.txt"

TERMS = Terms(
    licence="MIAS licence agreement: research purposes only; no rent, lease or sale",
    licence_id="other",
    citation=(
        "Suckling, J. et al. (1994). The Mammographic Image Analysis Society Digital Mammogram "
        "Database. Excerpta Medica, International Congress Series 1069, 375-378."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass(frozen=True)
class InfoRow:
    """One row of Info.txt: one abnormality of one film, or its being normal."""

    film: str
    tissue: str
    abnormality: str
    finding: str


@dataclass(frozen=True)
class MiasSource(DiskSource):
    """The MIAS films in ``folder``."""

    @property
    def name(self) -> str:
        """``mias``."""
        return "mias"

    @property
    def terms(self) -> Terms:
        """Research only; not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the label file; the films' own digests are in the prepared set's rows."""
        return {"source": self.name, "info_sha256": sha256_file(self._info())}

    def list(self) -> Listing:
        """All films of Info.txt, with their findings.

        Raises:
            BadInput: No Info.txt, an unreadable row, or a row without a film.
        """
        info = self._info()
        rows = parse_info(read_bytes(info).decode("latin-1"), info)
        files: dict[str, Path] = {}
        for path in sorted(self.folder.iterdir()):
            if path.suffix.lower() in FILM_SUFFIXES and path.is_file():
                files.setdefault(file_stem(path).lower(), path)
        missing = sorted({row.film for row in rows} - set(files))
        if missing:
            raise BadInput(
                f"'{info}' names {_listed(missing)}, but the folder has no such "
                f"{' or '.join(FILM_SUFFIXES)} file.",
                hint="Put the missing films beside Info.txt, or take their rows out of it.",
            )
        by_film: dict[str, list[InfoRow]] = {}
        for row in rows:
            by_film.setdefault(row.film, []).append(row)
        unlabelled = sorted(set(files) - set(by_film))
        remarks = (f"{_listed(unlabelled)}: no row in Info.txt, left aside.",) if unlabelled else ()
        records = tuple(_record(film, by_film[film], files[film].name) for film in sorted(by_film))
        return Listing(records, remarks)

    def _info(self) -> Path:
        if not self.folder.is_dir():
            raise BadInput(
                f"There is no folder '{self.folder}'.",
                hint="Give the folder that holds the MIAS films and Info.txt.",
            )
        for path in sorted(self.folder.iterdir()):
            if path.name.lower() == INFO_NAME.lower():
                return path
        raise BadInput(
            f"'{self.folder}' has no {INFO_NAME}; the MIAS label file was expected.",
            hint="Copy Info.txt of the MIAS distribution into the folder.",
        )


def parse_info(text: str, name: Path) -> list[InfoRow]:
    """The rows of Info.txt; the prose around them is passed over.

    Raises:
        BadInput: No row at all, or a row that does not have the documented columns.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not re.match(r"mdb\d+\b", line):
            continue
        columns = line.split()
        try:
            film, tissue, abnormality = columns[:3]
            normal = abnormality == "NORM"
            finding = "normal" if normal else SEVERITIES[columns[3]]
            rows.append(InfoRow(film.lower(), TISSUES[tissue], _known(abnormality), finding))
        except (ValueError, KeyError, IndexError):
            raise BadInput(
                f"'{name}', line {number}: '{line.strip()}' is not a MIAS row; expected a film, a "
                f"tissue (F, G, D), a class ({', '.join(ABNORMALITIES)}) and, unless NORM, a "
                "severity (B, M).",
                hint="Use Info.txt as it is distributed.",
            ) from None
    if not rows:
        raise BadInput(
            f"'{name}' has no rows that begin with a film number (mdb001 ...).",
            hint="Use Info.txt as it is distributed.",
        )
    return rows


def _known(abnormality: str) -> str:
    if abnormality not in ABNORMALITIES:
        raise ValueError(abnormality)
    return abnormality


def _record(film: str, rows: list[InfoRow], file_name: str) -> FilmRecord:
    number = int(film.removeprefix("mdb"))
    return FilmRecord(
        image_id=f"mias-{film}",
        patient_id=f"mias-p{(number + 1) // 2:03d}",
        finding=worst_finding(row.finding for row in rows),
        view="MLO",
        laterality="L" if number % 2 else "R",
        density=rows[0].tissue,
        locator=file_name,
    )


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
