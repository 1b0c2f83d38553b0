"""The whole way: a RESULTS folder in, a leaderboard folder out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.published import load_published
from mammo_synth.errors import BadInput
from mammo_synth.files import write_bytes, write_json, write_text
from mammo_synth.leaderboard import export, figure, markdown, page
from mammo_synth.leaderboard.board import SEED, build
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import RANKED_ON, Board
from mammo_synth.manifest import MANIFEST_NAME, Input, list_files, relative_input, write_manifest
from mammo_synth.progress import SILENT, Progress

MARKDOWN = "LEADERBOARD.md"
JSON = "leaderboard.json"
PAGE = "index.html"
FIGURE = "leaderboard.png"
FILES = (MARKDOWN, JSON, PAGE, FIGURE)


@dataclass(frozen=True)
class Rendered:
    """What was written: the board, and the paths by file name."""

    board: Board
    files: dict[str, Path]


def read_board(results: Path, progress: Progress = SILENT) -> Board:
    """The board of a RESULTS folder, every record recomputed; nothing is written.

    Raises:
        BadInput: As `mammo_synth.leaderboard.load.load`.
    """
    return build(load(results, progress), load_published(), progress=progress)


def render(results: Path, out: Path, progress: Progress = SILENT) -> Rendered:
    """Write Markdown, JSON, page, figure and manifest of ``results`` to the folder ``out``.

    Args:
        results: A RESULTS folder as `bench run` and `bench grid` leave it.
        out: A new or empty folder, or one that an earlier rendering made.
        progress: Told of records and rows.

    Raises:
        BadInput: As `mammo_synth.leaderboard.load.load`, or ``out`` holds other files.
    """
    _check_out(out)
    board = read_board(results, progress)
    files = {name: out / name for name in FILES}
    write_text(files[MARKDOWN], markdown.document(board))
    write_json(files[JSON], export.document(board))
    write_text(files[PAGE], page.document(board))
    write_bytes(files[FIGURE], figure.png(board))
    write_manifest(
        out,
        "leaderboard",
        settings={"ranked_on": RANKED_ON, "resamples": board.resamples},
        seed=SEED,
        inputs=_inputs(board, results, out),
        facts={"records": board.records, "tables": len(board.tables)},
    )
    return Rendered(board, files)


def _inputs(board: Board, results: Path, out: Path) -> tuple[Input, ...]:
    paths = {run.path for table in board.tables for row in table.rows for run in row.runs}
    return tuple(relative_input("file", results / path, out) for path in sorted(paths))


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
