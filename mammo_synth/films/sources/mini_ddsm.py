"""Mini-DDSM (Lekamlage et al. 2020): an export of DDSM with one spreadsheet, as 16-bit PNG or JPEG.

Layout: folders ``Benign``, ``Cancer`` and ``Normal`` with one folder a case (``Cancer/1932/``), in
it films (``A_1932_1.LEFT_CC.png``), their masks (``A_1932_1.LEFT_CC_Mask.png``, ``_Mask2``)
and often DDSM's own ``.ics`` and ``.OVERLAY`` files; and one table, ``DataWMask.xlsx`` or
``Data-MoreThanTwoMasks.xlsx`` (or a CSV saved from it), with ``fullPath``
(``Cancer\\1932\\A_1932_1.LEFT_CC.jpg``), ``fileName``, ``View``, ``Side``, ``Status``,
``Tumour_Contour`` up to ``Tumour_Contour6`` (``-`` where there is none), ``Age`` and ``Density``.
Rows and films are matched by the film's name; the extension may differ. Of a film that is there as
PNG and as JPEG see `ddsm_case.one_format`.

``Status`` is the case's. ``strict``: a film of a Normal case is normal; a film with a contour has
the finding of its .OVERLAY file where there is one, else that of its case; a film without a contour
in a Cancer or Benign case is left aside: it is the other breast of a patient with a lesion, or a
view in which the lesion does not show. ``study``: as the 2021 study did, every film of the folders
Cancer and Benign is a tumour film.

Confirmed from code that reads the data: the folders, names, columns and values above, the masks'
names, ``-``, and that .ics and .OVERLAY files are there.

Assumed: letter and number in a film's name (``A_1932``) are DDSM's name of the case, and a case is
one patient; the number alone may come twice, from two hospitals. Where a case lies in two of the
folders it stays one patient. A row that contradicts the film's name or its folder is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.record import (
    FilmRecord,
    Listing,
    Refused,
    Terms,
    check_protocol,
)
from mammo_synth.films.sources.ddsm_case import (
    SHARED_PATIENTS,
    marked_finding,
    one_format,
    parse_overlay,
    wrong_folder,
)
from mammo_synth.films.sources.label_table import films, listed
from mammo_synth.films.sources.mini_ddsm_files import (
    FORMAT_ORDER,
    SUFFIXES,
    TABLE_SUFFIXES,
    MiniDdsmFiles,
)
from mammo_synth.films.sources.mini_ddsm_rows import (
    CASE_FOLDER,
    STATUSES,
    FilmRow,
    doubled,
    read_rows,
)
from mammo_synth.films.sources.on_disk import DiskSource, safe_id
from mammo_synth.films.tree import Tree, read_tree

TERMS = Terms(
    licence="as stated where it was downloaded; DDSM, which it is made from, states none",
    licence_id="unknown",
    citation=(
        "Lekamlage, C. D., Afzal, F., Westerberg, E., Cheddad, A. (2020). Mini-DDSM: "
        "Mammography-based Automatic Age Estimation. 3rd International Conference on Digital "
        "Medicine and Image Processing (DMIP 2020), ACM, Kyoto. Heath, M. et al. (2001). The "
        "Digital Database for Screening Mammography. Proceedings of the Fifth International "
        "Workshop on Digital Mammography, 212-218, Medical Physics Publishing."
    ),
    redistributable=False,
    simulated=False,
)


@dataclass(frozen=True)
class MiniDdsmSource(DiskSource):
    """The Mini-DDSM films below ``folder``.

    ``protocol``: who decides the finding, see above. ``table``: the spreadsheet, where the folder
    does not hold exactly one.
    """

    protocol: str = "strict"
    table: Path | None = None

    def __post_init__(self) -> None:
        check_protocol(self.protocol)

    @property
    def name(self) -> str:
        """``mini_ddsm``."""
        return "mini_ddsm"

    @property
    def terms(self) -> Terms:
        """Not redistributable."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Digests of the table and of the .OVERLAY files, and what decides the findings."""
        tree = read_tree(self.folder, SUFFIXES)
        table = self._table(tree)
        return {
            "source": self.name,
            "label_protocol": self.protocol,
            "table_sha256": sha256_file(table),
            "overlays_sha256": MiniDdsmFiles(tree, self._status_of_folder()).overlays.digest(),
        }

    def list(self) -> Listing:
        """All films of the table, with the findings of their contours (strict) or of their cases
        (study).

        Raises:
            BadInput: No folder, not one table, a column missing, or no film that can be used.
        """
        tree = read_tree(self.folder, SUFFIXES)
        table = self._table(tree)
        found = MiniDdsmFiles(tree, self._status_of_folder())
        if not found.films:
            raise BadInput(
                f"'{self.folder}' has no films in folders {', '.join(STATUSES)} with a folder for "
                "each case.",
                hint="Give the folder that holds Benign, Cancer and Normal.",
            )
        rows, refused = read_rows(table)
        records: list[FilmRecord] = []
        remarks = _Remarks(self.protocol, Counter())
        chosen, formats = one_format(found.films, FORMAT_ORDER)
        for stem in sorted(rows):
            said = rows[stem]
            try:
                remarks.counts["doubled"] += doubled(said)
                record = self._record(found, said[0], chosen.get(stem, ()), remarks)
            except BadInput as error:
                refused.append(Refused(stem, f"line {said[0].line}: {error.message}"))
                continue
            if record is not None:
                records.append(record)
        if not records:
            raise _nothing(table, refused, remarks)
        unnamed = sorted(found.films.keys() - rows.keys())
        told = (*remarks.sentences(), *formats, *found.remarks(unnamed))
        return Listing(tuple(records), told, (*refused, *tree.refused))

    def _table(self, tree: Tree) -> Path:
        if self.table is not None:
            if not self.table.is_file():
                raise BadInput(f"There is no table '{self.table}'.", hint="Check the path.")
            return self.table
        tables = [
            path
            for path in tree.ending(*TABLE_SUFFIXES)
            if not PurePosixPath(path).name.startswith("~$")  # a table that is open in Excel
        ]
        if len(tables) == 1:
            return self.folder / tables[0]
        if tables:
            raise BadInput(
                f"'{self.folder}' holds {len(tables)} tables: {listed(tables)}. One was expected, "
                "and nothing says which of them is right.",
                hint="Name the one to use with --table.",
            )
        raise BadInput(
            f"'{self.folder}' holds no table; Mini-DDSM's DataWMask.xlsx was expected.",
            hint="Copy the spreadsheet to the films, or name it with --table.",
        )

    def _status_of_folder(self) -> str | None:
        name = self.folder.resolve().name.lower()
        return name if name in STATUSES else None

    def _record(
        self, found: MiniDdsmFiles, row: FilmRow, paths: Sequence[str], remarks: _Remarks
    ) -> FilmRecord | None:
        """The film's record, or None where it is left aside.

        Raises:
            BadInput: It cannot be used; the message is the reason.
        """
        name = row.name
        folders = found.statuses.get(name.stem, set())
        if not folders:
            raise BadInput("there is no such film")
        if folders != {row.status}:
            lies = " and ".join(sorted(folders))
            raise BadInput(f"its Status is {row.status}, but it lies in the folder {lies}")
        if len(paths) > 1:
            raise BadInput(f"it has {len(paths)} files of one format: {listed(paths)}")
        if (folder := wrong_folder([Path(paths[0]).parent.name], name, CASE_FOLDER)) is not None:
            raise BadInput(f"it lies in '{folder}', the folder of another case")
        if name.view is None:
            remarks.counts["other"] += 1
            return None
        finding = STATUSES[row.status]
        if self.protocol == "strict":
            strict = _strict(found, row, finding, remarks)
            if strict is None:
                return None
            finding = strict
        return FilmRecord(
            image_id=safe_id(f"mini_ddsm-{name.stem.replace('.', '_')}", "The film"),
            patient_id=f"mini_ddsm-{name.case}",
            finding=finding,
            view=name.view,
            laterality=name.laterality,
            density=row.density,
            locator=paths[0],
        )


