"""mammo-synth: synthetic mammograms, nine data sets, a benchmark and a leaderboard.

Importing the package is cheap: no deep learning library is loaded until a room that needs
it is entered. Synthetic films are for research and teaching, never for diagnosis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mammo_synth.load import load_dataset

__version__ = "0.1.0"
__all__ = ["__version__", "load_dataset"]


def __getattr__(name: str) -> Any:
    """Public functions, imported when they are first asked for."""
    if name == "load_dataset":
        from mammo_synth.load import load_dataset

        return load_dataset
    raise AttributeError(f"module 'mammo_synth' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
