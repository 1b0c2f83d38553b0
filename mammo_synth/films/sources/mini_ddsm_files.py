"""The files of a Mini-DDSM tree: films by name and format, their folders, masks, .OVERLAY files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from mammo_synth.films.sources.ddsm_case import LabelFiles, film_name
from mammo_synth.films.sources.label_table import films, listed
from mammo_synth.films.sources.mini_ddsm_rows import FORMATS, STATUSES
from mammo_synth.films.tree import Tree

FORMAT_ORDER = ("PNG", "JPEG")
TABLE_SUFFIXES = (".xlsx", ".csv", ".tsv", ".parquet")
SUFFIXES = (*FORMATS, *TABLE_SUFFIXES, ".overlay")


class MiniDdsmFiles:
    """What a folder holds.

    Attributes:
        films: Film's stem (``A_1932_1.LEFT_CC``) → format → paths.
        statuses: Stem → the folders it lies in (``cancer``, ``benign``, ``normal``).
        masked: Stems of the films that have a mask.
        overlays: .OVERLAY files by stem.
    """

    def __init__(self, tree: Tree, status_of_folder: str | None) -> None:
        self.films: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self.statuses: dict[str, set[str]] = defaultdict(set)
        self.masked: set[str] = set()
        self.cases: dict[str, set[str]] = defaultdict(set)
        self.other = 0
        overlays: dict[str, list[str]] = defaultdict(list)
        for path in tree.files:
            *folders, file = path.split("/")
            suffix = PurePosixPath(file.lower()).suffix
            named = film_name(file)
            if suffix in TABLE_SUFFIXES:
                continue
            status = next((f.lower() for f in reversed(folders) if f.lower() in STATUSES), None)
            status = status or status_of_folder
            if named is None or status is None:
                self.other += 1
                continue
            name, rest = named
            if suffix == ".overlay":
                overlays[name.stem].append(path)
            elif rest.lower().startswith("_mask"):
                self.masked.add(name.stem)
            elif rest.lower() in FORMATS:
                self.films[name.stem].setdefault(FORMATS[suffix], []).append(path)
                self.statuses[name.stem].add(status)
                self.cases[name.case].add(status)
            else:
                self.other += 1
        self.overlays = LabelFiles(tree.root, overlays)

    def remarks(self, unnamed: Sequence[str]) -> list[str]:
        """What no row names, what was passed over, and cases in two folders."""
        told = []
        if unnamed:
            told.append(
                f"{films(len(unnamed))} that no row of the table names left aside: "
                f"{listed(unnamed)}."
            )
        if self.other:
            told.append(
                f"{films(self.other, 'file')} without the name of a DDSM film, or outside of the "
                "folders Benign, Cancer and Normal, left aside."
            )
        if both := sorted(case for case, statuses in self.cases.items() if len(statuses) > 1):
            told.append(
                f"{films(len(both), 'case')} with films in more than one of the folders, each of "
                f"them still one patient: {listed(both)}."
            )
        return told
