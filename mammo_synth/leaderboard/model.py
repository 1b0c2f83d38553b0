"""What a leaderboard is, as data: runs, estimates, rows, tables, the board."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.bench.estimate import Estimate as Estimate
from mammo_synth.bench.fractions import BASELINE as BASELINE
from mammo_synth.bench.fractions import TWIN as TWIN
from mammo_synth.bench.published import Published
from mammo_synth.bench.record import ConfusionCounts, Record, ReleaseFacts
from mammo_synth.bench.reproduction import Reproduction
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.bench.series import Series as Series
from mammo_synth.bench.series import series_names
from mammo_synth.leaderboard.submission import Submission
from mammo_synth.leaderboard.tiers import Tier, lowest

RANKED_ON = "auroc"
METRICS = (
    "auroc",
    "balanced_accuracy",
    "recall",
    "specificity",
    "accuracy",
    "precision",
    "f1",
    "average_precision",
)
"""Metrics of a row in the order of the columns; ``recall`` is sensitivity, recall of cancer."""

METRIC_NAMES = {
    "auroc": "AUROC",
    "balanced_accuracy": "Balanced accuracy",
    "recall": "Sensitivity (recall)",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "f1": "F1",
    "average_precision": "Average precision",
}
SOURCE_NAMES = {
    "phantom": "Phantom",
    "mias": "MIAS",
    "ddsm": "DDSM",
    "cbis_ddsm": "CBIS-DDSM",
    "folder": "Films of a folder",
}
CHANCE = 0.5
"""AUROC and balanced accuracy of a classifier that does not look at the image."""


@dataclass(frozen=True)
class Scored:
    """One run's predictions on one test set, in the order of the truth table.

    Attributes:
        digest: Identity of the test set.
        label: int64 [n], cancer 1, normal 0.
        p: float64 [n], predicted probability of cancer.
        patients: int64 [n], patient codes; an image without a patient is its own.
        threshold: Cancer is said where ``p >= threshold``.
        metrics: Point metrics recomputed from the arrays above.
        confusion: Counts ``tp``, ``fp``, ``fn``, ``tn``, recomputed.
    """

    digest: str
    label: Integers
    p: Floats
    patients: Integers
    threshold: float
    metrics: dict[str, float | None]
    confusion: ConfusionCounts


@dataclass(frozen=True)
class Run:
    """One verified record: one replicate of configuration × classifier.

    ``path`` is the record file relative to the results folder, ``sha256`` its digest; ``scored``
    holds ``real_test`` and, where the record has it, ``test``.
    """

    record: Record
    path: str
    sha256: str
    scored: dict[str, Scored]
    submission: Submission | None = None
    """What the submitter says of it; None where nobody submitted it. `load` fills it in with
    `submission_of(path.parent)`."""
    verified: bool = False
    """Whether its stored intervals were recomputed too; see `mammo_synth.leaderboard.load`."""
    tier: Tier = Tier.SCHEMA
    """How far it was checked: schema valid, recomputed, reproduced by a maintainer."""
    reproduction: Reproduction | None = None
    """What a second run of it gave, whatever the verdict; None where nobody ran it again."""


@dataclass(frozen=True)
class Row:
    """One line of a table: configuration × series, replicates averaged.

    Attributes:
        kind: ``ranked``, ``incomplete`` (fewer replicates than ``due``), ``baseline`` (TRTR),
            ``twin`` (as many synthetic images as TRTR has films) or ``control``.
        rank: 1 is best; None for all kinds but ``ranked``.
        tied: Whether another row has the same rank.
        metrics: Mean over replicates with the interval of the patient-level bootstrap.
        verdict: ``above``, ``chance``, ``below`` or ``undefined``, from the AUROC interval.
        gap: Shortcut gap: balanced accuracy on the configuration's own test split minus that on
            the real test films.
    """

    kind: str
    configuration: str
    series: Series
    metrics: dict[str, Estimate]
    gap: Estimate
    verdict: str
    runs: tuple[Run, ...]
    due: int = 1
    """Replicates that it should have, see `mammo_synth.leaderboard.completeness`."""
    rank: int | None = None
    tied: bool = False

    @property
    def tier(self) -> Tier:
        """How far its records were checked: the tier of the least checked one."""
        return lowest([run.tier for run in self.runs])

    @property
    def rank_text(self) -> str:
        """``1``, ``1=`` for a tie, or the reason there is none."""
        if self.rank is None:
            return {"ranked": "–", "baseline": "TRTR"}.get(self.kind, self.kind)
        return f"{self.rank}=" if self.tied else str(self.rank)

    @property
    def name(self) -> str:
        """Configuration × classifier, for headings."""
        return f"{self.configuration} × {self.series.classifier}"


@dataclass(frozen=True)
class Missing:
    """Configurations that a series of a table has not measured, and rows short of replicates."""

    series: Series
    configurations: tuple[str, ...]
    short: tuple[tuple[str, int, int], ...]
    """Configuration, replicates there, replicates due."""


@dataclass(frozen=True)
class ImageForImage:
    """What real films are worth to a series, image for image: TRTR minus its twin in AUROC.

    ``difference`` has the 95 % interval of the paired bootstrap over the patients of `real_test`.
    """

    series: Series
    difference: Estimate


@dataclass(frozen=True)
class TestSet:
    """The held-out real films (or phantom films) that a table ranks on."""

    __test__ = False  # not a test class, whatever pytest reads into the name

    digest: str
    n: int
    cancer: int
    normal: int
    patients: int

    @property
    def prevalence(self) -> float:
        """Share of cancer."""
        return self.cancer / self.n


@dataclass(frozen=True)
class Table:
    """One ranking: one film source, one protocol, one release, one test set."""

    source: str
    simulated: bool
    protocol: str
    release: ReleaseFacts
    test_set: TestSet
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]
    image_for_image: tuple[ImageForImage, ...]
    """One for each series with the same replicates of TRTR and its twin, in the series' order."""
    apart: str = ""
    """What tells it from a table of the same source and protocol: its release, its test set."""

    @property
    def title(self) -> str:
        """Film source and protocol in words, and what tells it from another such table."""
        kind = "simulated films" if self.simulated else "real films"
        source = SOURCE_NAMES.get(self.source, self.source)
        return f"{source} ({kind}), {self.protocol} protocol" + (self.apart and f", {self.apart}")

    @property
    def release_text(self) -> str:
        """Release name, version, digest prefix and, where published, the revision."""
        r = self.release
        text = f"{r['name']} {r['version']} (sha256 {r['sha256'][:8]})"
        return f"{text}, revision {r['revision']}" if r["revision"] else text

    def of_kind(self, kind: str) -> tuple[Row, ...]:
        """Rows of one kind in the table's order."""
        return tuple(row for row in self.rows if row.kind == kind)

    def series_names(self) -> dict[Series, str]:
        """A short name for each series, with as much as tells it from its neighbours."""
        return series_names(row.series for row in self.rows)


@dataclass(frozen=True)
class Board:
    """Everything that the Markdown, the page, the JSON and the figure show."""

    tables: tuple[Table, ...]
    published: Published
    resamples: int
    seed: int
    records: int
    verified: int = 0
    """How many of the records were verified in full; the others but for stored intervals."""
