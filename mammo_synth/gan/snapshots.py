"""Generator files and grids that a run leaves on its way, and which of them stay.

The rule: ``snapshots/`` keeps the newest ``keep_snapshots`` generators; the best one by the measure
stands apart as ``best.safetensors``; every sample grid stays. What a killed process wrote after its
last checkpoint is removed, because it is computed again.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = "snapshots"
_GENERATOR = re.compile(r"generator-([0-9]{6,})\.safetensors")
_SAMPLES = re.compile(r"samples-([0-9]{6,})\.png")


def snapshot_path(folder: Path, seen: int) -> Path:
    """Where the generator at image ``seen`` goes: named by its kimg."""
    return folder / FOLDER / f"generator-{seen // 1000:06d}.safetensors"


def samples_path(folder: Path, seen: int) -> Path:
    """Where the sample grid at image ``seen`` goes."""
    return folder / f"samples-{seen // 1000:06d}.png"


def sample_grids(folder: Path) -> list[tuple[int, Path]]:
    """The sample grids of a run: kimg and path, in order."""
    return _numbered(folder, _SAMPLES)


def prune(folder: Path, keep: int) -> None:
    """Remove all snapshots but the newest ``keep``."""
    found = _numbered(folder / FOLDER, _GENERATOR)
    for _, path in found[: max(len(found) - keep, 0)]:
        path.unlink(missing_ok=True)


def drop_beyond(folder: Path, seen: int) -> None:
    """Remove snapshots and grids of later kimg than that of image ``seen``."""
    for kimg, path in _numbered(folder / FOLDER, _GENERATOR) + sample_grids(folder):
        if kimg > seen // 1000:
            path.unlink(missing_ok=True)


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in matches if match)
