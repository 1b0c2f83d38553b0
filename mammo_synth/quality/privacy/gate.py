"""The gate: written thresholds that a pool must pass before it is published.

Every threshold stands here with its reason; rates are in benchmarks/quality/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mammo_synth.errors import BadInput

from .authenticity import Authenticity
from .duplicates import Duplicates
from .membership import Membership
from .significance import NearestTest

LEAST_REASON = 15  # characters of a reason for overriding: a sentence, not "ok"


@dataclass(frozen=True)
class GateSettings:
    """Thresholds.

    Attributes:
        near_copy: An image that agrees this well with a training film after alignment is a copy of
            it: above what different films reach (none of 9,750 altered films of other patients,
            among hundreds of films each; a blur of 2 % of the side can reach it), below what nearly
            all planted copies have.
        exact_copies, near_copies: How many of them may be in a pool. None: one film in the pool is
            one patient's picture published.
        membership: The lower end of the interval of the AUROC of a distance-based attack must not
            be above this. 0.5 is chance; an attack that is barely better than chance tells nothing
            of one patient, so a margin is left.
        p_closer: Level of the one-sided tests of distances, divided by their number.
        closer: Such a test must also find so large an effect: with thousands of films a p-value is
            small for differences that mean nothing. Beyond that, membership must be above chance
            in the same space, since ordinary films are close to training films without copying any.
        least_held_out: With fewer held-out films the tests say little; the verdict then warns.
        discriminator: Above this the verdict warns. It does not block: discriminators of small sets
            know their films, and none is published with a pool.
        authenticity: So much less than the share of held-out films is worth a warning.
        duplicates: A larger share of near duplicates within the pool is worth a warning.
    """

    near_copy: float = 0.75
    exact_copies: int = 0
    near_copies: int = 0
    membership: float = 0.6
    p_closer: float = 0.01
    closer: float = 0.6
    least_held_out: int = 20
    discriminator: float = 0.6
    authenticity: float = 0.2
    duplicates: float = 0.05

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Findings:
    """The numbers that are judged.

    Attributes:
        exact_copies, near_copies: Numbers of synthetic films.
        held_out: Number of held-out films.
        nearest: By the name of the space.
        membership: By the name of the space; ``discriminator`` is that of the discriminator.
        authenticity: By the name of the space.
        duplicates: Within the pool.
    """

    exact_copies: int
    near_copies: int
    held_out: int
    nearest: Mapping[str, NearestTest]
    membership: Mapping[str, Membership]
    authenticity: Mapping[str, Authenticity]
    duplicates: Duplicates


DISCRIMINATOR = "discriminator"
PIXELS, PATTERN = "pixels after alignment", "pattern"
"""Names of the spaces that need no extractor. Distances of pixels are not taken from every training
film to the pool; the pattern's membership stands for them."""


@dataclass(frozen=True)
class Verdict:
    """Whether a pool may be published.

    Attributes:
        passed: No threshold is crossed.
        reasons: Why not, one sentence each.
        warnings: What a reader should know all the same.
        settings: The thresholds.
        override: Why it is published all the same, or None.
    """

    passed: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    settings: GateSettings = field(default_factory=GateSettings)
    override: str | None = None

    @property
    def may_publish(self) -> bool:
        """Passed, or overridden."""
        return self.passed or self.override is not None

    def overridden(self, reason: str) -> Verdict:
        """The same verdict with a reason for publishing all the same, which the card shows.

        Raises:
            BadInput: The gate was passed, or the reason is not a sentence.
        """
        reason = " ".join(reason.split())
        if self.passed:
            raise BadInput("The privacy gate was passed.", hint="There is nothing to override.")
        if len(reason) < LEAST_REASON:
            raise BadInput(
                f"The reason for overriding the privacy gate is '{reason}'; a sentence was "
                "expected. Readers of the card will see it.",
                hint="Say why these films may be published although the gate was not passed.",
            )
        return replace(self, override=reason)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "warnings": list(self.warnings),
            "settings": self.settings.as_dict(),
            "override": self.override,
        }


def judge(findings: Findings, settings: GateSettings | None = None) -> Verdict:
    """Hold the numbers against the thresholds."""
    settings = settings or GateSettings()
    reasons: list[str] = []
    warnings: list[str] = []
    if findings.exact_copies > settings.exact_copies:
        reasons.append(
            f"{_films(findings.exact_copies)} the same pixels as a training film, mirrored or not."
        )
    if findings.near_copies > settings.near_copies:
        reasons.append(
            f"{_films(findings.near_copies)} the tissue of a training film (agreement of "
            f"{settings.near_copy:g} or more after alignment)."
        )
    _judge_distances(findings, settings, reasons, warnings)
    for space, found in findings.membership.items():
        attack = f"AUROC {found.auroc:.2f}, interval {found.low:.2f} to {found.high:.2f}"
        if space == DISCRIMINATOR:
            if found.low > settings.discriminator:
                warnings.append(
                    f"The discriminator tells training films from held-out films ({attack}): do "
                    "not publish the training checkpoint."
                )
        elif found.low > settings.membership:
            reasons.append(
                "Distances to the pool tell which films the generator learned from, by "
                f"{space} ({attack}; at most {settings.membership:g} is allowed below)."
            )
    if findings.held_out < settings.least_held_out:
        warnings.append(
            f"There are {findings.held_out} held-out films, fewer than {settings.least_held_out}: "
            "only copies were judged with confidence."
        )
    for space, share in findings.authenticity.items():
        if share.floor is not None and share.share < share.floor - settings.authenticity:
            warnings.append(
                f"By {space}, {share.share:.0%} of the synthetic films are authentic, and "
                f"{share.floor:.0%} of held-out films."
            )
    pool = findings.duplicates
    if pool.exact_share > 0 or pool.near_share > settings.duplicates:
        warnings.append(
            f"Within the pool {pool.near_share:.1%} are near duplicates of another image "
            f"({pool.exact_share:.1%} exact); the largest cluster has {pool.largest} images."
        )
    return Verdict(not reasons, tuple(reasons), tuple(warnings), settings)


def _judge_distances(
    findings: Findings, settings: GateSettings, reasons: list[str], warnings: list[str]
) -> None:
    level = settings.p_closer / max(1, len(findings.nearest))
    for space, test in findings.nearest.items():
        if not (test.p_closer < level and test.closer > settings.closer):
            continue
        said = (
            f"By {space}, synthetic films are closer to training films than held-out films are "
            f"(chance {test.closer:.2f}, one-sided p {test.p_closer:.1g})"
        )
        attack = findings.membership.get(PATTERN if space == PIXELS else space)
        if attack is not None and attack.low > 0.5:
            reasons.append(f"{said}, and closer to training films than to held-out films.")
        else:
            warnings.append(
                f"{said}, but not closer to training films than to held-out films: little variety "
                "looks like this, copying does not."
            )


def _films(count: int) -> str:
    return "1 synthetic film has" if count == 1 else f"{count:,} synthetic films have"