def _strict(found: MiniDdsmFiles, row: FilmRow, by_case: str, remarks: _Remarks) -> str | None:
    """The finding of the film itself, or None where nothing says it."""
    overlay = found.overlays.read(row.name.stem)
    mark = "a mask" if row.name.stem in found.masked else "an .OVERLAY file" if overlay else None
    if row.status == "normal":
        if row.contoured or mark:
            has = "the table names a contour" if row.contoured else f"it has {mark}"
            raise BadInput(f"its Status is normal, but {has}")
        return "normal"
    if not row.contoured:
        if mark:
            raise BadInput(f"the table names no contour, but it has {mark}")
        remarks.counts[f"unmarked {row.status}"] += 1
        return None
    if overlay is None:
        remarks.counts[f"by case {by_case}"] += 1
        return by_case
    finding = marked_finding(parse_overlay(overlay))
    if finding == "malignant" and row.status != "cancer":
        raise BadInput(f"its Status is {row.status}, but its .OVERLAY file says MALIGNANT")
    if finding is None:
        remarks.counts["unproven"] += 1
    return finding


@dataclass(frozen=True)
class _Remarks:
    """Counts of what was left aside or needs a word, and the sentences that say so."""

    protocol: str
    counts: Counter[str]

    def sentences(self) -> list[str]:
        """What a user of these films must know."""
        told = [SHARED_PATIENTS]
        if self.protocol == "study":
            told.append(
                "Study protocol: every film of the folders Cancer and Benign is a tumour film, "
                "also the healthy breast; normal is the folder Normal."
            )
        for status in ("cancer", "benign"):
            if n := self.counts[f"unmarked {status}"]:
                told.append(
                    f"{films(n)} without a contour in {status} cases left aside: the other breast, "
                    "or a view in which the lesion does not show, is no normal screening film."
                )
        if n := self.counts["by case malignant"]:
            told.append(
                f"{films(n)} taken as malignant because of a contour in a cancer case: no .OVERLAY "
                "file says which of the contours of such a case is the cancer."
            )
        if n := self.counts["unproven"]:
            told.append(f"{films(n)} left aside: what is marked on them is UNPROVEN.")
        if n := self.counts["other"]:
            told.append(f"{films(n)} of other projections than CC and MLO left aside.")
        if n := self.counts["doubled"]:
            told.append(f"{films(n, 'row')} repeat another row, passed over.")
        return told


def _nothing(table: Path, refused: Sequence[Refused], remarks: _Remarks) -> BadInput:
    reasons = "; ".join(f"{r.film}: {r.reason}" for r in refused[:3])
    aside = sum(n for key, n in remarks.counts.items() if key != "doubled")
    return BadInput(
        f"'{table}' names no film that can be used: {len(refused)} refused"
        f"{f' ({reasons})' if reasons else ''}, {aside} left aside.",
        hint="Give the folder that holds Benign, Cancer and Normal, with its own table.",
    )
