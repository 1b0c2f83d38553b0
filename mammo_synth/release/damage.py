"""Finds the damaged rows of a shard whose digest is wrong, in a process of its own.

Reading a Parquet file whose footer is damaged can end the process that reads it, not only raise. So
the checks of single rows run in a child here, and what it said before its end counts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release

_SECONDS = 600
MOST_ROWS = 5
"""Rows that are named for one shard."""


def damaged_rows(release: Release, path: str) -> list[str]:
    """Sentences about what is wrong with single rows of a damaged shard; may be empty.

    A change in a column that nothing else in the release repeats (a view, say) shows in no row.
    """
    command = [sys.executable, "-m", "mammo_synth.release.damage", str(release.folder), path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return []
    lines = done.stdout.decode(errors="replace").splitlines()
    return [line for line in lines if line.startswith(path)][:MOST_ROWS]


def _main(folder: str, path: str) -> None:
    from mammo_synth.release.verify_rows import Lines, check_shard

    release = Release.open(Path(folder))
    entry = next(one for one in release.manifest.facts["shards"] if one["path"] == path)
    lines = Lines(strict=False)
    lines.begin(entry)
    for problem in check_shard(release, entry, lines, None, SILENT):
        sys.stdout.write(" ".join(problem.split()) + "\n")
        sys.stdout.flush()  # the next row may end this process


if __name__ == "__main__":
    _main(*sys.argv[1:])
