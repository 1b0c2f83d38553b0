"""From the rows of a label table to films: a row that cannot be used is refused with its line, a
film that stands in the table twice is found out, and the rest goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from mammo_synth.errors import BadInput
from mammo_synth.films.record import FilmRecord, Listing, Refused
from mammo_synth.films.tables import Row, same_name
from mammo_synth.films.tree import read_tree

MAX_SHOWN = 80  # characters of a user's text in a message
DICOM_SUFFIXES = (".dcm", ".dicom")

Said = TypeVar("Said")
"""What a source makes of a row."""


class LabelledFilms:
    """The films of one label table while its rows are read, and what was refused."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self._films: dict[str, tuple[FilmRecord, int]] = {}
        self._contested: dict[str, str] = {}  # image_id → why none of its rows is believed
        self._refused: list[Refused] = []
        self._named: set[str] = set()

    def read(
        self,
        rows: Iterable[Row],
        understand: Callable[[Row], Said],
        film_of: Callable[[Row], tuple[str, str]],
    ) -> Iterator[tuple[int, Said]]:
        """The line of each row, and what ``understand`` makes of it. A row for which that raises
        BadInput is refused, and no other row of its film is believed.

        Args:
            rows: Of the table.
            understand: Reads a row.
            film_of: What a row calls its film (a name for the user), and the film's image_id.
        """
        for row in rows:
            name, image_id = film_of(row)
            self._named.add(name)
            try:
                said = understand(row)
            except BadInput as error:
                self.refuse(name, row.line, error.message, image_id)
            else:
                yield row.line, said

    def without_row(self, files: Mapping[str, Collection[str]]) -> int:
        """How many of the ``files``, by their film's name, are of films that no row names."""
        return sum(len(paths) for name, paths in files.items() if name not in self._named)

    def add(self, record: FilmRecord, line: int) -> None:
        """Take a film of row ``line``. A second row that says the same is refused; where two rows
        say different things (finding, patient, ...), no row of that film is believed."""
        image_id, name = record.image_id, record.locator
        if image_id in self._contested:
            self.refuse(name, line, self._contested[image_id])
            return
        first, first_line = self._films.setdefault(image_id, (record, line))
        if first_line == line:
            return
        if first == record:
            self.refuse(name, line, f"the film stands in the table twice (line {first_line})")
            return
        differs = ", ".join(
            f"{field} {getattr(first, field)} or {getattr(record, field)}"
            for field in ("finding", "patient_id", "view", "laterality", "density")
            if getattr(first, field) != getattr(record, field)
        )
        self._contested[image_id] = f"earlier rows contradict each other on this film ({differs})"
        self.withdraw([image_id], f"line {line} says something else of this film ({differs})")
        self.refuse(name, line, f"line {first_line} says something else of this film ({differs})")

    def refuse(self, film: str, line: int, reason: str, image_id: str = "") -> None:
        """Leave out what row ``line`` names, and say why. With its ``image_id``, other rows of that
        film are not believed either: this one may say the contrary."""
        why = f"line {line}: {printable(reason)}"
        self._refused.append(Refused(shown(film) or f"line {line}", why))
        if image_id:
            self._contested.setdefault(image_id, f"line {line} of this film cannot be used")
            self.withdraw([image_id], self._contested[image_id])

    def withdraw(self, image_ids: Iterable[str], reason: str) -> None:
        """Refuse films that were taken; those that are not there are passed over."""
        for image_id in image_ids:
            if image_id in self._films:
                record, line = self._films.pop(image_id)
                self.refuse(record.locator, line, reason)

    def withdraw_torn(
        self, breasts: Mapping[tuple[str, str], Collection[str]], scale: str = ""
    ) -> None:
        """Refuse the films of breasts whose rows contradict each other.

        Args:
            breasts: patient_id and laterality → all that the rows of this breast say.
            scale: Of what they say, such as ``BI-RADS``.
        """
        for record in self.records:
            said = sorted(breasts.get((record.patient_id, record.laterality or ""), ()))
            if len(said) > 1:
                words = " ".join(filter(None, ("the rows of this breast say", scale)))
                self.withdraw([record.image_id], f"{words} {' and '.join(said)}")

    @property
    def records(self) -> list[FilmRecord]:
        """The films so far, sorted by image_id."""
        return [self._films[image_id][0] for image_id in sorted(self._films)]

    def listing(
        self, remarks: Sequence[str], refused: Iterable[Refused] = (), *, aside: int = 0
    ) -> Listing:
        """What the table gave.

        Args:
            remarks: Sentences for the user.
            refused: What else was refused, such as files whose name cannot be read.
            aside: How many of the table's films were left aside on purpose.

        Raises:
            BadInput: Not one film can be used; the message shows the first reasons.
        """
        records = self.records
        if not records:
            raise self._nothing(aside)
        return Listing(tuple(records), tuple(remarks), (*self._refused, *refused))

    def _nothing(self, aside: int) -> BadInput:
        if not self._refused and not aside:
            return BadInput(
                f"'{self.table}' has a header but no films.", hint="Add a row for each film."
            )
        reasons = "; ".join(f"{r.film}: {r.reason}" for r in self._refused[:3])
        refused = f"{len(self._refused)} refused" + (f" ({reasons})" if reasons else "")
        return BadInput(
            f"'{self.table}' names no film that can be used: {refused}, {aside} left aside.",
            hint="Check that the films are there, and that the table is theirs.",
        )


