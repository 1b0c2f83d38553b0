"""The table itself as a data set: a folder that `load_dataset` reads and that is uploaded as is.

Each ranking is a configuration of its own with its own file, so that simulated and real films, or
the two protocols, are never read into one table; the study's own rows are one more. A list column
would not be read by datasets 3, so there is none.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.files import sha256_bytes
from mammo_synth.leaderboard import study, words
from mammo_synth.leaderboard.dataset_view_rows import COLUMNS, table_rows
from mammo_synth.leaderboard.markdown import grid, text
from mammo_synth.leaderboard.model import Board, Table

PUBLISHED = "published-2021"
SPLIT = "train"
"""`datasets` gives a table without splits this name; there is nothing to train on."""
_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}
_PUBLISHED_COLUMNS: dict[str, tuple[str, str]] = {
    "configuration": ("string", "what was trained on"),
    **{
        f"printed_{name}_of_normal": ("float64", f"{name} as printed; positive class normal")
        for name in study.PRINTED
    },
    **{
        f"reread_{name}_of_cancer": ("float64", f"{name} of the same films; positive class cancer")
        for name in study.REREAD
    },
    "duplicate_of": ("string", "row that it repeats digit for digit: probably a misprint"),
    "source": ("string", "where it was published"),
}


def files(board: Board) -> dict[str, bytes]:
    """Content by POSIX path in the folder: README.md and one Parquet file for each table."""
    content = {}
    for name, table in configurations(board).items():
        content[f"tables/{name}.parquet"] = _parquet(table_rows(table), COLUMNS)
    content[f"tables/{PUBLISHED}.parquet"] = _parquet(_published(board), _PUBLISHED_COLUMNS)
    return {"README.md": _card(board, content).encode(), **content}


def configurations(board: Board) -> dict[str, Table]:
    """Configuration name → table, in the order of the board; the first is the default.

    ``mias-strict`` and the like; with release and test set where two tables share source and
    protocol.
    """
    short = [_slug(f"{table.source}-{table.protocol}") for table in board.tables]
    found = {}
    for name, table in zip(short, board.tables, strict=True):
        if short.count(name) > 1:
            release = table.release
            name = _slug(f"{name}-{release['version']}-{release['sha256'][:8]}")
            name = f"{name}-{table.test_set.digest[:8]}"
        found[name if name != PUBLISHED else f"{name}-measured"] = table
    return found


def _slug(value: str) -> str:
    """Letters, digits, dots and hyphens alone: a path and a YAML name whatever a record says."""
    return re.sub(r"[^a-z0-9.]+", "-", value.lower())[:80].strip("-.") or "table"


def _published(board: Board) -> list[dict[str, Any]]:
    return [
        {
            "configuration": row.configuration,
            **{
                f"printed_{name}_of_normal": value
                for name, value in zip(study.PRINTED, row.printed_values, strict=True)
            },
            **{
                f"reread_{name}_of_cancer": round(value, 6)
                for name, value in zip(study.REREAD, row.reread_values, strict=True)
            },
            "duplicate_of": row.duplicate_of,
            "source": board.published.source,
        }
        for row in study.rows(board.published)
    ]


def _parquet(rows: list[dict[str, Any]], columns: dict[str, tuple[str, str]]) -> bytes:
    features = {name: {"dtype": kind, "_type": "Value"} for name, (kind, _) in columns.items()}
    info = json.dumps({"info": {"features": features}}, sort_keys=True)
    schema = pa.schema(
        [pa.field(name, _ARROW[kind]) for name, (kind, _) in columns.items()],
        metadata={b"huggingface": info.encode()},
    )
    stream = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, stream, compression="zstd", write_page_index=True)
    return stream.getvalue()


def _card(board: Board, content: dict[str, bytes]) -> str:
    from huggingface_hub import DatasetCardData

    configs: list[dict[str, Any]] = []
    for path, data in content.items():
        name = path.removeprefix("tables/").removesuffix(".parquet")
        configs.append(
            {
                "config_name": name,
                # Without a change in the YAML `datasets` serves the old table from its cache.
                "description": f"sha256 {sha256_bytes(data)[:16]}",
                "data_files": [{"split": SPLIT, "path": path}],
                **({} if len(configs) else {"default": True}),
            }
        )
    simulated = any(table.simulated for table in board.tables)
    study_rules = any(table.protocol == "study" for table in board.tables)
    metadata = DatasetCardData(
        pretty_name="mammo-synth leaderboard",
        language=["en"],
        annotations_creators=["machine-generated"],
        size_categories=["n<1K"],
        configs=configs,
        tags=[
            "leaderboard",
            "mammography",
            "medical",
            *(["phantom"] if simulated else []),
            *(["study-protocol"] if study_rules else []),
        ],
    )
    return f"---\n{metadata.to_yaml()}\n---\n\n{_body(board)}"


def _body(board: Board) -> str:
    names = configurations(board)
    listed = grid(
        ["Configuration", "Table", "Rows", "Films of real_test"],
        [
            [f"`{name}`", text(table.title), f"{len(table_rows(table))}", f"{table.test_set.n:,}"]
            for name, table in names.items()
        ],
        left=2,
    )
    columns = grid(
        ["Column", "What it holds"],
        [[f"`{name}`", text(said)] for name, (_, said) in COLUMNS.items()],
        left=2,
    )
    first = next(iter(names))
    parts = [
        "# Leaderboard of mammo-synth as a data set",
        f"**{words.NOTICE}**",
        f'```python\nfrom datasets import load_dataset\n\ntable = load_dataset("PATH OR ORG/NAME", '
        f'"{first}", split="{SPLIT}")\n```',
        "Each ranking is a configuration of its own: simulated and real films, and the two "
        "protocols, are never ranked together. The split is called `train` because `datasets` "
        "asks for a name; nothing here is to be trained on.",
        listed,
        *([f"**{words.PHANTOM}**"] if any(table.simulated for table in board.tables) else []),
        *(
            words.PROTOCOLS[protocol]
            for protocol in dict.fromkeys(table.protocol for table in board.tables)
            if protocol in words.PROTOCOLS
        ),
        *words.rules(board.resamples),
        "The chance line is the row of kind `chance`. An empty value is undefined or was not "
        "measured; it is never 0.",
        *(f"{text(table.title)}: {words.chance_rule(table)}" for table in board.tables),
        f"`{PUBLISHED}`: {words.PUBLISHED_TITLE}. {text(words.study_source(board.published))} "
        f"{words.reread(board.published)}",
        "## Columns",
        columns,
    ]
    return "\n\n".join(parts) + "\n"
