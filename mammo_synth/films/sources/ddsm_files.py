"""The files of a DDSM tree: films by name and format, and the files that say what they show."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from mammo_synth.films.record import Refused
from mammo_synth.films.sources.ddsm_case import FilmName, Ics, LabelFiles, film_name
from mammo_synth.films.sources.label_table import films
from mammo_synth.films.sources.on_disk import view_of
from mammo_synth.films.tree import Tree

FORMATS = {
    ".ljpeg": "LJPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".pgm": "PGM",
    ".pnm": "PGM",
}
FORMAT_ORDER = ("LJPEG", "PNG", "TIFF", "PGM")
SUFFIXES = (*FORMATS, ".ics", ".overlay", ".gz")


class DdsmFiles:
    """What a folder holds.

    Attributes:
        names: The films of the views CC and MLO, by their stems (``A_1141_1.LEFT_CC``).
        films: Stem → format → paths.
        ics: By case (``A_1141``).
        overlays: By stem.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.names: dict[str, FilmName] = {}
        self.films: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self.other_views: Counter[str] = Counter()
        self.other = self.packed = 0
        ics: dict[str, list[str]] = defaultdict(list)
        overlays: dict[str, list[str]] = defaultdict(list)
        for path in tree.files:
            file = path.rpartition("/")[2]
            named = film_name(file)
            suffix = PurePosixPath(file.lower()).suffix
            if suffix == ".gz":
                self.packed += 1
            elif suffix == ".ics":
                case = re.fullmatch(r"([A-Z])[-_]([0-9]{4,5})[-_][0-9]\.ICS", file.upper())
                if case is not None:
                    ics[f"{case[1]}_{case[2]}"].append(path)
            elif suffix == ".overlay" and named is not None:
                overlays[named[0].stem].append(path)
            elif suffix in FORMATS:
                self._film(path, named, FORMATS[suffix])
        self.ics = LabelFiles(tree.root, ics)
        self.overlays = LabelFiles(tree.root, overlays)

    def _film(self, path: str, named: tuple[FilmName, str] | None, kind: str) -> None:
        # After the name: a suffix, or what the usual converters put before it.
        ending = r"(\.LJPEG)?(\.1(-DDSMRAW2PNM)?)?\.(PNG|TIFF?|PGM|PNM)|\.LJPEG"
        if named is None or not re.fullmatch(ending, named[1].upper()):
            self.other += 1
            return
        name = named[0]
        if name.view is None:
            self.other_views[name.sequence.split("_")[1]] += 1
            return
        self.names[name.stem] = name
        self.films[name.stem].setdefault(kind, []).append(path)

    def remarks(self) -> list[str]:
        """What was passed over."""
        remarks = []
        if n := self.other_views.total():
            kinds = ", ".join(sorted(self.other_views)[:10])
            remarks.append(f"{films(n)} of other projections ({kinds}) left aside.")
        if self.other:
            remarks.append(
                f"{films(self.other, 'image file')} without the name of a DDSM film left aside."
            )
        if self.packed:
            remarks.append(f"{films(self.packed, 'file')} packed (.gz) passed over: unpack them.")
        return remarks


def without_film(ics: Mapping[str, Ics | str | None], there: Collection[str]) -> list[Refused]:
    """The films that .ics files name and that are not there."""
    known = {stem.rsplit(".", 1)[0].rsplit("_", 1)[0] + stem[stem.index(".") :] for stem in there}
    return [
        Refused(f"{case}.{sequence}", "its .ics file names it, but there is no film")
        for case, file in ics.items()
        if isinstance(file, Ics)
        for sequence in sorted(file.films)
        if view_of(sequence.split("_")[1]) is not None and f"{case}.{sequence}" not in known
    ]
