"""Finds the files that ship beside the code: recipes, published numbers, the card template."""

from __future__ import annotations

from pathlib import Path

from mammo_synth.errors import BadInput

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as ``"benchmarks/recipes"``.

    A checkout keeps them at the top of the repository; an installed wheel carries a copy
    inside the package.

    Raises:
        BadInput: The installation is incomplete.
    """
    candidates = (_PACKAGE / "_resources" / name, _PACKAGE.parent / name)
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise BadInput(
        f"'{name}' is missing from this installation of mammo-synth.",
        hint="Install the package again.",
    )
