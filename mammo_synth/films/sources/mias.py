"""MIAS MiniMammographic Database: `Info.txt` and one PGM (as distributed) or PNG per film.

Layout: one folder with ``Info.txt`` and ``mdbNNN.pgm`` (1024 x 1024, 8 bit) or ``mdbNNN.png``.
Info.txt is prose around rows ``mdbNNN tissue class [severity] [x y radius]``; a film has one row
for each abnormality, so up to several. A film with a malignant row is malignant, else one with a
benign row is benign. Films 2n-1 and 2n are one patient (note 1 of Info.txt). A film with a row that
cannot be read is not used, whatever its other rows say.

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
from mammo_synth.films.sources.label_table import LabelledFilms, listed, shown
from mammo_synth.films.sources.on_disk import DiskSource
from mammo_synth.films.tree import read_tree

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


@dataclass(frozen=True, slots=True)
class InfoRow:
    """One row of Info.txt: one abnormality of one film, or its being normal."""

    line: int
    film: str
    tissue: str
    abnormality: str
    finding: str


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that begins with a film and goes on as no row of Info.txt does."""

    line: int
    film: str
    reason: str


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
        """All films of Info.txt, with their findings; `refused` has films without a file and films
        with a row that cannot be read.

        Raises:
            BadInput: No Info.txt, no row in it, or no film that can be used.
        """
        info = self._info()
        rows, unreadable = parse_info(read_bytes(info).decode("latin-1"), info)
        tree = read_tree(self.folder, FILM_SUFFIXES)
        files: dict[str, str] = {}
        for name in tree.files:
            if "/" not in name:
                files.setdefault(file_stem(Path(name)).lower(), name)
        found = LabelledFilms(info)
        for bad in unreadable:
            found.refuse(f"mias-{bad.film}", bad.line, bad.reason, f"mias-{bad.film}")
        by_film: dict[str, list[InfoRow]] = {}
        for row in rows:
            by_film.setdefault(row.film, []).append(row)
        for film, its_rows in by_film.items():
            line = its_rows[0].line
            if len({row.finding == "normal" for row in its_rows}) > 1:
                found.refuse(f"mias-{film}", line, "its rows say both NORM and an abnormality")
            elif film not in files:
                names = " or ".join(f"{film}{suffix}" for suffix in FILM_SUFFIXES)
                found.refuse(f"mias-{film}", line, f"the folder has no {names}")
            else:
                found.add(_record(film, its_rows, files[film]), line)
        unlabelled = sorted(set(files) - set(by_film) - {bad.film for bad in unreadable})
        remarks = [f"{listed(unlabelled)}: no row in Info.txt, left aside."] if unlabelled else []
        return found.listing(remarks, tree.refused)

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


def parse_info(text: str, name: Path) -> tuple[list[InfoRow], list[UnreadableRow]]:
    """The rows of Info.txt, and those that do not have the documented columns; the prose around
    them is passed over.

    Raises:
        BadInput: No row that can be read.
    """
    rows, unreadable = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not re.match(r"mdb[0-9]+\b", line):
            continue
        columns = line.split()
        film = columns[0][:20]
        try:
            if not re.fullmatch(r"mdb(?!000)[0-9]{3}", film):
                raise ValueError(film)
            tissue, abnormality = columns[1:3]
            normal = abnormality == "NORM"
            finding = "normal" if normal else SEVERITIES[columns[3]]
            rows.append(InfoRow(number, film, TISSUES[tissue], _known(abnormality), finding))
        except (ValueError, KeyError, IndexError):
            reason = (
                f"'{shown(line.strip())}' is not a MIAS row; expected a film (mdb001 ...), a "
                f"tissue (F, G, D), a class ({', '.join(ABNORMALITIES)}) and, unless NORM, a "
                "severity (B, M)"
            )
            unreadable.append(UnreadableRow(number, film, reason))
    if not rows:
        first = f" Line {unreadable[0].line}: {unreadable[0].reason}." if unreadable else ""
        raise BadInput(
            f"'{name}' has no rows that begin with a film number (mdb001 ...) and can be read."
            f"{first}",
            hint="Use Info.txt as it is distributed.",
        )
    return rows, unreadable


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
