"""INbreast: full-field digital mammograms of one hospital, with BI-RADS assessments.

Layout: ``INbreast.csv`` (separated by semicolons; or INbreast.xls saved as ``INbreast.xlsx``) and
``AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm``, or PNG, JPEG, TIFF files that kept these
names. The number is the film's, the hexadecimal word the patient's (the table's own column says
"removed"); ``ML`` in a file name is what the table calls MLO. A conversion that kept the number
only has lost its patients and is refused: they could not be kept on one side of a split.

Labels are assessments of readers, not pathology: the distribution has no table of biopsies.
Published work mostly takes BI-RADS 1 as normal, 2 and 3 as benign and 4 to 6 as malignant. But the
chance of cancer, 2 % or less at 3 and 95 % or more at 5, is anything between at 4 (4a: to 10 %,
4b: to 50 %, 4c: to 95 %; BI-RADS atlas, 5th edition). So under ``strict`` a film of BI-RADS 4 is
left aside: it is neither class. Under ``study``, where any tumour is cancer, it is malignant, and
BI-RADS 2 is left aside: a vascular calcification or a lymph node is no tumour. BI-RADS 0 is no
result yet. Two films of one breast at times differ: one of BI-RADS 1 is no sure normal where
another film of that breast has 4 or more, and is refused.

Assumed: the word in the file name is the same for all examinations of a patient; rows that name no
film, side and view are the two rows of totals below the Excel table; the collection has no true
mediolateral film, so that ``ML`` can only mean MLO.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import SUFFIXES
from mammo_synth.films.record import (
    FilmRecord,
    Listing,
    Terms,
    check_protocol,
)
from mammo_synth.films.sources.label_table import (
    LabelledFilms,
    by_kind,
    films,
    find_table,
    one_file,
    shown,
)
from mammo_synth.films.sources.on_disk import DiskSource, laterality_of, safe_id, view_of
from mammo_synth.films.tables import Row, read_table
from mammo_synth.films.tree import inside, read_tree

TABLE_STEM = "INbreast"
TABLE_SUFFIXES = (".csv", ".xlsx")
COLUMNS = {
    "film": ("File Name",),
    "laterality": ("Laterality",),
    "view": ("View",),
    "birads": ("Bi-Rads",),
}
OPTIONAL = {"density": ("ACR",)}
FINDINGS: Mapping[str, Mapping[str, str]] = {
    "strict": {"1": "normal", "2": "benign", "3": "benign", "5": "malignant", "6": "malignant"},
    "study": {
        "1": "normal",
        "3": "benign",
        **dict.fromkeys(("4", "4a", "4b", "4c", "5", "6"), "malignant"),
    },
}
"""Protocol → BI-RADS → finding; what is not there is left aside. Where it comes from: see above."""
BIRADS = ("0", "1", "2", "3", "4", "4a", "4b", "4c", "5", "6")
SUSPICIOUS = ("4", "4a", "4b", "4c", "5", "6")
DENSITIES = ("1", "2", "3", "4")

_NUMBER = re.compile(r"[0-9]{8}")
_NAME = re.compile(
    r"(?P<film>[0-9]{8})_(?P<patient>[0-9a-f]{16})_MG_(?P<side>[LR])_(?P<view>[A-Z]{2,4})_ANON"
    r"(?:\.dcm)?\.[A-Za-z]+"  # 20586908_..._ANON.dcm.png too; but not ..._ANON.mask.png
)
_VIEWS_IN_NAMES = {"ML": "MLO"}
_VIEW = re.compile(r"[A-Z]{2,4}")
_TABLE_NAMES = tuple(TABLE_STEM + suffix for suffix in TABLE_SUFFIXES)
_READINGS = {
    "strict": (
        "Findings are BI-RADS assessments of readers, not pathology: 1 is normal, 2 and 3 benign, "
        "5 and 6 malignant; 4 (2 to 95 % malignant) is neither class and left aside."
    ),
    "study": (
        "Findings are BI-RADS assessments of readers, not pathology: 1 is normal, 3 benign, 4 to 6 "
        "malignant (of 4, 2 to 95 % are); 2 (harmless, mostly no tumour) is left aside."
    ),
}

TERMS = Terms(
    licence="INbreast: for research, on request to its authors; not to be passed on",
    licence_id="other",
    citation=(
        "Moreira, I. C., Amaral, I., Domingues, I., Cardoso, A., Cardoso, M. J. and Cardoso, J. S. "
        "(2012). INbreast: toward a full-field digital mammographic database. Academic Radiology "
        "19(2), 236-248."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass(frozen=True)
class InbreastSource(DiskSource):
    """The INbreast films below ``folder``.

    ``protocol``: what a BI-RADS category is taken for (see the module); the same protocol as that
    of the prepared set.
    """

    protocol: str = "strict"

    def __post_init__(self) -> None:
        check_protocol(self.protocol)

    @property
    def name(self) -> str:
        """``inbreast``."""
        return "inbreast"

    @property
    def terms(self) -> Terms:
        """Research only; not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digest of the table, and the protocol that reads it; the films' digests are in the rows.

        Raises:
            BadInput: There is no table.
        """
        return {
            "source": self.name,
            "table_sha256": sha256_file(self._table()),
            "birads_protocol": self.protocol,
            "for_processing": self.for_processing,
        }

    def list(self) -> Listing:
        """All CC and MLO films whose BI-RADS category means a finding under the protocol.

        Raises:
            BadInput: No table, a column missing, or no film that can be used.
        """
        table = self._table()
        tree = read_tree(self.folder, SUFFIXES)
        files = _by_number(tree.files)
        found = LabelledFilms(table)
        aside: dict[str, str] = {}  # image_id → kind
        suspicious: set[tuple[str, str | None]] = set()
        rows = (
            row
            for row in read_table(table, COLUMNS, OPTIONAL)
            if row["film"] or row["laterality"] or row["view"]
        )
        for line, film in found.read(rows, partial(self._film, files=files), _film_of):
            if film.birads in SUSPICIOUS:
                suspicious.add(film.breast)
            record = film.record(self.protocol)
            if record is None:
                aside[film.image_id] = film.left_aside_for
            else:
                found.add(record, line)
        found.withdraw(aside, "another row says something else of this film")
        doubtful = [
            record.image_id
            for record in found.records
            if record.finding == "normal" and (record.patient_id, record.laterality) in suspicious
        ]
        found.withdraw(
            doubtful, "BI-RADS 1, but another film of this breast has 4 or more: no sure normal"
        )
        remarks = self._remarks(Counter(aside.values()), found.without_row(files))
        return found.listing(remarks, tree.refused, aside=len(aside))

    def _film(self, row: Row, files: Mapping[str, Sequence[str]]) -> _Film:
        number, side, text = row["film"], laterality_of(row["laterality"]), row["view"].upper()
        birads = row["birads"].lower()
        if not _NUMBER.fullmatch(number):
            raise BadInput(f"film '{shown(number)}' is no number of eight digits")
        if side is None:
            raise BadInput(f"laterality '{shown(row['laterality'])}' is neither L nor R")
        if not _VIEW.fullmatch(text):
            raise BadInput(f"view '{shown(row['view'])}' is neither CC nor MLO")
        if birads not in BIRADS:
            raise BadInput(f"BI-RADS '{shown(row['birads'])}' is none of {', '.join(BIRADS)}")
        path, patient = self._file(number, side, text, files)
        density = row["density"] if row["density"] in DENSITIES else None
        return _Film(
            image_id=safe_id(f"inbreast-{number}", "Film"),
            patient_id=safe_id(f"inbreast-{patient}", "Patient"),
            laterality=side,
            view=text,
            birads=birads,
            density=density,
            path=path,
        )

    def _file(
        self, number: str, side: str, view: str, files: Mapping[str, Sequence[str]]
    ) -> tuple[str, str]:
        """Path and patient of a film, whose name must agree with the table."""
        there = files.get(number, ())
        named = {path: match for path in there if (match := _NAME.fullmatch(_base(path)))}
        if there and not named:
            raise BadInput(
                f"its file '{shown(there[0])}' has lost the word that tells the patient; a name "
                f"like '{number}_6c613a14b80a8591_MG_R_CC_ANON' is needed"
            )
        path = one_file([*named], f"{number}_..._MG_{side}_..._ANON")
        inside(self.folder, path)
        patient, named_side, named_view = named[path].group("patient", "side", "view")
        named_view = _VIEWS_IN_NAMES.get(named_view, named_view)
        if (named_side, named_view) != (side, view):
            raise BadInput(
                f"the table says {side} {view}, the file's name {named_side} {named_view}"
            )
        if len({match["patient"] for match in named.values()}) > 1:
            raise BadInput("its files name two patients")
        return path, patient

    def _table(self) -> Path:
        try:
            return find_table(self.folder, TABLE_STEM, TABLE_SUFFIXES)
        except BadInput:
            old = read_tree(self.folder, (".xls",)).named("INbreast.xls")
            if old and not read_tree(self.folder, TABLE_SUFFIXES).named(*_TABLE_NAMES):
                raise BadInput(
                    f"'{self.folder}' has its labels in '{old[0]}', an Excel format from before "
                    "2007 that is not read.",
                    hint="Save it as INbreast.xlsx, or put INbreast.csv of the distribution there.",
                ) from None
            raise

    def _remarks(self, aside: Counter[str], unnamed: int) -> tuple[str, ...]:
        remarks = [_READINGS[self.protocol]]
        if aside:
            remarks.append(f"{films(aside.total())} left aside: {by_kind(aside)}.")
        if unnamed:
            remarks.append(f"{films(unnamed, 'image file')} without a row in the table left aside.")
        return tuple(remarks)


@dataclass(frozen=True)
class _Film:
    """A film of the table, whatever becomes of it."""

    image_id: str
    patient_id: str
    laterality: str
    view: str
    birads: str
    density: str | None
    path: str

    @property
    def breast(self) -> tuple[str, str | None]:
        return self.patient_id, self.laterality

    @property
    def left_aside_for(self) -> str:
        return f"BI-RADS {self.birads[0]}" if view_of(self.view) else f"view {self.view}"

    def record(self, protocol: str) -> FilmRecord | None:
        """The film under a protocol, or None where it is left aside."""
        finding, view = FINDINGS[protocol].get(self.birads), view_of(self.view)
        if finding is None or view is None:
            return None
        who = (self.image_id, self.patient_id)
        return FilmRecord(*who, finding, view, self.laterality, self.density, self.path)


def _film_of(row: Row) -> tuple[str, str]:
    return row["film"], f"inbreast-{row['film']}"


def _by_number(paths: Iterable[str]) -> dict[str, list[str]]:
    """Files by the number of their film: those with the distribution's names, and those whose name
    is the number alone. Masks and other files that only begin so are passed over."""
    files: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        name = _base(path)
        if _NAME.fullmatch(name) or _NUMBER.fullmatch(name.split(".", 1)[0]):
            files[name[:8]].append(path)
    return files


def _base(path: str) -> str:
    return PurePosixPath(path).name
