"""How many planted copies of training films `assess_privacy` finds, and how many false alarms.

    python benchmarks/quality/planted_copies.py PREPARED [--out FILE] [--most 100] [--limit 0.75]

The films of a prepared set are split by patient into three groups: training films, held-out films
and others. The pool is made of the others, and of copies of training films, altered in every way of
`alterations.ALTERATIONS`. The groups change places twice, so that every film is copied once. A copy
is found where it is reported as a copy of the film that it is one of. The others are altered in the
same ways: where one of these is reported, that is a false alarm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from alterations import ALTERATIONS
from common import Films, Images, arguments, by_patient, films_of, finish

from mammo_synth.quality.privacy.gate import GateSettings
from mammo_synth.quality.privacy.report import PrivacyReport, assess_privacy


def altered(films: Films, name: str, random: np.random.Generator) -> Images:
    """All of them."""
    return np.stack([ALTERATIONS[name](film, random) for film in films.pixels])


def rotation(
    training: Films, held_out: Films, others: Films, most: int, limit: float, seed: int
) -> tuple[PrivacyReport, dict[str, list[str | None]]]:
    """A report, and by alteration what the images of the pool are copies of, in the pool's order
    (None: of no training film)."""
    random = np.random.default_rng(seed)
    copied = training.of(np.sort(random.permutation(len(training))[:most]))
    beside = others.of(np.sort(random.permutation(len(others))[:most]))
    parts, truth = [], {}
    for name in ALTERATIONS:
        parts += [altered(copied, name, random), altered(beside, name, random)]
        truth[name] = [*copied.ids, *(None for _ in beside.ids)]
    report = assess_privacy(
        np.concatenate(parts), training.as_set(), held_out.as_set(), {},
        settings=GateSettings(near_copy=limit),
    )  # fmt: skip
    return report, truth


def counted(report: PrivacyReport, truth: dict[str, list[str | None]]) -> dict[str, dict[str, Any]]:
    """By alteration: copies, found, found as exact ones, others, false alarms."""
    reported = {pair.image: pair for pair in report.copies}
    table: dict[str, dict[str, Any]] = {}
    at = 0
    for name, films in truth.items():
        row = {"copies": 0, "found": 0, "exact": 0, "others": 0, "false_alarms": 0}
        for place, film in enumerate(films, start=at):
            pair = reported.get(place)
            if film is None:
                row["others"] += 1
                row["false_alarms"] += pair is not None
            else:
                row["copies"] += 1
                right = pair is not None and pair.film_id == film
                row["found"] += right
                row["exact"] += right and pair is not None and pair.copy == "exact"
        at += len(films)
        table[name] = row
    return table


def added(tables: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Sums over rotations."""
    return {
        name: {key: sum(table[name][key] for table in tables) for key in tables[0][name]}
        for name in tables[0]
    }


def planted(folder: Path, most: int, limit: float) -> dict[str, Any]:
    """The table of one prepared set."""
    films, prepared = films_of(folder)
    groups = by_patient(films, 3)
    tables, pairs = [], 0
    for turn in range(3):
        training, held_out, others = (groups[(turn + i) % 3] for i in range(3))
        report, truth = rotation(training, held_out, others, most, limit, turn)
        tables.append(counted(report, truth))
        pairs += sum(map(len, truth.values())) * len(training)
    found: dict[str, Any] = {
        "source": prepared.source,
        "size": prepared.size,
        "training_films": [len(group) for group in groups],
        "limit": limit,
        "comparisons": pairs,
        "by_alteration": added(tables),
    }
    rows = found["by_alteration"].values()
    found["all"] = {key: sum(row[key] for row in rows) for key in next(iter(rows))}
    return found


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("prepared", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=100, help="films copied in each rotation")
    parser.add_argument("--limit", type=float, default=GateSettings().near_copy)
    given = parser.parse_args()
    sets = []
    for folder in given.prepared:
        found = planted(folder, given.most, given.limit)
        sets.append(found)
        print(f"{found['source']}, {found['size']} px, training films {found['training_films']}")
        print("| alteration | found of copies | false alarms of others |\n|---|---|---|")
        for name, row in [*found["by_alteration"].items(), ("all", found["all"])]:
            print(
                f"| {name} | {row['found']} of {row['copies']} ({row['found'] / row['copies']:.1%})"
                f" | {row['false_alarms']} of {row['others']} |",
                flush=True,
            )
    finish({"sets": sets}, given.out)


if __name__ == "__main__":
    main()
