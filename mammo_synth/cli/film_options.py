"""Options that ``films inspect`` and ``films prepare`` share, and what they mean together."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.errors import BadInput

if TYPE_CHECKING:
    from mammo_synth.films.prepare import PrepareSettings
    from mammo_synth.films.record import Source
    from mammo_synth.films.split import SplitSettings

SourceName = Annotated[
    str,
    typer.Argument(
        help="phantom, mini_ddsm, ddsm, cbis_ddsm, mias, inbreast, cdd_cesm, vindr_mammo, rsna or "
        "folder.",
        metavar="SOURCE",
    ),
]
SourcePath = Annotated[
    Path | None, typer.Argument(help="Folder of the films; none for phantom.", metavar="PATH")
]
Protocol = Annotated[
    str, typer.Option(help="strict: cancer is malignant. study: cancer is any tumour.")
]
Split = Annotated[str | None, typer.Option(help="Percent of patients: train,val,real_test.")]
SplitPatients = Annotated[
    str | None, typer.Option(help="Numbers of patients instead: train,val,real_test.")
]
SplitFile = Annotated[
    Path | None, typer.Option(help="A table with patient_id and role instead: a split.csv.")
]
Seed = Annotated[int, typer.Option(help="Seed of the split.")]
Frame = Annotated[
    str | None,
    typer.Option(
        help="breast: cropped to the breast. film: the whole film. Default: breast; film under the "
        "study protocol."
    ),
]
Workers = Annotated[int, typer.Option(help="Processes; 0: one for each core.")]
Table = Annotated[
    Path | None, typer.Option(help="folder, mini_ddsm: CSV, Excel or Parquet of the films.")
]
EachFile = Annotated[
    bool,
    typer.Option(
        "--each-file-a-patient",
        help="folder: class folders without a table, where no two files are of one patient.",
    ),
]
Licence = Annotated[
    str | None, typer.Option(help="folder: licence of the films, such as CC-BY-4.0.")
]
Citation = Annotated[str | None, typer.Option(help="folder: how to cite the films.")]
PassedOn = Annotated[
    bool,
    typer.Option(
        "--may-be-passed-on",
        help="folder: the licence lets the films' pixels be published (else a release holds "
        "references to them).",
    ),
]
ForProcessing = Annotated[
    bool,
    typer.Option("--for-processing", help="Take DICOM images that were not made for reading, too."),
]
Patients = Annotated[int | None, typer.Option(help="phantom: number of simulated patients.")]
FilmSeed = Annotated[int | None, typer.Option(help="phantom: seed of the simulated films.")]
Height = Annotated[int | None, typer.Option(help="phantom: film height in px.")]
Conspicuity = Annotated[float | None, typer.Option(help="phantom: how clearly findings show.")]
CancerShare = Annotated[float | None, typer.Option(help="phantom: share of patients with cancer.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_SPLIT = "60,10,30"
DEFAULT_PATIENTS = 100
_SIMULATED = ("patients", "film_seed", "height", "conspicuity", "cancer_patients")


@dataclass(frozen=True)
class FilmOptions:
    """Which films, and how they are read and split: the options of every command on films."""

    source: SourceName
    path: SourcePath = None
    protocol: Protocol = "strict"
    split: Split = None
    split_patients: SplitPatients = None
    split_file: SplitFile = None
    seed: Seed = 0
    frame: Frame = None
    table: Table = None
    each_file_a_patient: EachFile = False
    licence: Licence = None
    citation: Citation = None
    may_be_passed_on: PassedOn = False
    for_processing: ForProcessing = False
    patients: Patients = None
    film_seed: FilmSeed = None
    height: Height = None
    conspicuity: Conspicuity = None
    cancer_patients: CancerShare = None
    workers: Workers = 0
    as_json: AsJson = False

    @property
    def processes(self) -> int:
        """How many to work with."""
        return self.workers or os.cpu_count() or 1

    def settings(self, size: int, *, strict_files: bool = False) -> PrepareSettings:
        """What determines a prepared set of ``size`` px.

        Raises:
            BadInput: The split is given twice, or a value cannot be.
        """
        from mammo_synth.films.prepare import PrepareSettings

        return PrepareSettings(
            size=size,
            protocol=self.protocol,
            split=self._split_settings(),
            strict_files=strict_files,
            frame=self.frame,
        )

    def open(self, size: int) -> Source:
        """The source that is named; ``size`` is that of the prepared films, in px.

        Raises:
            BadInput: An unknown source, an option that it does not have, or a folder missing.
        """
        from mammo_synth.films.sources import open_source

        options: dict[str, Any] = {
            "table": self.table,
            "each_file_a_patient": self.each_file_a_patient or None,
            "licence": self.licence,
            "citation": self.citation,
            "may_be_passed_on": self.may_be_passed_on or None,
            "for_processing": self.for_processing or None,
        }
        simulated = {name: getattr(self, name) for name in _SIMULATED}
        if self.source == "phantom":
            options |= _phantom(simulated, size)
        else:
            options |= simulated  # to be refused by name
        return open_source(self.source, self.path, options, self.protocol)

    def _split_settings(self) -> SplitSettings:
        from mammo_synth.films.split import parse_shares
        from mammo_synth.films.split_file import read_split

        named = ("split", "split_patients", "split_file")
        given = [f"--{n.replace('_', '-')}" for n in named if getattr(self, n) is not None]
        if len(given) > 1:
            raise BadInput(f"{' and '.join(given)} say the same twice.", hint="Give one of them.")
        if self.split_file is not None:
            return read_split(self.split_file)
        if self.split_patients is not None:
            return parse_shares(self.split_patients, self.seed, "patients")
        return parse_shares(self.split or DEFAULT_SPLIT, self.seed)


def takes_films(command: Callable[..., None]) -> Callable[..., None]:
    """``command(films: FilmOptions, ...)`` as a command whose options are those of `FilmOptions`
    and its own."""
    shared = inspect.signature(FilmOptions, eval_str=True).parameters
    first, *own = inspect.signature(command, eval_str=True).parameters.values()

    @functools.wraps(command)
    def run(**given: Any) -> None:
        films = FilmOptions(**{name: given.pop(name) for name in shared})
        command(**{first.name: films}, **given)

    everything = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared.values())]
    run.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in everything}
    return run


def _phantom(given: dict[str, Any], size: int) -> dict[str, Any]:
    from mammo_synth.films.phantom import PhantomSettings
    from mammo_synth.films.phantom.patients import MAX_HEIGHT

    own = {k: v for k, v in given.items() if v is not None}
    patients, seed = own.pop("patients", DEFAULT_PATIENTS), own.pop("film_seed", 0)
    # The breast is cropped out of the film: a film of the prepared size would be enlarged.
    own.setdefault("height", min(MAX_HEIGHT, size * 3 // 2))
    return {"patients": patients, "seed": seed, "phantom": PhantomSettings(**own)}