def find_table(folder: Path, stem: str, suffixes: Sequence[str]) -> Path:
    """The label table below ``folder``: in the folder itself before anywhere deeper, and by the
    order of ``suffixes``; case, spaces and underscores of its name are nothing.

    Raises:
        BadInput: There is none, or two of one kind below the folder.
    """
    for names in _places(folder, suffixes):
        tables = [
            name
            for name in names
            if same_name(PurePosixPath(name).stem) == same_name(stem)
            and not PurePosixPath(name).name.startswith((".", "~"))  # "~$...": open in Excel
        ]
        for suffix in suffixes:
            found = [name for name in tables if name.lower().endswith(suffix)]
            if len(found) > 1:
                raise BadInput(
                    f"'{folder}' has {len(found)} label tables: {listed(found)}.",
                    hint="Give the folder that holds one of them.",
                )
            if found:
                return folder / found[0]
    raise BadInput(
        f"'{folder}' has no '{stem}{suffixes[0]}'; the labels of this source were expected there.",
        hint="Copy the table beside the films, under the name it is published with.",
    )


def _places(folder: Path, suffixes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names of files in the folder itself, then below it: a table in the folder saves the walk."""
    if folder.is_dir():
        yield sorted(p.name for p in folder.iterdir() if p.name.isprintable() and p.is_file())
    yield read_tree(folder, suffixes).files


def one_file(paths: Sequence[str], expected: str) -> str:
    """The file of a film: a DICOM file before a conversion of it.

    Raises:
        BadInput: There is none, or there are two of one kind.
    """
    dicom = [path for path in paths if path.lower().endswith(DICOM_SUFFIXES)]
    found = dicom or list(paths)
    if not found:
        raise BadInput(f"there is no file '{expected}'")
    if len(found) > 1:
        raise BadInput(f"it has {len(found)} files: {listed(found)}")
    return found[0]


def shown(text: str) -> str:
    """A user's text as it can stand in a message: short, and printable."""
    return printable(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


def printable(text: str) -> str:
    """``text`` without control characters and half characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def films(number: int, what: str = "film") -> str:
    """``1 film``, ``2 films``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def by_kind(counts: Counter[str]) -> str:
    """``AT 19, ML 8``: a count of each kind, most frequent first."""
    return ", ".join(f"{kind} {n:,}" for kind, n in sorted(counts.items(), key=lambda i: -i[1]))


def of_other_views(counts: Counter[str]) -> list[str]:
    """The remark on films of other projections that were left aside; none where there are none."""
    if not counts:
        return []
    return [f"{films(counts.total())} of other projections ({by_kind(counts)}) left aside."]


def density_letter(text: str) -> str | None:
    """``A`` to ``D`` where a density is given so (``C``, ``DENSITY C``), else None."""
    words = text.upper().split()
    return words[-1] if words and words[-1] in ("A", "B", "C", "D") else None
