"""Options that ``films inspect`` and ``films prepare`` share, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.errors import BadInput

if TYPE_CHECKING:
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


def choose_split(
    shares: str | None, patients: str | None, file: Path | None, seed: int
) -> SplitSettings:
    """The split that the options ask for.

    Raises:
        BadInput: More than one of them, or a value that cannot be.
    """
    from mammo_synth.films.split import parse_shares
    from mammo_synth.films.split_file import read_split

    given = [
        name
        for name, value in (
            ("--split", shares),
            ("--split-patients", patients),
            ("--split-file", file),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} say the same twice.", hint="Give one of them.")
    if file is not None:
        return read_split(file)
    if patients is not None:
        return parse_shares(patients, seed, "patients")
    return parse_shares(shares or DEFAULT_SPLIT, seed)


def choose_source(
    name: str,
    path: Path | None,
    protocol: str,
    size: int,
    *,
    table: Path | None,
    each_file: bool,
    for_processing: bool,
    patients: int | None,
    film_seed: int | None,
    height: int | None,
    conspicuity: float | None,
    cancer_patients: float | None,
) -> Source:
    """The source that the arguments name; ``size`` is that of the prepared films, in px.

    Raises:
        BadInput: An unknown source, an option that it does not have, or a folder missing.
    """
    from mammo_synth.films.sources import open_source

    options: dict[str, Any] = {
        "table": table,
        "each_file_a_patient": each_file or None,
        "for_processing": for_processing or None,
    }
    simulated = {
        "patients": patients,
        "film_seed": film_seed,
        "height": height,
        "conspicuity": conspicuity,
        "cancer_patients": cancer_patients,
    }
    if name == "phantom":
        options |= _phantom(simulated, size)
    else:
        options |= simulated  # to be refused by name
    return open_source(name, path, options, protocol)


def _phantom(given: dict[str, Any], size: int) -> dict[str, Any]:
    from mammo_synth.films.phantom import PhantomSettings
    from mammo_synth.films.phantom.patients import MAX_HEIGHT

    own = {k: v for k, v in given.items() if v is not None}
    patients, seed = own.pop("patients", DEFAULT_PATIENTS), own.pop("film_seed", 0)
    # The breast is cropped out of the film: a film of the prepared size would be enlarged.
    own.setdefault("height", min(MAX_HEIGHT, size * 3 // 2))
    return {"patients": patients, "seed": seed, "phantom": PhantomSettings(**own)}
