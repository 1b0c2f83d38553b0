"""Training curves of one run as four inline charts: loss, accuracy, precision, recall.

The published curves are drawn here; those of measured rows by the page's script, in the same look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mammo_synth.bench.training_curves import MEASURES, curve_points
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH
from mammo_synth.svg import Frame, ticks


@dataclass(frozen=True)
class Chart:
    """One chart: what it shows and its markup."""

    name: str
    svg: str


def charts(
    curves: Sequence[Mapping[str, Any]],
    best_epoch: int | None,
    run: str,
    say: Labels = ENGLISH,
) -> list[Chart]:
    """Draw the curves of one run: train solid, validation dashed, best epoch dotted.

    Args:
        curves: One entry per epoch as in the record; None is undefined and breaks the line.
        best_epoch: Whose weights were kept, or None.
        run: Name of the run, for screen readers.
        say: The language.
    """
    if not curves:
        return []
    return [
        Chart(getattr(say, name), _chart(curves, name, best_epoch, run, say)) for name in MEASURES
    ]


def _chart(
    curves: Sequence[Mapping[str, Any]], name: str, best_epoch: int | None, run: str, say: Labels
) -> str:
    epochs = [int(entry["epoch"]) for entry in curves]
    train = curve_points(curves, name)
    validation = curve_points(curves, f"val_{name}")
    values = [point[1] for point in (*train, *validation) if point is not None]
    if name == "loss":
        marks, digits = ticks(0.0, max(values, default=1.0) or 1.0, 3)
    else:
        marks, digits = [0.0, 0.25, 0.5, 0.75, 1.0], 2
    first, last = min(epochs), max(epochs)
    frame = Frame(
        240, 130, (first, last if last > first else first + 1), (marks[0], marks[-1]), 38, 8, 8, 20
    )
    frame.grid(marks, digits)
    frame.text(frame.px(first), 126, str(first), "tick", "middle")
    if last > first:
        frame.text(frame.px(last), 126, say.epoch.format(n=last), "tick", "end")
    if best_epoch is not None and first <= best_epoch <= last:
        x = frame.px(best_epoch)
        frame.line(x, frame.top, x, frame.height - frame.bottom, "best")
    frame.polyline(train, "train", "")
    frame.polyline(validation, "val", "5 3")
    said = f"{getattr(say, name)}, {run}: {_summary(train, validation, say)}"
    return frame.svg(said, "curve")


def _summary(
    train: Sequence[tuple[float, float] | None],
    validation: Sequence[tuple[float, float] | None],
    say: Labels,
) -> str:
    """The last values in words, for readers who do not see the chart."""
    said = []
    for name, points in ((say.train, train), (say.validation, validation)):
        defined = [point for point in points if point is not None]
        value = f"{defined[-1][1]:.3f}" if defined else say.undefined
        said.append(say.ends_at.format(name=name, value=value))
    return ", ".join(said)
