"""The whole way: a RESULTS folder in, a leaderboard folder out."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from mammo_synth.bench.published import load_published
from mammo_synth.bench.results import record_paths
from mammo_synth.errors import BadInput
from mammo_synth.files import write_bytes, write_json, write_text
from mammo_synth.leaderboard import csv_export, export, figure, markdown, page
from mammo_synth.leaderboard.board import SEED, build
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import RANKED_ON, Board
from mammo_synth.leaderboard.verified import NOTHING, Verified
from mammo_synth.manifest import MANIFEST_NAME, Input, list_files, relative_input, write_manifest
from mammo_synth.processes import worker_pool
from mammo_synth.progress import SILENT, Progress

MARKDOWN = "LEADERBOARD.md"
JSON = "leaderboard.json"
PAGE = "index.html"
PAGE_ES = "index.es.html"
FIGURE = "leaderboard.png"
CSV = csv_export.NAME
FILES = (MARKDOWN, JSON, CSV, PAGE, PAGE_ES, FIGURE)
_MANY = 100
"""From so many records on, a second process does a part of the work."""


@dataclass(frozen=True)
class Rendered:
    """What was written: the board, and the paths by file name."""

    board: Board
    files: dict[str, Path]


def read_board(
    results: Path,
    progress: Progress = SILENT,
    *,
    full: bool | None = None,
    verified: Verified = NOTHING,
    helper: Executor | None = None,
) -> Board:
    """The board of a RESULTS folder, every record recomputed; nothing is written.

    Args:
        results: A RESULTS folder.
        progress: Told of records and rows.
        full, verified: How much of a record is recomputed, see `mammo_synth.leaderboard.load`.
        helper: A pool of one process that resamples half of the rows.

    Raises:
        BadInput: As `mammo_synth.leaderboard.load.load`.
    """
    runs = load(results, progress, full=full, verified=verified)
    return build(runs, load_published(), progress=progress, helper=helper)


def render(
    results: Path,
    out: Path,
    progress: Progress = SILENT,
    *,
    full: bool | None = None,
    verified: Verified = NOTHING,
    records_url: str | None = None,
) -> Rendered:
    """Write Markdown, JSON, CSV, page, figure and manifest of ``results`` to the folder ``out``.

    Args:
        results: A RESULTS folder as `bench run` and `bench grid` leave it.
        out: A new or empty folder, or one that an earlier rendering made.
        progress: Told of records and rows.
        full, verified: How much of a record is recomputed, see `mammo_synth.leaderboard.load`.
        records_url: Address of the files of ``results`` for the links of the pages; None: the way
            from ``out`` to ``results``.

    Raises:
        BadInput: As `mammo_synth.leaderboard.load.load`, or ``out`` holds other files.
    """
    _check_out(out)
    with _helper(results) as helper:
        board = read_board(results, progress, full=full, verified=verified, helper=helper)
        drawing = None if helper is None else helper.submit(figure.png, _slim(board))
        files = {name: out / name for name in FILES}
        write_text(files[MARKDOWN], markdown.document(board))
        write_json(files[JSON], export.document(board))
        write_text(files[CSV], csv_export.document(board))
        records_at = records_url or _address(results, out)
        write_text(files[PAGE], page.document(board, "en", records_at))
        write_text(files[PAGE_ES], page.document(board, "es", records_at))
        write_bytes(files[FIGURE], figure.png(board) if drawing is None else drawing.result())
    write_manifest(
        out,
        "leaderboard",
        settings={
            "ranked_on": RANKED_ON,
            "resamples": board.resamples,
            "records_url": records_url,
        },
        seed=SEED,
        inputs=_inputs(board, results, out),
        facts={
            "records": board.records,
            "verified_in_full": board.verified,
            "tables": len(board.tables),
        },
    )
    return Rendered(board, files)


@contextlib.contextmanager
def _helper(results: Path) -> Iterator[Executor | None]:
    """A second process for large boards, which starts while records are read; None for others."""
    if len(record_paths(results)) < _MANY or (os.cpu_count() or 1) < 2:
        yield None
        return
    with worker_pool(1) as pool:
        pool.submit(_get_ready)
        yield pool


def _get_ready() -> None:
    """Import what the second process needs while the first one reads."""
    for name in ("matplotlib.backends.backend_agg", "matplotlib.figure"):
        importlib.import_module(name)


def _slim(board: Board) -> Board:
    """``board`` without its runs, of which the figure shows nothing: quickly handed over."""
    tables = [
        replace(table, rows=tuple(replace(row, runs=()) for row in table.rows))
        for table in board.tables
    ]
    return replace(board, tables=tuple(tables))


def _inputs(board: Board, results: Path, out: Path) -> tuple[Input, ...]:
    paths = {run.path for table in board.tables for row in table.rows for run in row.runs}
    return tuple(relative_input("file", results / path, out) for path in sorted(paths))


def _address(results: Path, out: Path) -> str | None:
    """The way from a page in ``out`` to the records, for its links; None where there is none."""
    try:
        way = Path(os.path.relpath(results.resolve(), out.resolve()))
    except ValueError:  # two drives
        return None
    return quote(way.as_posix())


def _check_out(out: Path) -> None:
    """The manifest speaks for every file of its folder, so a leaderboard has its own folder."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"'{out}' is a file; a folder was expected.", hint="Choose another --out.")
    others = [name for name in list_files(out) if name not in (*FILES, MANIFEST_NAME)]
    if others:
        raise BadInput(
            f"'{out}' holds other files ({', '.join(others[:3])}"
            f"{', ...' if len(others) > 3 else ''}); a leaderboard has a folder of its own.",
            hint="Choose an empty or new folder as --out.",
        )
