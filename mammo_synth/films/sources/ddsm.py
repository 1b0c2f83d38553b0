"""DDSM, the Digital Database for Screening Mammography: its original volumes of digitised film.

Layout: ``cancers/cancer_01/case3141/`` (and so ``benigns``, ``benign_without_callbacks``,
``normals``), each case with one ``.ics`` file (``B-3141-1.ics``), its films
(``B_3141_1.LEFT_CC.LJPEG``) and an ``.OVERLAY`` file beside each film on which something is marked.
Conversions that kept the names are taken too (``B_3141_1.LEFT_CC.png``, ``...LEFT_CC.LJPEG.png``,
``.tif``, ``.pgm``), wherever below the folder they lie; of a film in several formats see
`ddsm_case.one_format`. ``TAPE_*.COMB.16_PGM`` (all films of a case, reduced) is no film.

``strict``: the finding is that of the film's own marks; normal is only a film without marks in a
case of a ``normals`` volume. A film without marks in another case is left aside: it is the other
breast of a patient with a lesion, or a view in which the lesion does not show.
``study``: the volume decides, as it did in the 2021 study: all films of a case have one finding.

Confirmed by DDSM's own pages and software: folders, names, the .ics and .OVERLAY fields, the four
pathologies, that normal cases have no overlay, that the size of an LJPEG stands in the .ics file.

Assumed: a letter and a number (``A_1141``) are one patient; the cases of a volume are in a folder
named like the volume, or the folder of the films itself is. A case whose files contradict that, or
each other, is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import decode, read_bytes
from mammo_synth.films.readers.ljpeg import decode_ljpeg
from mammo_synth.films.record import (
    Film,
    FilmRecord,
    Listing,
    Refused,
    Terms,
    check_protocol,
)
from mammo_synth.films.sources.ddsm_case import (
    SHARED_PATIENTS,
    FilmName,
    Ics,
    IcsFilm,
    marked_finding,
    one_format,
    parse_ics,
    parse_overlay,
    wrong_folder,
)
from mammo_synth.films.sources.ddsm_files import FORMAT_ORDER, SUFFIXES, DdsmFiles, without_film
from mammo_synth.films.sources.label_table import films, listed
from mammo_synth.films.sources.on_disk import DiskSource, safe_id
from mammo_synth.films.tree import inside, read_tree

VOLUMES = {
    # The four kinds of volumes, by the folders' names without "s" and number; without callback: a
    # screening exam that was judged benign without further films.
    "cancer": "malignant",
    "benign": "benign",
    "benign_without_callback": "benign",
    "normal": "normal",
}
CASE_FOLDER = r"case_?([0-9]{1,6})"

UNMARKED = "unmarked"
UNPROVEN = "unproven"
NO_VOLUME = "no volume"

TERMS = Terms(
    licence="no licence stated; made available for research by the University of South Florida",
    licence_id="unknown",
    citation=(
        "Heath, M., Bowyer, K., Kopans, D., Moore, R., Kegelmeyer, W. P. (2001). The Digital "
        "Database for Screening Mammography. Proceedings of the Fifth International Workshop on "
        "Digital Mammography, 212-218, Medical Physics Publishing. Heath, M. et al. (1998). "
        "Current status of the Digital Database for Screening Mammography. Digital Mammography, "
        "457-460, Kluwer."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass(frozen=True)
class DdsmSource(DiskSource):
    """The DDSM films below ``folder``.

    A record's locator is ``path|width|height``: the file, and the size that the .ics file gives,
    without which an LJPEG file cannot be decoded. ``protocol``: who decides the finding, see above.
    """

    protocol: str = "strict"

    def __post_init__(self) -> None:
        check_protocol(self.protocol)

    @property
    def name(self) -> str:
        """``ddsm``."""
        return "ddsm"

    @property
    def terms(self) -> Terms:
        """No licence stated: not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of all .ics and .OVERLAY files with their paths, and what decides the findings."""
        found = DdsmFiles(read_tree(self.folder, SUFFIXES))
        return {
            "source": self.name,
            "label_protocol": self.protocol,
            "ics_sha256": found.ics.digest(),
            "overlays_sha256": found.overlays.digest(),
            "volume_of_folder": self._volume_of_folder(),
        }

    def list(self) -> Listing:
        """All films, with the findings of their marks (strict) or of their volumes (study).

        Raises:
            BadInput: No folder, no .ics file, or no film that can be used.
        """
        found = DdsmFiles(read_tree(self.folder, SUFFIXES))
        if not found.ics.paths:
            raise BadInput(
                f"'{self.folder}' has no .ics file; DDSM has one for each case.",
                hint="Give the folder of the DDSM volumes, or copy the .ics files to the films.",
            )
        chosen, remarks = one_format(found.films, FORMAT_ORDER)
        cases = {name.case for name in found.names.values()}
        ics = {case: self._ics(found, case) for case in sorted(cases | found.ics.paths.keys())}
        records: list[FilmRecord] = []
        refused: list[Refused] = []
        aside: Counter[str] = Counter()
        for stem in sorted(chosen):
            try:
                record = self._record(found, found.names[stem], chosen[stem], ics)
            except BadInput as error:
                refused.append(Refused(stem, error.message))
                continue
            if isinstance(record, str):
                aside[record] += 1
            else:
                records.append(record)
        refused += without_film(ics, set(chosen))
        if not records:
            raise self._nothing(refused, aside)
        refused += found.tree.refused
        remarks = (*self._remarks(aside), *remarks, *found.remarks())
        return Listing(tuple(records), remarks, tuple(refused))

    def read(self, record: FilmRecord) -> Film:
        """One film; its size is checked against the .ics file.

        Raises:
            BadInput: It does not decode, or has another size (a conversion may be reduced, but
                not out of proportion).
        """
        path, width, height = _place(record)
        data = read_bytes(inside(self.folder, path))
        if path.lower().endswith(".ljpeg"):
            film = decode_ljpeg(data, path, width=width, height=height)
            fits = film.pixels.shape == (height, width)
        else:
            film = decode(data, path)
            rows, columns = film.pixels.shape
            # Rounding moves each side by less than a pixel, so their product by less than both.
            fits = (
                abs(rows * width - columns * height) <= width + height
                and rows <= height
                and columns <= width
            )
        if not fits:
            raise BadInput(
                f"'{path}' has {film.pixels.shape[1]} x {film.pixels.shape[0]} pixels; the .ics "
                f"file of its case says {width} x {height}.",
                hint="Replace the film, or convert it again with the size of the .ics file.",
            )
        return film

    def size(self, record: FilmRecord) -> int:
        """Bytes of the film's file."""
        return inside(self.folder, _place(record)[0]).stat().st_size

    def digest(self, record: FilmRecord) -> str:
        """sha256 of the film's file."""
        return sha256_file(inside(self.folder, _place(record)[0]))

    def _ics(self, found: DdsmFiles, case: str) -> Ics | str | None:
        """The .ics file of a case; why it cannot be used; None where there is none."""
        try:
            text = found.ics.read(case)
            return None if text is None else parse_ics(text, case)
        except BadInput as error:
            return error.message

    def _record(
        self,
        found: DdsmFiles,
        name: FilmName,
        paths: Sequence[str],
        ics: dict[str, Ics | str | None],
    ) -> FilmRecord | str:
        """The film's record, or why it is left aside.

        Raises:
            BadInput: It cannot be used; the message is the reason.
        """
        case = ics[name.case]
        if case is None:
            raise BadInput(f"its case {name.case} has no .ics file")
        if isinstance(case, str):
            raise BadInput(case)
        if len(paths) > 1:
            raise BadInput(f"it has {len(paths)} files of one format: {listed(paths)}")
        film = case.films.get(name.sequence)
        if film is None:
            raise BadInput(f"its .ics file names no {name.sequence}")
        places = (*paths, *found.ics.paths[name.case])
        folders = [folder for path in places for folder in PurePosixPath(path).parts[:-1]]
        if (folder := wrong_folder(folders, name, CASE_FOLDER)) is not None:
            raise BadInput(f"it lies in '{folder}', the folder of another case")
        volume = self._volume(folders)
        if self.protocol == "study":
            finding = VOLUMES[volume] if volume else NO_VOLUME
        else:
            finding = self._strict(found, name, film, volume)
        if finding in (UNMARKED, UNPROVEN, NO_VOLUME):
            return finding
        return FilmRecord(
            image_id=safe_id(f"ddsm-{name.stem.replace('.', '_')}", "The film"),
            patient_id=f"ddsm-{name.case}",
            finding=finding,
            view=name.view,
            laterality=name.laterality,
            density=case.density,
            locator=f"{paths[0]}|{film.width}|{film.height}",
        )

    @staticmethod
    def _strict(found: DdsmFiles, name: FilmName, film: IcsFilm, volume: str | None) -> str:
        """The finding of the film's own marks, or why it has none."""
        text = found.overlays.read(name.stem)
        if (text is not None) != film.marked:
            has, says = ("no", "OVERLAY") if film.marked else ("an", "NON_OVERLAY")
            raise BadInput(f"it has {has} .OVERLAY file, but its .ics file says {says}")
        if text is None:
            if volume == "normal":
                return "normal"
            return UNMARKED if volume else NO_VOLUME
        finding = marked_finding(parse_overlay(text))
        if volume == "normal" or (finding == "malignant" and volume not in ("cancer", None)):
            raise BadInput(
                f"it is marked as {finding or UNPROVEN}, but lies in a volume of {volume} cases"
            )
        return finding or UNPROVEN

    def _volume(self, folders: Sequence[str]) -> str | None:
        """The kind of volume that these folders name.

        Raises:
            BadInput: They name two.
        """
        kinds = {kind for kind in map(_kind, folders) if kind}
        if len(kinds) > 1:
            raise BadInput(f"its case lies in volumes of {' and '.join(sorted(kinds))} cases")
        return kinds.pop() if kinds else self._volume_of_folder()

    def _volume_of_folder(self) -> str | None:
        return _kind(self.folder.resolve().name)

    def _remarks(self, aside: Counter[str]) -> Sequence[str]:
        remarks = [SHARED_PATIENTS]
        if self.protocol == "study":
            remarks.append(
                "Study protocol: the volume decides, so every film of a cancer or benign case is a "
                "tumour film, also the healthy breast."
            )
        if n := aside[UNMARKED]:
            remarks.append(
                f"{films(n)} without a mark in cases with a lesion left aside: the other breast, "
                "or a view in which the lesion does not show, is no normal screening film."
            )
        if n := aside[UNPROVEN]:
            remarks.append(f"{films(n)} left aside: what is marked on them is UNPROVEN.")
        if n := aside[NO_VOLUME]:
            remarks.append(
                f"{films(n)} left aside: no folder names a volume (cancer_01, normals, ...), so "
                "nothing says what a film without marks shows."
            )
        return remarks

    def _nothing(self, refused: Sequence[Refused], aside: Counter[str]) -> BadInput:
        reasons = "; ".join(f"{r.film}: {r.reason}" for r in refused[:3])
        return BadInput(
            f"'{self.folder}' has no DDSM film that can be used: {len(refused)} refused"
            f"{f' ({reasons})' if reasons else ''}, {sum(aside.values())} left aside.",
            hint="Give the folder that holds the DDSM volumes, with their .ics files.",
        )


def _kind(folder: str) -> str | None:
    """The kind of volume that a folder's name says: ``cancer`` of ``cancers`` or ``cancer_01``."""
    name = re.sub(r"s?(_[0-9]+)?$", "", folder.lower())
    return name if name in VOLUMES else None


def _place(record: FilmRecord) -> tuple[str, int, int]:
    """File, width and height of a locator."""
    path, width, height = record.locator.rsplit("|", 2)
    return path, int(width), int(height)
