"""``mammo-synth leaderboard export``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammo_synth.cli import console

from .options import Json, RecordsUrl, Results

if TYPE_CHECKING:
    from mammo_synth.leaderboard.model import Board

EPILOG = "Example: mammo-synth leaderboard export results --format space --out space"


@dataclass(frozen=True)
class _Options:
    """What the formats take, as given."""

    results: Path
    out: Path
    dataset_id: str | None
    model_id: str | None
    release: str | None
    classifier: str | None
    config: tuple[str, ...]
    metric: tuple[str, ...]
    source_url: str | None
    records_url: str | None
    replace: bool


@dataclass(frozen=True)
class _Done:
    files: list[Path]
    notes: list[str]


def export(
    results: Results,
    form: Annotated[
        str,
        typer.Option("--format", help="space, dataset, eval-yaml, eval-results or model-index."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    dataset_id: Annotated[
        str | None, typer.Option(help="Data set of the release on the Hub, ORG/NAME.")
    ] = None,
    model_id: Annotated[
        str | None, typer.Option(help="Repository of the classifier on the Hub, ORG/NAME.")
    ] = None,
    release: Annotated[
        str | None, typer.Option(help="Its folder in RESULTS, where there are several releases.")
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="Classifier, as the table calls it, where there are several.")
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option(help="Only this configuration; may be repeated.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric that is a task of the Hub; may be repeated."),
    ] = None,
    source_url: Annotated[
        str | None, typer.Option(help="Where a result links to: the board or the records.")
    ] = None,
    records_url: RecordsUrl = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace single files of other content.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the board in a form of the Hub; nothing is sent.

    space is a static Space and dataset the table for load_dataset: folders that are uploaded as
    they stand. eval-yaml goes into the data set's repository; eval-results and model-index into
    that of a model. Every number is recomputed from predictions first.
    """
    from mammo_synth.errors import BadInput, did_you_mean
    from mammo_synth.leaderboard.records_url import check_records_url
    from mammo_synth.leaderboard.render import read_board
    from mammo_synth.leaderboard.verified import verified_by_user

    if form not in _FORMATS:
        raise BadInput(f"There is no format '{form}'.", hint=did_you_mean(form, _FORMATS))
    options = _Options(
        results=results,
        out=out,
        dataset_id=_checked("--dataset-id", dataset_id, needed=form in _ON_HUB),
        model_id=_checked("--model-id", model_id, needed=form == "model-index"),
        release=release,
        classifier=classifier,
        config=tuple(config or ()),
        metric=tuple(metric or ()),
        source_url=_checked_link("--source-url", source_url),
        records_url=check_records_url(records_url),
        replace=replace,
    )
    board = read_board(results, console.ConsoleProgress(), verified=verified_by_user())
    done = _FORMATS[form](board, options)
    if json:
        files = [str(path) for path in done.files]
        console.print_json({"format": form, "files": files, "notes": done.notes})
        return
    for note in done.notes:
        console.out().print(note, markup=False)
    console.out().print(f"Written: {', '.join(map(str, done.files))}", markup=False)


def _space(board: Board, options: _Options) -> _Done:
    from mammo_synth.leaderboard import export_files, space
    from mammo_synth.leaderboard.records_url import records_url_notes

    files = space.files(board, options.dataset_id, options.records_url)
    settings = {
        "dataset_id": options.dataset_id,
        "records_url": options.records_url,
        "resamples": board.resamples,
    }
    place = (options.out, "leaderboard-space")
    written = export_files.write_folder(*place, files, board, options.results, settings)
    notes = ["Upload the folder as it stands to a repository of type space."]
    return _Done(written, notes + records_url_notes(board, options.records_url))


def _dataset(board: Board, options: _Options) -> _Done:
    from mammo_synth.leaderboard import dataset_view, export_files

    files = dataset_view.files(board)
    settings = {"resamples": board.resamples}
    place = (options.out, "leaderboard-dataset")
    written = export_files.write_folder(*place, files, board, options.results, settings)
    names = ", ".join([*dataset_view.configurations(board), dataset_view.PUBLISHED])
    return _Done(written, [f"Configurations: {names}."])


def _eval_yaml(board: Board, options: _Options) -> _Done:
    from mammo_synth.leaderboard import export_files, hub_export

    table = hub_export.choose_table(board, options.release)
    metrics = hub_export.check_metrics(options.metric)
    files = {hub_export.EVAL_YAML: hub_export.eval_yaml(table, metrics).encode()}
    written = export_files.write_files(options.out, files, replace=options.replace)
    return _Done(written, [hub_export.FRAMEWORK_NOTE])


def _eval_results(board: Board, options: _Options) -> _Done:
    from mammo_synth.leaderboard import export_files, hub_export

    table = hub_export.choose_table(board, options.release)
    rows = hub_export.choose_series(table, options.classifier, options.config)
    metrics = hub_export.check_metrics(options.metric)
    texts = hub_export.eval_results(
        table, rows, str(options.dataset_id), metrics=metrics, source_url=options.source_url
    )
    files = {path: text.encode() for path, text in texts.items()}
    written = export_files.write_files(options.out, files, replace=options.replace)
    return _Done(written, hub_export.undefined(rows, metrics))


def _model_index(board: Board, options: _Options) -> _Done:
    from mammo_synth.leaderboard import export_files, hub_export
    from mammo_synth.leaderboard.hub_export_card import model_card
    from mammo_synth.leaderboard.model import METRICS

    table = hub_export.choose_table(board, options.release)
    rows = hub_export.choose_series(table, options.classifier, options.config)
    ids = (str(options.dataset_id), str(options.model_id))
    card = model_card(table, rows, *ids, source_url=options.source_url)
    files = {hub_export.README: card.encode()}
    written = export_files.write_files(options.out, files, replace=options.replace)
    return _Done(written, hub_export.undefined(rows, METRICS))


_FORMATS: dict[str, Callable[[Board, _Options], _Done]] = {
    "space": _space,
    "dataset": _dataset,
    "eval-yaml": _eval_yaml,
    "eval-results": _eval_results,
    "model-index": _model_index,
}
_ON_HUB = ("eval-results", "model-index")


def _checked(option: str, name: str | None, *, needed: bool) -> str | None:
    """A name on the Hub, ORG/NAME."""
    from huggingface_hub import HfApi

    from mammo_synth.errors import BadInput
    from mammo_synth.release.hub import Repository

    if name is not None:
        return Repository.named(HfApi(), name).name
    if needed:
        raise BadInput(f"The format needs {option} ORG/NAME.", hint=f"Add {option}.")
    return None


def _checked_link(option: str, link: str | None) -> str | None:
    from mammo_synth.errors import BadInput
    from mammo_synth.leaderboard.submission import CODE, problem_of

    problem = problem_of(CODE, link) if link is not None else None
    if problem is not None:
        raise BadInput(f"The link of {option} {problem}.", hint="Copy it from the browser.")
    return link
