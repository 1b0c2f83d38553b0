"""Real material for tests, where it is present: never shipped, so tests that need it may skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_path(name: str) -> Path:
    """Path of ``name`` in the folder ``shared`` beside the checkout (or $MAMMO_SYNTH_SHARED).

    Skips the test, saying so, where it is absent.
    """
    folder = Path(os.environ.get("MAMMO_SYNTH_SHARED", ROOT.parent / "shared"))
    path = folder / name
    if not path.exists():
        pytest.skip(f"shared/{name} is not beside this checkout (real films are not shipped)")
    return path
