"""The study's printed numbers: what follows from them is computed, and stays so."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from mammo_synth.bench.metrics import confusion, normal_positive, point_metrics
from mammo_synth.bench.published import (
    Published,
    as_printed,
    chance_line,
    fitting_counts,
    implied_accuracy,
    load_published,
    positive_class,
    prevalence,
    reread,
)
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput
from mammo_synth.resources import resource


@pytest.fixture(scope="module")
def published() -> Published:
    return load_published()


@pytest.mark.parametrize(
    ("configuration", "sensitivity", "specificity", "precision", "f1", "balanced"),
    [
        ("30-70-100syn", 0.410, 0.604, 0.307, 0.352, 0.507),
        ("30-70-90syn", 0.290, 0.710, 0.300, 0.295, 0.500),
        ("50-50-95syn", 0.469, 0.521, 0.296, 0.363, 0.495),
    ],
)
def test_read_for_cancer(
    published: Published,
    configuration: str,
    sensitivity: float,
    specificity: float,
    precision: float,
    f1: float,
    balanced: float,
) -> None:
    row = next(row for row in published.rows if row.configuration == configuration)
    metrics = {name: round(value, 3) for name, value in reread(row, published).metrics().items()}
    assert metrics["recall"] == sensitivity
    assert metrics["specificity"] == specificity
    assert metrics["precision"] == precision
    assert metrics["f1"] == f1
    assert metrics["balanced_accuracy"] == balanced


def test_counts_of_the_first_row(published: Published) -> None:
    printed = as_printed(published.rows[0], published)
    assert printed.counts() == {"tp": 1268, "fp": 531, "fn": 832, "tn": 369}
    assert printed.accuracy == pytest.approx(0.546, abs=5e-4)
    assert reread(published.rows[0], published).counts() == {
        "tp": 369,
        "fp": 832,
        "fn": 531,
        "tn": 1268,
    }


def test_only_normal_fits_as_the_positive_class(published: Published) -> None:
    for row in published.rows:
        assert positive_class(row, published) == "normal"
        assert fitting_counts(row, published.normal, published.cancer)
        assert not fitting_counts(row, published.cancer, published.normal)
    first = published.rows[0]
    assert implied_accuracy(first.precision, first.recall, 900, 2100) == pytest.approx(
        0.805, abs=5e-4
    )
    assert implied_accuracy(first.precision, first.recall, 2100, 900) == pytest.approx(
        0.546, abs=5e-4
    )


def test_as_printed_repeats_the_print(published: Published) -> None:
    for row in published.rows:
        metrics = as_printed(row, published).metrics()
        for name in ("accuracy", "precision", "recall", "f1"):
            assert metrics[name] == pytest.approx(getattr(row, name), abs=1.1e-3)


def test_the_printed_rows_are_reproduced_from_confusion_counts(published: Published) -> None:
    """Digit for digit, by the code that scores every record: accuracy, precision, recall, F1 with
    normal positive."""
    normals, cancers = published.normal, published.cancer
    for row in published.rows:
        fits = []
        for right_normal, right_cancer in fitting_counts(row, normals, cancers):
            called = np.r_[
                np.arange(cancers) < right_cancer, np.arange(normals) >= right_normal
            ].astype(float)
            label = np.r_[np.ones(cancers, int), np.zeros(normals, int)]
            counts = confusion(label, called, 0.5)
            assert (counts.tp, counts.tn) == (right_cancer, right_normal)
            values = normal_positive(counts)
            printed = {name: round(value or 0.0, 3) for name, value in values.items()}
            if printed == {name: getattr(row, name) for name in printed}:
                fits.append(point_metrics(label, called, 0.5))
        assert fits, row.configuration
        for metrics in fits:  # with cancer positive, the same films are called by chance
            assert metrics["balanced_accuracy"] == pytest.approx(0.5, abs=0.01)
            assert metrics["mcc"] == pytest.approx(0, abs=0.02)


def test_the_published_classifiers_are_near_chance(published: Published) -> None:
    for row in published.rows:
        metrics = reread(row, published).metrics()
        for name, value in chance_line(published).items():
            if name in metrics:
                assert metrics[name] == pytest.approx(value, abs=0.01)


def test_the_repeated_row_is_flagged(published: Published) -> None:
    assert published.duplicates() == {"70-30-90syn": "30-70-90syn"}
    row = next(row for row in published.rows if row.configuration == "70-30-90syn")
    assert row.note is not None


def test_the_curves_name_the_positive_class_too(published: Published) -> None:
    shares = defaultdict(list)
    for epoch in published.curves:
        for part in ("", "val_"):
            v = [epoch.values[part + name] for name in ("accuracy", "precision", "recall")]
            shares[epoch.configuration].append(prevalence(*v))
    assert set(shares) == set(CONFIGURATIONS)
    for name, values in shares.items():
        normal = 1 - CONFIGURATIONS[name].cancer_percent / 100
        assert min(values) > normal - 0.012
        assert max(values) < normal + 0.012


def test_every_curve_ends_ten_epochs_after_its_lowest_val_loss(published: Published) -> None:
    for name in CONFIGURATIONS:
        losses = [e.values["val_loss"] for e in published.curves if e.configuration == name]
        assert losses.index(min(losses)) == len(losses) - 1 - 10


def test_every_configuration_is_printed_or_named_as_not(published: Published) -> None:
    printed = {row.configuration for row in published.rows}
    assert printed | set(published.not_printed) == set(CONFIGURATIONS)
    assert not printed & set(published.not_printed)


def test_prevalence_of_a_known_table() -> None:
    tp, fp, fn, tn = 30, 20, 10, 40
    value = prevalence((tp + tn) / 100, tp / (tp + fp), tp / (tp + fn))
    assert value == pytest.approx((tp + fn) / 100)


def test_unreadable_numbers_are_refused(tmp_path) -> None:
    (tmp_path / "results.json").write_text('{"source": "x"}')
    with pytest.raises(BadInput, match="cannot be read"):
        load_published(tmp_path)


def test_the_table_beside_the_numbers_is_what_the_code_computes(published: Published) -> None:
    text = (resource("benchmarks/published") / "README.md").read_text("utf-8")
    repeated = published.duplicates()
    for row in published.rows:
        m = reread(row, published).metrics()
        names = ("recall", "specificity", "precision", "f1", "balanced_accuracy")
        note = f" (repeats {repeated[row.configuration]})" if row.configuration in repeated else ""
        cells = [row.configuration + note, *(f"{m[name]:.3f}" for name in names)]
        assert f"| {' | '.join(cells)} |" in text
