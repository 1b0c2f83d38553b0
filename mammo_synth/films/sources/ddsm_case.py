"""What DDSM says about a case: the names of its films, its .ics file and its .OVERLAY files.

Both the original volumes and Mini-DDSM carry them. An .ics file is text: ``DENSITY 3`` (ACR, 1 to
4; 0 where it was not given) and one line for each film, ``LEFT_CC LINES 4544 PIXELS_PER_LINE 3120
BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY`` (or ``NON_OVERLAY``). An .OVERLAY file stands beside a
film on which something was marked: ``TOTAL_ABNORMALITIES n``, then for each ``ABNORMALITY k`` a
``PATHOLOGY`` and outlines, of which only the pathology is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes, sha256_json
from mammo_synth.films.readers import read_bytes
from mammo_synth.films.record import worst_finding
from mammo_synth.films.sources.label_table import films, listed, shown
from mammo_synth.films.sources.on_disk import laterality_of, view_of

MAX_LABEL_BYTES = 4 * 1024 * 1024
MAX_ABNORMALITIES = 100

PATHOLOGIES: dict[str, str | None] = {
    # The four values of DDSM's own software (its PATHOLOGYTYPE). "Without callback": judged benign
    # on the screening films alone. "Unproven": nobody knows, so no finding.
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
    "UNPROVEN": None,
}

SHARED_PATIENTS = (
    "DDSM, Mini-DDSM and CBIS-DDSM hold the same patients under different names: never split or "
    "compare them as if they were different people."
)

_FILM = re.compile(r"([A-Z])_([0-9]{4,5})_([0-9])\.(LEFT|RIGHT)_([A-Z]+)", re.IGNORECASE)
_SEQUENCE = re.compile(
    r"(LEFT|RIGHT)_([A-Z]+)\s+LINES\s+([0-9]{1,6})\s+PIXELS_PER_LINE\s+([0-9]{1,6})\s+"
    r"BITS_PER_PIXEL\s+[0-9]{1,2}\s+RESOLUTION\s+[0-9.]{1,8}\s+(OVERLAY|NON_OVERLAY)"
)


@dataclass(frozen=True, slots=True)
class FilmName:
    """The name of a film without its suffixes, such as ``A_1141_1.LEFT_CC``.

    Attributes:
        case: ``A_1141``. The letter is the hospital and its scanner, so a case is one patient.
        number: ``1141``, as the folder of the case has it.
        sequence: ``LEFT_CC``, as the .ics file has it.
        stem: The whole name, in capitals.
    """

    case: str
    number: str
    sequence: str
    stem: str

    @property
    def view(self) -> str | None:
        """``CC``, ``MLO`` or None for any other projection."""
        return view_of(self.sequence.split("_")[1])

    @property
    def laterality(self) -> str | None:
        """``L`` or ``R``."""
        return laterality_of(self.sequence.split("_")[0])


def film_name(text: str) -> tuple[FilmName, str] | None:
    """The name of a film at the beginning of a file's name, and what comes after it; None where
    it does not begin so."""
    match = _FILM.match(text)
    if match is None:
        return None
    letter, number, _, side, view = match.groups()
    name = FilmName(
        f"{letter}_{number}".upper(), number, f"{side}_{view}".upper(), match[0].upper()
    )
    return name, text[match.end() :]


@dataclass(frozen=True, slots=True)
class IcsFilm:
    """One film of an .ics file: ``[height, width]`` in pixels, and whether it was marked."""

    height: int
    width: int
    marked: bool


@dataclass(frozen=True)
class Ics:
    """An .ics file: the ACR density (1 to 4, or None) and the films by sequence (``LEFT_CC``)."""

    density: str | None
    films: dict[str, IcsFilm]


def parse_ics(text: str, case: str) -> Ics:
    """The .ics file of ``case`` (``A_1141``).

    Raises:
        BadInput: It is of another case, names no film, or a film's line is not as documented.
    """
    density = None
    sequences: dict[str, IcsFilm] = {}
    for line in map(str.strip, text.upper().splitlines()):
        key, _, value = line.partition(" ")
        value = value.strip()
        if key == "FILENAME" and not value.replace("-", "_").startswith(case):
            raise BadInput(f"its .ics file is of case '{shown(value)}'")
        if key == "DENSITY":
            density = value if value in ("1", "2", "3", "4") else None
        if key.startswith(("LEFT_", "RIGHT_")):
            match = _SEQUENCE.fullmatch(line)
            if match is None:
                raise BadInput(f"its .ics file has the line '{shown(line)}', which is not readable")
            sequence = f"{match[1]}_{match[2]}"
            film = IcsFilm(int(match[3]), int(match[4]), match[5] == "OVERLAY")
            if sequences.setdefault(sequence, film) != film:
                raise BadInput(f"its .ics file says two different things of {sequence}")
    if not sequences:
        raise BadInput("its .ics file names no film")
    return Ics(density, sequences)


def parse_overlay(text: str) -> tuple[str, ...]:
    """The pathology of each abnormality of an .OVERLAY file.

    Raises:
        BadInput: There are not as many as it says, or one has no pathology or an unknown one.
    """
    total: int | None = None
    found: list[list[str]] = []
    for line in text.upper().splitlines():
        words = line[:200].split()
        if len(words) < 2:
            continue
        key, value = words[:2]
        if key == "TOTAL_ABNORMALITIES" and re.fullmatch(r"[0-9]{1,4}", value):
            total = int(value)
        elif key == "ABNORMALITY":
            found.append([])
        elif key == "PATHOLOGY" and found:
            found[-1].append(value)
        if len(found) > MAX_ABNORMALITIES:
            raise BadInput(f"its .OVERLAY file has more than {MAX_ABNORMALITIES} abnormalities")
    if total is None or total != len(found) or not found:
        says = "no number of" if total is None else f"{total}"
        raise BadInput(f"its .OVERLAY file says {says} abnormalities and has {len(found)}")
    for number, pathologies in enumerate(found, start=1):
        if len(pathologies) != 1 or pathologies[0] not in PATHOLOGIES:
            has = listed(pathologies) or "none"
            raise BadInput(
                f"abnormality {number} of its .OVERLAY file has the pathology {has}; one of "
                f"{', '.join(PATHOLOGIES)} was expected"
            )
    return tuple(pathologies[0] for pathologies in found)


def marked_finding(pathologies: Iterable[str]) -> str | None:
    """The finding of a film by its abnormalities: malignant before benign; None where all are
    unproven."""
    known = [finding for p in pathologies if (finding := PATHOLOGIES[p]) is not None]
    return worst_finding(known) if known else None


class LabelFiles:
    """The .ics or .OVERLAY files below a folder, by the case or film that they belong to. Copies
    of one file count as one."""

    def __init__(self, folder: Path, paths: Mapping[str, Sequence[str]]) -> None:
        self.folder = folder
        self.paths = paths

    def read(self, key: str) -> str | None:
        """The text of the file of ``key``, or None where there is none.

        Raises:
            BadInput: It cannot be read, is absurdly long, or there are two that differ.
        """
        contents = {self._bytes(path) for path in self.paths.get(key, ())}
        if len(contents) > 1:
            raise BadInput(f"{listed(self.paths[key])} differ, and both are of {key}")
        return contents.pop().decode("latin-1") if contents else None

    def digest(self) -> str:
        """sha256 over the paths and the bytes of all files."""
        digests = {}
        for path in sorted(path for paths in self.paths.values() for path in paths):
            try:
                digests[path] = sha256_bytes(self._bytes(path))
            except BadInput:
                digests[path] = "cannot be read"
        return sha256_json(digests)

    def _bytes(self, path: str) -> bytes:
        file = self.folder / path
        try:
            size = file.stat().st_size
        except OSError as error:
            raise BadInput(f"'{path}' cannot be read ({error.strerror})") from error
        if size > MAX_LABEL_BYTES:
            raise BadInput(
                f"'{path}' has {size / 1e6:.0f} MB; a label file of DDSM has some kilobytes"
            )
        return read_bytes(file)


def one_format(
    found: Mapping[str, Mapping[str, Sequence[str]]], order: Sequence[str]
) -> tuple[dict[str, Sequence[str]], tuple[str, ...]]:
    """Choose the files of each film that lies there in several formats.

    The format that most films have is taken, by ``order`` where two have as many, so that all
    films go through one pipeline where that is possible; a film without it is taken in the next.

    Args:
        found: Film → format → paths.
        order: The formats.

    Returns:
        Film → paths of the format taken; remarks.
    """
    have = Counter(kind for kinds in found.values() for kind in kinds)
    ranked = sorted(order, key=lambda kind: (-have[kind], order.index(kind)))
    kinds = {film: next(k for k in ranked if k in there) for film, there in found.items()}
    remarks = []
    if several := sum(len(there) > 1 for there in found.values()):
        remarks.append(
            f"{films(several)} lie there in several formats; the one that most films have was "
            f"taken ({ranked[0]})."
        )
    taken = Counter(kinds.values())
    if len(taken) > 1:
        counts = ", ".join(f"{kind} {n:,}" for kind, n in sorted(taken.items()))
        remarks.append(
            f"The films are in several formats ({counts}): where a class has one format more often "
            "than the other, a network can learn the format."
        )
    return {film: found[film][kind] for film, kind in kinds.items()}, tuple(remarks)


def wrong_folder(folders: Iterable[str], name: FilmName, pattern: str) -> str | None:
    """The first of ``folders`` that ``pattern`` takes for a case folder (the number in its group
    1) and whose number is not the film's."""
    for folder in folders:
        match = re.fullmatch(pattern, folder, re.IGNORECASE)
        if match is not None and int(match[1]) != int(name.number):
            return folder
    return None
