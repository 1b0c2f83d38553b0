"""What the sentences about rows, records and tables do in every language; the words are given.

Sentences are `str.format` templates; what their gaps are is said where they are filled in.
"""

from __future__ import annotations

from collections.abc import Mapping

from mammo_synth.bench.reproduction import METRICS, Reproduction
from mammo_synth.leaderboard.model import Estimate, Row, Series, Table
from mammo_synth.leaderboard.tiers import Tier
from mammo_synth.leaderboard.words_numbers import bracketed, reading, signed, signed_interval


def stated_weights(series: Series) -> str | None:
    """Where training started from; None where only predictions were brought, which do not say."""
    return None if series.recipe is None and series.weights == "none" else series.weights


def weights(series: Series, unstated: str, origins: Mapping[str, str], other: str) -> str:
    """Where training started from, in words.

    Args:
        series: Whose weights.
        unstated: What is said where brought predictions do not say.
        origins: What an origin is called.
        other: What any other origin is called; its gap is ``origin``.
    """
    origin = stated_weights(series)
    if origin is None:
        return unstated
    return _with_digest(origins.get(origin, other.format(origin=origin)), series.weights_sha256)


def recipe(series: Series, brought: str, sentence: str) -> str:
    """The recipe (gap ``name``) with its digest; or what is said of brought predictions."""
    if series.recipe is None:
        return brought
    return _with_digest(sentence.format(name=series.recipe), series.recipe_sha256)


def _with_digest(text: str, sha256: str | None) -> str:
    return f"{text} {sha256[:8]}" if sha256 else text


def again(found: Reproduction, verdicts: Mapping[str, str], sentence: str, to: str = "to") -> str:
    """Who ran a record again, when, and what came of it.

    Args:
        found: The second run.
        verdicts: What each verdict is called.
        sentence: Gaps: ``who``, ``day``, ``verdict``, and ``auroc`` and ``balanced``, each that of
            the second run minus that of the record with its interval in brackets.
        to: Between the ends of an interval.
    """
    auroc, balanced = (
        signed(change.value) + bracketed(signed_interval(change, 3, to))
        for change in rerun_differences(found).values()
    )
    return sentence.format(
        who=found["who"],
        day=found["when"][:10],
        verdict=verdicts[found["agreement"]["verdict"]],
        auroc=auroc,
        balanced=balanced,
    )


def rerun_differences(found: Reproduction) -> dict[str, Estimate]:
    """By metric, AUROC first: that of the second run minus that of the record, with its 95 %
    interval."""
    changes = {metric: found["agreement"]["differences"][metric] for metric in METRICS}
    return {
        metric: Estimate(one["difference"], one["low"], one["high"])
        for metric, one in changes.items()
    }


def rerun_warning(row: Row, warning: str) -> str:
    """``warning`` where a record of the row was run again and did not come out; or nothing."""
    verdicts = [run.reproduction["agreement"]["verdict"] for run in row.runs if run.reproduction]
    return warning if "differs" in verdicts else ""


def replicates(row: Row, one: str, many: str, of: str) -> str:
    """How many replicates ``row`` has, and should have where it lacks some: ``2 of 3 many``."""
    n = len(row.runs)
    if n < row.due:
        return f"{n} {of} {row.due} {many}"
    return f"{n} {one if n == 1 else many}"


def undefined(row: Row, metric: str, sentence: str) -> str:
    """How many of all replicates (``bad``, ``n``) have no value of ``metric``; or nothing."""
    bad = sum(run.scored["real_test"].metrics[metric] is None for run in row.runs)
    return sentence.format(bad=bad, n=len(row.runs)) if bad else ""


def operating_point(row: Row, rules: Mapping[str, str], chosen: Mapping[str, str]) -> str:
    """By which rules and on what the operating points of ``row`` were chosen, each way once.

    Args:
        row: A measured row.
        rules: Rules in this language; one that is not among them stands as the record has it.
        chosen: What was chosen on, in words.
    """
    points = [run.record["operating_point"] for run in row.runs]
    ways = {f"{rules.get(p['rule'], p['rule'])}, {chosen[p['chosen_on']]}" for p in points}
    return "; ".join(sorted(ways))


def tiers(names: Mapping[Tier, str], words: Mapping[Tier, str]) -> str:
    """What each tier means, in the order of ``names``."""
    return " ".join(f"{name.capitalize()}: {words[tier]}" for tier, name in names.items())


def image_for_image(
    table: Table, sentence: str, readings: Mapping[str, str], to: str = "to"
) -> list[str]:
    """One sentence for each series that has TRTR and its twin: what films are worth to it.

    Args:
        table: A ranking.
        sentence: Gaps: ``name``, ``value``, ``span`` (the interval in brackets, with a space
            before it, or nothing) and ``reading``.
        readings: What each `reading` is called.
        to: Between the ends of an interval.
    """
    names = table.series_names()
    return [
        sentence.format(
            name=names[one.series],
            value=signed(one.difference.value),
            span=bracketed(signed_interval(one.difference, to=to)),
            reading=readings[reading(one.difference)],
        )
        for one in table.image_for_image
    ]


def missing(table: Table, unmeasured: str, short: str, plain: Mapping[str, str]) -> list[str]:
    """One sentence for each series that lacks configurations or replicates.

    Args:
        table: A ranking.
        unmeasured: What was not measured at all; its gap is ``names``.
        short: What lacks replicates; gaps: ``name``, ``n`` (those there) and ``due``.
        plain: Configurations that have another name in a sentence.
    """
    series = table.series_names()
    lines = []
    for gap in table.missing:
        names = ", ".join(plain.get(name, name) for name in gap.configurations)
        parts = [unmeasured.format(names=names)] if names else []
        parts += [short.format(name=name, n=n, due=due) for name, n, due in gap.short]
        lines.append(f"{series.get(gap.series, gap.series.classifier)}: {'; '.join(parts)}")
    return lines
