"""A folder of figures from a RESULTS folder, with an index that shows all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo_synth import __version__
from mammo_synth.bench.figures.cells import Group, read_groups
from mammo_synth.bench.figures.index import Shown, document
from mammo_synth.bench.figures.numbers import Numbers
from mammo_synth.bench.figures.plan import drawings, notes
from mammo_synth.bench.figures.style import FORMATS, to_bytes
from mammo_synth.bench.metrics import RESAMPLES
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_json, write_bytes, write_text
from mammo_synth.manifest import (
    MANIFEST_NAME,
    is_current,
    read_manifest,
    relative_input,
    write_manifest,
)
from mammo_synth.progress import SILENT, Progress
from mammo_synth.step import step_folder

KIND = "figures"
INDEX = "index.html"
DEFAULT_FORMATS = ("png", "svg")
SEED = 0


@dataclass(frozen=True)
class Written:
    """The finished folder: its index, its figures (paths without endings), what is missing, and
    whether it was there already."""

    index: Path
    figures: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: bool


def write_figures(
    results: Path,
    out: Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    configuration: str | None = None,
    classifier: str | None = None,
    resamples: int = RESAMPLES,
    progress: Progress = SILENT,
) -> Written:
    """Draw all figures of ``results`` into the folder ``out``.

    Numbers are computed from the stored predictions. The folder appears whole at the end; a
    drawing that was killed goes on where it was, and a finished folder of the same records is left
    alone. The same records give the same bytes under one version of matplotlib.

    Args:
        results: A RESULTS folder as `bench run` and `bench grid` leave it.
        out: A new or empty folder, or one of figures, which is replaced.
        formats: Some of png, svg, pdf.
        configuration, classifier: Only these; with one configuration nothing stands side by side.
        resamples: Bootstrap resamples behind the intervals.
        progress: Told of every record and figure.

    Raises:
        BadInput: No such record, an unknown format, ``out`` holds something else.
        CheckFailed: Predictions or a test set were changed.
    """
    wanted = _formats(formats)
    _refuse(out)
    groups = read_groups(results, configuration, classifier, progress)
    settings = {
        "formats": list(wanted),
        "configuration": configuration,
        "classifier": classifier,
        "resamples": resamples,
        "matplotlib": _matplotlib_version(),
    }
    paths = sorted(
        path
        for group in groups
        for one in group.classifiers
        for cell in one.cells.values()
        for path in cell.paths
    )
    inputs = tuple(relative_input("file", path, out) for path in paths)
    whole = configuration is None
    every = [Numbers(group, resamples) for group in groups]
    missing = tuple(
        f"{one.group.origin}: {note}" for one in every for note in notes(one, whole=whole)
    )
    if is_current(out, KIND, settings=settings, seed=SEED, inputs=inputs):
        found = read_manifest(out, KIND).facts["figures"]
        return Written(out / INDEX, tuple(found), missing, True)
    digest = sha256_json([settings, [one.sha256 for one in inputs], __version__])
    with step_folder(out, digest, replace=KIND) as work:
        shown = _draw(every, work, wanted, whole, progress)
        write_text(work / INDEX, document(shown, wanted))
        names = [one.path for _, _, figures in shown for one in figures]
        write_manifest(
            work, KIND, settings=settings, seed=SEED, inputs=inputs, facts={"figures": names}
        )
    return Written(out / INDEX, tuple(names), missing, False)


def _draw(
    every: Sequence[Numbers],
    work: Path,
    formats: Sequence[str],
    whole: bool,
    progress: Progress,
) -> list[tuple[Group, list[str], list[Shown]]]:
    planned = [(one, list(drawings(one, whole=whole))) for one in every]
    progress.start("figures", sum(len(figures) for _, figures in planned))
    found = []
    for numbers, figures in planned:
        shown = []
        for one in figures:
            files = [work / f"{one.path}.{form}" for form in formats]
            if not all(path.is_file() for path in files):
                figure = one.draw(one.heading)
                for form, path in zip(formats, files, strict=True):
                    write_bytes(path, to_bytes(figure, form, one.heading.title))
            shown.append(Shown(one.path, one.section, one.heading.title, one.words(), one.wide))
            progress.advance(1, one.path.partition("/")[2])
        found.append((numbers.group, notes(numbers, whole=whole), shown))
    progress.finish()
    return found


def _formats(formats: Sequence[str]) -> tuple[str, ...]:
    for one in formats:
        if one not in FORMATS:
            raise BadInput(f"There is no format '{one}'.", hint=did_you_mean(one, FORMATS))
    if not formats:
        raise BadInput("No format was given.", hint=f"Known: {', '.join(FORMATS)}.")
    return tuple(form for form in FORMATS if form in formats)


def _refuse(out: Path) -> None:
    """A finished result of another kind is never replaced by figures."""
    if (out / MANIFEST_NAME).is_file():
        read_manifest(out, KIND)


def _matplotlib_version() -> str:
    import matplotlib as mpl

    return str(mpl.__version__)
