"""Renders a folder of records once, as the command does, and prints what it took as JSON.

    python benchmarks/speed/board_once.py RESULTS OUT

A script of its own for `board.py`, which imports what makes records: the second process imports
its parent's script again, and both would pay for that.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> None:
    """Render, and print seconds of the processor of both processes, memory, records."""
    from mammo_synth.leaderboard.render import render
    from mammo_synth.leaderboard.verified import verified_by_user

    results, out = map(Path, sys.argv[1:])
    board = render(results, out, full=False, verified=verified_by_user()).board
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    first, second = (one.ru_utime + one.ru_stime for one in used)
    found = {"cpu": first, "helper": second, "mb": max(one.ru_maxrss for one in used) / 1024}
    print(json.dumps({**found, "records": board.records, "verified": board.verified}))


if __name__ == "__main__":
    main()
