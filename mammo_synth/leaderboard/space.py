"""A static Space of the Hub: the page with its card, a folder that is uploaded as it stands."""

from __future__ import annotations

import json

from mammo_synth.leaderboard import csv_export, export, page, words
from mammo_synth.leaderboard.markdown import text
from mammo_synth.leaderboard.model import Board

README = "README.md"
PAGE = "index.html"
PAGES = {"en": PAGE, "es": "index.es.html"}
"""The page by language; each links to the other."""
TITLE = "mammo-synth leaderboard"


def files(
    board: Board, dataset_id: str | None = None, records_at: str | None = None
) -> dict[str, bytes]:
    """Content by path in the folder: card, the page in each language, the numbers for programs.

    Args:
        board: What the page shows.
        dataset_id: As `card` takes it.
        records_at: Where the results folder lies, as `page.document` takes it.
    """
    numbers = json.dumps(export.document(board), indent=2, sort_keys=True, ensure_ascii=False)
    return {
        README: card(board, dataset_id).encode(),
        **{
            name: page.document(board, language, records_at).encode()
            for language, name in PAGES.items()
        },
        "leaderboard.json": (numbers + "\n").encode(),
        csv_export.NAME: csv_export.document(board).encode(),
    }


def card(board: Board, dataset_id: str | None = None) -> str:
    """README.md of the Space: its settings for the Hub, and what the page shows.

    Args:
        board: The board of the page.
        dataset_id: Data set of the films on the Hub, ORG/NAME, to link to.
    """
    from huggingface_hub import SpaceCardData

    simulated = any(table.simulated for table in board.tables)
    metadata = SpaceCardData(
        title=TITLE,
        sdk="static",
        app_file=PAGE,
        datasets=[dataset_id] if dataset_id else None,
        tags=["leaderboard", "mammography", "medical", *(["phantom"] if simulated else [])],
        emoji="📊",
        colorFrom="blue",
        colorTo="gray",
        pinned=False,
        short_description="Classifiers trained on synthetic mammograms, ranked",
    )
    parts = [
        f"# {TITLE}",
        f"**{words.NOTICE}**",
        "One page without network: classifiers ranked on the same held-out films "
        f"({words.POSITIVE}), with intervals, ties, the chance line and every run's settings.",
        *(f"- {text(table.title)}: {text(words.test_set(table))}" for table in board.tables),
        *([f"**{words.PHANTOM}**"] if simulated else []),
        *([words.STUDY_PROTOCOL] if any(t.protocol == "study" for t in board.tables) else []),
    ]
    return f"---\n{metadata.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"
