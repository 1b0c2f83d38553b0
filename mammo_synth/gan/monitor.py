"""What goes wrong while a generator trains, named from the rows, and what to change.

Pure rules: the rows so far (`mammo_synth.gan.rows`) to names and sentences. A finding stays as
long as its rule holds; it is said when it was not there in the row before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .measures import Better
from .rows import Row, with_value

COLLAPSED = 0.3  # share of the films' variety; a healthy run that just begins has 0.5 to 1.2
FELL = 0.6  # share of its own earlier variety; a fall from there needs no patience
FIRST_SNAPSHOTS = 5  # a generator may begin poor, and its measure may go up and down, for so many
WORSE = 2.0  # so many times its best (twice running) is no noise of the measure
BEGUN = 0.1  # share of the floor; below it, a measure that is to rise has not begun to
SURE = 0.95  # mean sign of the discriminator's output for real images, minus that for fake ones
SURE_ROWS = 8  # rows in a row; the first hundred updates of a healthy run are like that too
FULL_ROWS = 8  # rows in a row with the augmentations at their greatest strength


@dataclass(frozen=True)
class Limits:
    """What the rules need to know of a run's settings."""

    measure: str | None = None  # name of its column in the rows
    better: Better = "lower"  # its direction
    since: float = 0.0  # kimg from which on its column counts
    ada_max: float | None = None  # None: the strength does not adapt
    films: int = 0


@dataclass(frozen=True)
class Finding:
    """Something wrong: a short name for the rows, a sentence for people."""

    name: str
    text: str


def findings(rows: Sequence[Row], limits: Limits) -> list[Finding]:
    """What is wrong at the last of ``rows``."""
    if not rows:
        return []
    texts = {name: rule(rows, limits) for name, rule in _RULES.items()}
    at = f"At {rows[-1]['kimg']:g} kimg: "
    return [Finding(name, at + text) for name, text in texts.items() if text]


def _collapse(rows: Sequence[Row], limits: Limits) -> str | None:
    values = [float(row["variety"]) for row in with_value(rows, "variety")]
    if not values or values[-1] >= COLLAPSED:
        return None
    fell = values[-1] < FELL * max(values)
    if not fell and len(values) <= FIRST_SNAPSHOTS:
        return None
    return (
        f"the images have collapsed: they differ from one another {values[-1]:.0%} as much as the "
        "films do. Train into a new folder with a larger --gamma (twice to ten times) or a lower "
        "--learning-rate (half), and --style-mixing 0.9; best.safetensors holds the best so far."
    )


def _divergence(rows: Sequence[Row], limits: Limits) -> str | None:
    if limits.measure is None:
        return None
    name = limits.measure
    measured = with_value(rows, name, limits.since)
    values = [float(row[name]) for row in measured]
    if len(values) <= FIRST_SNAPSHOTS:
        return None
    better = min if limits.better == "lower" else max
    best, last = better(values[:-2]), better(values[-2:])
    floor = next((float(row["floor"]) for row in measured if row.get("floor") is not None), None)
    fell = _rose if limits.better == "lower" else _fell
    if not fell(best, last, floor):
        return None
    at = next(row["kimg"] for row in measured if row[name] == best)
    return (
        f"training diverges: {name} is {values[-1]:.3g} and was {best:.3g} at {at:g} kimg. Stop, "
        "and use best.safetensors, or train on from it into a new folder (--resume) with a lower "
        "--learning-rate (half) or a larger --gamma."
    )


def _rose(best: float, last: float, floor: float | None) -> bool:
    """Whether a measure that is to fall is clearly worse. Near the floor a small step is a large
    ratio; a measure without bias may be below 0 there."""
    return last > WORSE * max(best, 0.0) + abs(floor or 0.0)


def _fell(best: float, last: float, floor: float | None) -> bool:
    """The same for one that is to rise. What it had above that of films is not lost: noise is
    varied, too."""
    if floor is None:
        return last < best / WORSE
    return best > BEGUN * floor and last < min(best, floor) / WORSE


def _won(rows: Sequence[Row], limits: Limits) -> str | None:
    last = rows[-SURE_ROWS:]
    if len(last) < SURE_ROWS:
        return None
    if any(row.get("sign_real", 0.0) - row.get("sign_fake", 0.0) < 2 * SURE for row in last):
        return None
    # While the strength still rises, it is the remedy.
    if limits.ada_max is not None and last[-1]["p"] < limits.ada_max and _p_moves(last):
        return None
    return (
        "the discriminator has won: it tells all images from films "
        f"(signs {last[-1]['sign_real']:.2f} and {last[-1]['sign_fake']:.2f}), and the generator "
        "learns little from it. Use a larger --gamma, a stronger --augment (film, bgc), more films "
        "or --mirror."
    )


def _p_moves(rows: Sequence[Row]) -> bool:
    return bool(rows[-1]["p"] > rows[0]["p"])


def _saturated(rows: Sequence[Row], limits: Limits) -> str | None:
    last = rows[-FULL_ROWS:]
    if limits.ada_max is None or len(last) < FULL_ROWS:
        return None
    if any(row["p"] < limits.ada_max - 1e-6 for row in last):
        return None
    return (
        f"the augmentations are at their greatest strength ({limits.ada_max:g}) since "
        f"{last[0]['kimg']:g} kimg, and the discriminator still knows the {limits.films:,} films "
        "by heart: they are too few. Add films, use --mirror, start from another generator with "
        "--resume FILE and --freeze-d 3, or take best.safetensors. A larger --ada-max would leak "
        "the augmentations into the images."
    )


_RULES: dict[str, Callable[[Sequence[Row], Limits], str | None]] = {
    "collapse": _collapse,
    "divergence": _divergence,
    "discriminator-won": _won,
    "augmentation-saturated": _saturated,
}
