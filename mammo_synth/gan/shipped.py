"""The generators that come with the package: small, and trained on phantom films alone."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "generators"
SHIPPED = ("phantom-cancer", "phantom-normal")
"""Names that stand wherever a command takes a generator file."""


def shipped_generator(name: str | Path) -> Path | None:
    """The file of a shipped generator, or ``None`` where ``name`` is none of :data:`SHIPPED`.

    A file or folder of that name in the working directory comes first: it is the user's.
    """
    if str(name) not in SHIPPED or Path(name).exists():
        return None
    return FOLDER / f"{name}.safetensors"
