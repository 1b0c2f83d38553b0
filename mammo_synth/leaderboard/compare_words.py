"""A comparison in one paragraph."""

from __future__ import annotations

from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.compare import COMPARED, Comparison
from mammo_synth.leaderboard.model import METRIC_NAMES, SOURCE_NAMES, Estimate
from mammo_synth.leaderboard.terminal import clean

RESEARCH = "For research and teaching, never for diagnosis."


def paragraph(comparison: Comparison) -> str:
    """Whether the two differ, by how much, on which films and under which rules; one paragraph
    of plain text without control characters."""
    parts = [
        f"{comparison.first.name} and {comparison.second.name} were measured on "
        f"{films(comparison)}.",
        _answer(comparison),
        *(_metric(comparison, metric) for metric in COMPARED),
        *_calls(comparison),
        f"Intervals are 95 % of a paired bootstrap over patients ({comparison.resamples:,} "
        "resamples); differences are first minus second; p is corrected over both metrics (Holm). "
        "Chance is 0.500 in both metrics.",
        *caution(comparison),
        RESEARCH,
    ]
    return clean(" ".join(part for part in parts if part))


def films(comparison: Comparison) -> str:
    """The test set, its releases and the positive class."""
    t, release = comparison.test_set, comparison.release
    kind = "simulated" if release["simulated"] else "real"
    source = SOURCE_NAMES.get(release["source"], release["source"])
    releases = dict.fromkeys(
        f"{side.release['name']} {side.release['version']} (sha256 {side.release['sha256'][:8]})"
        for side in (comparison.first, comparison.second)
    )
    return (
        f"the same {t.n:,} {kind} films of {source} in real_test ({t.cancer:,} cancer, "
        f"{t.normal:,} normal, {t.patients:,} patients; release {' and '.join(releases)}; "
        f"{words.POSITIVE})"
    )


def caution(comparison: Comparison) -> list[str]:
    """What the numbers do not say: other numbers of replicates, simulated films, the study's
    rules."""
    found = []
    one, other = (len(side.thresholds) for side in (comparison.first, comparison.second))
    if one != other:
        found.append(
            f"Caution: a mean of {max(one, other)} replicates is held against "
            f"{'one run' if min(one, other) == 1 else f'a mean of {min(one, other)}'}; the "
            "intervals tell what the films leave open, not how much one run differs from the next, "
            "and a mean of more runs is the steadier one."
        )
    if comparison.release["simulated"]:
        found.append(words.PHANTOM)
    if comparison.release["protocol"] == "study":
        found.append(words.STUDY_PROTOCOL)
    return found


def headline(comparison: Comparison) -> str:
    """The answer in AUROC, the metric that ranks, as a title."""
    return {
        "same": "No difference: the same predictions",
        "differ": "The two differ in AUROC",
        "weak": "A difference in AUROC that does not stand after correction",
        "alike": "The two are not told apart in AUROC",
        "undefined": "The difference in AUROC has no interval",
    }[comparison.verdict(COMPARED[0])]


def _answer(comparison: Comparison) -> str:
    verdicts = [comparison.verdict(metric) for metric in COMPARED]
    if comparison.same_predictions:
        return "There is no difference: both give the same predictions for every film."
    differ = [
        METRIC_NAMES[metric]
        for metric, verdict in zip(COMPARED, verdicts, strict=True)
        if verdict == "differ"
    ]
    if differ:
        return f"They differ in {' and in '.join(map(_inside, differ))}."
    if set(verdicts) == {"undefined"}:
        return "Whether they differ cannot be said: no difference has an interval."
    return "They are not told apart, which does not show that they are equal."


def _metric(comparison: Comparison, metric: str) -> str:
    pair, verdict = comparison.pairs[metric], comparison.verdict(metric)
    name = METRIC_NAMES[metric]
    if verdict == "same":
        return f"{name}: {words.number(pair.first_value)} for both."
    if pair.difference is None:
        return f"{name}: no difference, since it has no value in at least one of the two."
    text = (
        f"{name}: {_own(comparison, metric, 0)} against {_own(comparison, metric, 1)}, "
        f"difference {words.signed(pair.difference)}"
    )
    span = words.signed_interval(Estimate(pair.difference, pair.low, pair.high), 3)
    if not span:
        return f"{text}, without an interval (too few patients or values)."
    text += f" (95 % interval {span}, p {_p(pair.p_holm)})"
    return {
        "differ": f"{text}: they differ.",
        "alike": f"{text}: not told apart.",
        "weak": f"{text}: the interval leaves out zero, but not after correction for two metrics.",
    }[verdict]


def _own(comparison: Comparison, metric: str, side: int) -> str:
    estimate = comparison.values[metric][side]
    span = words.interval(estimate)
    return words.number(estimate.value) + (f" ({span})" if span else "")


def _calls(comparison: Comparison) -> list[str]:
    if comparison.same_predictions or comparison.other_calls is None:
        return []
    return [
        f"At their operating points they call {comparison.other_calls:,} of "
        f"{comparison.test_set.n:,} films differently."
    ]


def _p(value: float | None) -> str:
    if value is None:
        return "none"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _inside(name: str) -> str:
    return name if name.isupper() else name.lower()
