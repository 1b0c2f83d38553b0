"""The monitor's rules, on rows that were made up for them."""

from __future__ import annotations

import pytest

from mammo_synth.gan.monitor import Limits, findings

LIMITS = Limits(measure="texture", ada_max=0.8, films=300)


def row(kimg: float, **more: float) -> dict:
    usual = {"kimg": kimg, "sign_real": 0.6, "sign_fake": -0.5, "p": 0.3}
    return usual | more


def names(rows: list[dict], limits: Limits = LIMITS) -> list[str]:
    return [finding.name for finding in findings(rows, limits)]


def healthy() -> list[dict]:
    """A run as they are: poor and uniform at the start, then better with some ups and downs."""
    measures = [40.0, 9, 5, 6, 3.1, 3.6, 2.4, 2.9, 2.0, 2.2]
    varieties = [0.1, 0.5, 0.8, 0.7, 0.9, 0.8, 0.95, 1.0, 0.9, 0.95]
    start = [row(k / 10, sign_real=0.99, sign_fake=-0.99, p=0.01 * k) for k in range(6)]
    pairs = enumerate(zip(measures, varieties, strict=True), start=1)
    return start + [row(k, texture=m, floor=0.1, variety=v) for k, (m, v) in pairs]


def test_healthy_run_is_left_in_peace():
    rows = healthy()
    assert [names(rows[: n + 1]) for n in range(len(rows))] == [[]] * len(rows)
    assert findings([], LIMITS) == []


def test_collapse_is_a_fall_of_variety():
    rows = [*healthy(), row(11, texture=4.0, floor=0.1, variety=0.2)]
    (finding,) = findings(rows, LIMITS)
    assert finding.name == "collapse" and "At 11 kimg" in finding.text and "20%" in finding.text
    assert "--gamma" in finding.text
    # A row between snapshots does not end it, a rich snapshot does.
    assert names([*rows, row(11.5)]) == ["collapse"]
    assert names([*rows, row(12, texture=3.0, floor=0.1, variety=0.9)]) == []


def test_generator_that_never_became_rich_gets_some_time():
    poor = [row(k, variety=0.2, texture=9.0, floor=0.1) for k in range(8)]
    assert [names(poor[: n + 1]) for n in range(8)] == [[]] * 5 + [["collapse"]] * 3


def test_divergence_needs_two_bad_snapshots():
    rows = healthy()
    once = [*rows, row(11, texture=8.0, floor=0.1, variety=0.9)]
    assert names(once) == []
    twice = [*once, row(12, texture=9.0, floor=0.1, variety=0.9)]
    (finding,) = findings(twice, LIMITS)
    assert finding.name == "divergence" and "was 2 at 9 kimg" in finding.text
    assert "best.safetensors" in finding.text
    assert names([*twice, row(13, texture=2.5, floor=0.1, variety=0.9)]) == []
    # Near the floor a small step is a large ratio, and no measure is no divergence.
    values = (0.1, 0.1, 0.1, 0.1, 0.3, 0.35)
    near = [row(k, texture=v, floor=0.2, variety=1.0) for k, v in enumerate(values)]
    assert names(near) == []
    assert names([r | {"floor": 0.05} for r in near]) == ["divergence"]
    # The first snapshots of a run may jump: 9, 23, 14, 5, 3, 2 was a healthy one.
    jump = [row(k, texture=v, floor=0.03, variety=1.0) for k, v in enumerate((9, 23, 24, 5, 3))]
    assert [names(jump[: n + 1]) for n in range(5)] == [[]] * 5
    assert names(twice, Limits(measure=None, ada_max=0.8)) == []


def test_discriminator_that_won_is_named_unless_augmentation_still_rises():
    sure = {"sign_real": 0.99, "sign_fake": -0.99}
    rising = [row(k, **sure, p=0.1 + 0.02 * k) for k in range(9)]
    assert names(rising) == []
    still = [row(k, **sure, p=0.3) for k in range(9)]
    assert names(still[:7]) == [] and names(still) == ["discriminator-won"]
    fixed = Limits(measure=None, ada_max=None)
    assert names(rising, fixed) == ["discriminator-won"]
    assert names([*still, row(9)]) == []


def test_saturated_augmentation_says_that_films_are_too_few():
    full = [row(k, p=0.8) for k in range(10)]
    assert names(full[:7]) == []
    (finding,) = findings(full, LIMITS)
    assert finding.name == "augmentation-saturated"
    assert "300 films" in finding.text and "since 2 kimg" in finding.text
    assert names([*full, row(10, p=0.79)]) == []
    assert names(full, Limits(measure="texture", ada_max=None)) == []  # fixed, on purpose


@pytest.mark.parametrize("missing", ["sign_real", "sign_fake"])
def test_rows_without_signs_are_no_error(missing):
    rows = [{k: v for k, v in row(k).items() if k != missing} for k in range(9)]
    assert names(rows) == []
