"""What a row opens to: a short list of its runs as markup, and all the rest as numbers.

The page holds the rest as compact JSON, and its script (`templates/row.js`) draws a row when a
reader opens it: a board of hundreds of records stays small, and loads at once. Numbers of that
JSON are whole thousandths; settings, environments and digests that many runs share stand once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import quote

from mammo_synth.leaderboard import words as english
from mammo_synth.leaderboard.detail_numbers import Pairs, curves, flat, thousandths, three
from mammo_synth.leaderboard.groups import groups
from mammo_synth.leaderboard.model import METRICS, Row, Run
from mammo_synth.leaderboard.sweep import sweep
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH

_ID_DIGITS = 12


@dataclass
class Shared:
    """Values that many runs have in common; each is kept once and named by its place."""

    values: list[Any] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def place(self, value: Any) -> int:
        """The place of ``value``, which is added where it is new."""
        key = repr(value)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


@dataclass(frozen=True)
class RunLine:
    """One replicate in a sentence, with links (label, address; None without an address); and
    what a second run gave, or nothing."""

    title: str
    text: str
    links: list[tuple[str, str | None]]
    again: str


@dataclass(frozen=True)
class Detail:
    """One row: ``anchor`` is its id on the page, ``data`` what the script draws."""

    anchor: str
    flag: str
    summary: str
    date: str
    tier: str
    submitted: list[tuple[str, str, str | None]]
    runs: list[RunLine]
    data: dict[str, Any]


@dataclass(frozen=True)
class Maker:
    """Makes the details of one page.

    Attributes:
        words, say: The language.
        records_at: Where the records lie, as an address to put before their paths: a path from
            the page such as ``../results`` or an http(s) address. None: paths without links.
        shared: Filled while rows are made.
    """

    words: ModuleType = english
    say: Labels = ENGLISH
    records_at: str | None = None
    shared: Shared = field(default_factory=Shared)

    def detail(self, row: Row) -> Detail:
        """Everything below one row."""
        words = self.words
        said = [words.TIER_NAMES[row.tier], words.rerun_warning(row), words.replicates(row)]
        said += [words.recipe(row.series), words.weights(row.series)]
        date = newest(row)
        return Detail(
            anchor=f"r-{row.runs[0].sha256[:_ID_DIGITS]}",
            flag=words.verdict(row),
            summary=" · ".join(text for text in (*said, date) if text),
            date=date,
            tier=f"{words.TIER_NAMES[row.tier]}: {words.TIER_WORDS[row.tier]}",
            submitted=self._submitted(row),
            runs=[self._line(run) for run in row.runs],
            data=self._row(row),
        )

    def _line(self, run: Run) -> RunLine:
        say, test = self.say, run.scored["real_test"]
        c = test.confusion
        calls = say.calls.format(
            auroc=self.words.number(test.metrics["auroc"]),
            tp=self.words.count(c["tp"]),
            cancer=self.words.count(c["tp"] + c["fn"]),
            tn=self.words.count(c["tn"]),
            normal=self.words.count(c["tn"] + c["fp"]),
        )
        cut = say.cut.format(cut=self.words.number(test.threshold))
        made = say.made.format(date=run.record["created"][:10])
        folder = run.path.rpartition("/")[0]
        evaluations = run.record["evaluations"]
        files = [
            (say.record_file, run.path),
            (say.predictions_file, f"{folder}/{evaluations['real_test']['predictions']['file']}"),
        ]
        if "test" in evaluations:
            name = evaluations["test"]["predictions"]["file"]
            files.append((say.predictions_test_file, f"{folder}/{name}"))
        return RunLine(
            title=self._title(run),
            text=f"{calls}; {cut}; {made}",
            links=[(label, self._address(path)) for label, path in files],
            again=self.words.again(run.reproduction) if run.reproduction else "",
        )

    def _title(self, run: Run) -> str:
        seed, k = run.record["seed"], run.record["replicate"]
        if seed is None:
            return self.say.replicate.format(k=k)
        return self.say.replicate_seed.format(k=k, seed=seed)

    def _address(self, path: str) -> str | None:
        if self.records_at is None:
            return None
        # A path never begins the address: a folder named "javascript:" stays a folder.
        return f"{self.records_at.rstrip('/') or '.'}/{quote(path)}"

    def _submitted(self, row: Row) -> list[tuple[str, str, str | None]]:
        """Submitter, links, other mammograms: label, text, address or None; equal ones once."""
        found: dict[tuple[str, str, str | None], None] = {}
        for run in row.runs:
            one = run.submission
            if one is not None:
                found[(self.say.submitted, one.submitter, None)] = None
                found[(self.say.code, one.code, one.code)] = None
                weights = one.weights or self.say.not_published
                found[(self.say.weights_link, weights, one.weights)] = None
                other = one.other_mammograms or self.say.none
                found[(self.say.other_mammograms, other, None)] = None
        return list(found)

    def _row(self, row: Row) -> dict[str, Any]:
        data = {
            "n": row.name,
            "s": self.shared.place(self._settings(row)),
            "m": [self._metric(row, name) for name in METRICS],
            "g": three(row.gap),
            "o": f"{self.words.thresholds(row)}: {self.words.operating_point(row)}",
            "t": [self._run(run) for run in row.runs],
        }
        if self.words.verdict(row):
            data["v"] = self.words.verdict(row)
        return data

    def _metric(self, row: Row, name: str) -> list[int | None] | str:
        estimate = row.metrics[name]
        if estimate.value is None:
            return str(self.words.undefined_reason(row, name))
        return three(estimate)

    def _settings(self, row: Row) -> Pairs:
        record, say, words = row.runs[0].record, self.say, self.words
        parameters = record["classifier"]["parameters"]
        pairs = [
            (say.classifier.lower(), row.series.classifier),
            (say.parameters, words.DASH if parameters is None else words.count(parameters)),
            (say.weights, words.weights(row.series)),
            (say.recipe, words.recipe(row.series)),
        ]
        recipe = record["recipe"]
        return pairs + (flat(recipe["settings"], say) if recipe else [])

    def _run(self, run: Run) -> dict[str, Any]:
        record, training = run.record, run.record["training"]
        test = run.scored["real_test"]
        curve, c = sweep(test.label, test.p, cut=test.threshold), test.confusion
        data: dict[str, Any] = {
            "n": self._title(run),
            "e": self.shared.place(self._environment(run)),
            "x": [
                [split, thousandths(scored.threshold)]
                + [scored.confusion[name] for name in ("tp", "fn", "fp", "tn")]
                for split, scored in run.scored.items()
            ],
            "r": [curve.fp, curve.tp, [c["fp"], c["tp"]]],
            "p": run.path,
            "h": [
                run.sha256,
                record["created"],
                [
                    [split, self.shared.place(scored.digest), self._predictions(run, split)]
                    for split, scored in run.scored.items()
                ],
            ],
        }
        found = record["evaluations"]["real_test"]["subgroups"]
        shown = groups(found, run.verified)
        if shown.rows:
            data["g"] = [
                [
                    self.words.known(group.column),
                    self.words.known(group.name),
                    counts["n"],
                    counts["cancer"],
                    counts["patients"],
                    self.words.known(group.why) or [three(e) for e in group.estimates],
                ]
                for group, counts in zip(shown.rows, found or [], strict=True)
            ]
        if shown.note:
            data["k"] = self.shared.place(self.words.known(shown.note))
        if training is not None:
            parts = (training["train"], training["validation"])
            data["i"] = [[n["cancer"], n["normal"], n["synthetic"], n["real"]] for n in parts]
            seconds = round(training["seconds"], 1)
            data["w"] = [training["epochs"], training["best_epoch"], seconds]
            if training["curves"]:
                data["c"] = curves(training["curves"], training["best_epoch"])
        return data

    def _predictions(self, run: Run, split: str) -> str:
        evaluations: Mapping[str, Any] = run.record["evaluations"]
        return str(evaluations[split]["predictions"]["sha256"])

    def _environment(self, run: Run) -> Pairs:
        environment = dict(run.record["environment"])
        packages = environment.pop("packages")
        pairs = [("mammo-synth", run.record["package_version"]), *flat(environment, self.say)]
        if isinstance(packages, Mapping) and packages:
            versions = ", ".join(f"{name} {packages[name]}" for name in sorted(packages))
            pairs.append((self.say.packages, versions))
        return pairs


def newest(row: Row) -> str:
    """The day on which the newest record of ``row`` was made, ``2026-01-31``."""
    return max(run.record["created"] for run in row.runs)[:10]
