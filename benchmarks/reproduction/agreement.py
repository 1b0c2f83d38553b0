"""How often a second run is said to agree, simulated: honest reruns, other seeds, unrelated runs.

    python benchmarks/reproduction/agreement.py [--runs 200] [--resamples 1000]
    python benchmarks/reproduction/agreement.py --apart [--runs 300]

The first prints a row for each kind of second run and number of films, with the shares of the
verdicts of `mammo_synth.bench.reproduction.agreement`. The second puts the truth exactly 0.05
apart, where no run should agree, and prints how often the intervals lie within 0.05 all the same,
by patients who have cancer. Two films a patient; three patients in ten have cancer.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).parents[2]))

from mammo_synth.bench.reproduction import MARGIN, METRICS, VERDICTS, Agreement, agreement

Floats = npt.NDArray[np.float64]
FILMS = (22, 100, 300, 1000)
PATIENTS = (10, 20, 31)
SHARED, OWN = 0.6, 0.8
"""Standard deviations of a logit: of the patient, and of the film."""


@dataclass(frozen=True)
class Films:
    """label and patients int [n]: two films a patient, three patients in ten with cancer."""

    label: npt.NDArray[np.int64]
    patients: npt.NDArray[np.int64]

    @classmethod
    def of(cls, patients: int) -> Films:
        numbers = np.repeat(np.arange(patients), 2)
        return cls((numbers % 10 < 3).astype(np.int64), numbers)

    def logits(self, skill: float, rng: np.random.RandomState) -> Floats:
        """Scores of a run whose classes lie ``skill`` apart, before the sigmoid."""
        patient = rng.normal(size=int(self.patients.max()) + 1)[self.patients]
        film = rng.normal(size=len(self.label))
        found: Floats = skill * (self.label - 0.3) + SHARED * patient + OWN * film
        return found


Pair = tuple[Floats, Floats, float]
"""Scores of the record, of the second run, and the second run's threshold; the record's is 0.5."""


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def _moved(p: Floats, by: Floats) -> Floats:
    return np.asarray(np.clip(p + by, 0, 1))


def rerun(films: Films, rng: np.random.RandomState) -> Pair:
    """Other arithmetic moves each score a little, by 0.06 at most."""
    p = _sigmoid(films.logits(1.0, rng))
    by = np.clip(0.02 * rng.normal(size=len(p)), -0.06, 0.06)
    return p, _moved(p, by), 0.5 + 0.01 * rng.normal()


def rough_rerun(films: Films, rng: np.random.RandomState) -> Pair:
    """Other arithmetic moves each score by anything up to 0.06, and the threshold too."""
    p = _sigmoid(films.logits(1.0, rng))
    return p, _moved(p, rng.uniform(-0.06, 0.06, len(p))), 0.5 + 0.02 * rng.normal()


def other_seed(films: Films, rng: np.random.RandomState) -> Pair:
    """Another training: logits of one class correlate at 0.95."""
    a, b, mean = films.logits(1.0, rng), films.logits(1.0, rng), films.label - 0.3
    again = mean + 0.95 * (a - mean) + np.sqrt(1 - 0.95**2) * (b - mean)
    return _sigmoid(a), _sigmoid(again), 0.5


def unrelated(first: float, second: float) -> Callable[[Films, np.random.RandomState], Pair]:
    """Two classifiers of these skills that have nothing to do with each other."""

    def pair(films: Films, rng: np.random.RandomState) -> Pair:
        return _sigmoid(films.logits(first, rng)), _sigmoid(films.logits(second, rng)), 0.5

    return pair


def other_threshold(films: Films, rng: np.random.RandomState) -> Pair:
    """The order of a rerun, and a threshold that was moved by 0.1."""
    p, again, _ = rerun(films, rng)
    return p, again, 0.6


KINDS: dict[str, Callable[[Films, np.random.RandomState], Pair]] = {
    "honest, scores ±0.02 SD, at most 0.06": rerun,
    "honest, uniform ±0.06, threshold moves too": rough_rerun,
    "another seed, logits correlate at 0.95": other_seed,
    "unrelated, equal skill": unrelated(1.0, 1.0),
    "unrelated, skill 1.5 against 0.7": unrelated(1.5, 0.7),
    "chance against chance": unrelated(0.0, 0.0),
    "same order, threshold moved by 0.1": other_threshold,
}


def _agreement(films: Films, pair: Pair, resamples: int, threshold: float = 0.5) -> Agreement:
    thresholds = {"recorded": threshold, "again": pair[2]}
    return agreement(
        films.label,
        films.patients,
        pair[0],
        pair[1],
        thresholds,  # type: ignore[arg-type]
        resamples=resamples,
    )


def verdicts(runs: int, resamples: int) -> None:
    """Print the shares of the verdicts in percent, and what AUROC moves by in 19 of 20 runs."""
    print(f"| second run | films | {' | '.join(VERDICTS)} | AUROC moves |")
    print("|---|---" + "|---" * len(VERDICTS) + "|---|")
    for k, (name, make) in enumerate(KINDS.items()):
        for n in FILMS:
            films, found, moves = Films.of(n // 2), Counter[str](), []
            for run in range(runs):
                rng = np.random.RandomState(1000 * n + 100_000 * k + run)
                one = _agreement(films, make(films, rng), resamples)
                found[one["verdict"]] += 1
                moves.append(abs(one["differences"]["auroc"]["difference"] or 0.0))
            shares = " | ".join(f"{100 * found[verdict] / runs:.1f}" for verdict in VERDICTS)
            print(f"| {name} | {n:,} | {shares} | {np.quantile(moves, 0.95):.3f} |", flush=True)


def apart(runs: int, resamples: int) -> None:
    """Print how often intervals lie within the margin of runs that are that far apart."""
    print("| patients with cancer | truly 0.05 apart in | from AUROC | by its interval | by both |")
    print("|---|---|---|---|---|")
    for patients in PATIENTS:
        films = Films.of(patients)
        sick = int(films.label.sum()) // 2
        for base in (0.76, 0.92):
            for metric in METRICS:
                inside = np.array(
                    [_inside(films, metric, base, run, resamples) for run in range(runs)]
                )
                alone, both = inside[:, METRICS.index(metric)].mean(), inside.all(axis=1).mean()
                print(f"| {sick} | {metric} | {base} | {alone:.1%} | {both:.1%} |", flush=True)


def _inside(films: Films, metric: str, base: float, run: int, resamples: int) -> list[bool]:
    """Whether the interval of each metric lies within the margin, of two runs that are apart by
    it in ``metric``: by their scores in AUROC, by their threshold in balanced accuracy."""
    rng = np.random.RandomState(run)
    distance, nearer = (float(norm.ppf(auroc) * 2**0.5) for auroc in (base, base - MARGIN))
    best = distance / 2  # where balanced accuracy is highest
    if metric == "auroc":
        other, cut = nearer, nearer / 2
    else:
        lower = _balanced(distance, best) - MARGIN
        other = distance
        cut = float(brentq(lambda at: _balanced(distance, at) - lower, best, 9))
    noise = films.logits(0.0, rng)
    a = distance * films.label + noise
    b = other * films.label + noise + 0.15 * rng.normal(size=len(noise))
    at, moved = (float(_sigmoid(np.float64(x))) for x in (best, cut))
    found = _agreement(films, (_sigmoid(a), _sigmoid(b), moved), resamples, at)["differences"]
    return [
        one["low"] is not None
        and one["high"] is not None
        and -MARGIN <= one["low"] <= one["high"] <= MARGIN
        for one in found.values()
    ]


def _balanced(distance: float, cut: float) -> float:
    return float((norm.cdf(distance - cut) + norm.cdf(cut)) / 2)


def main() -> None:
    """Print one of the two tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--apart", action="store_true", help="runs that are truly 0.05 apart")
    arguments = parser.parse_args()
    (apart if arguments.apart else verdicts)(arguments.runs, arguments.resamples)


if __name__ == "__main__":
    main()
