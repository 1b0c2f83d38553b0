"""The validation part: no patient and no seed on both sides, stratified, independent of order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.bench.split import split_validation
from mammo_synth.errors import BadInput


def _rows(seed: int, synthetic: int = 120, real: int = 60) -> dict[str, list]:
    generator = np.random.default_rng(seed)
    label = np.r_[np.arange(synthetic) % 3 == 0, generator.integers(0, 2, real)].astype(int)
    patient = generator.integers(0, real // 3, real)
    return {
        "label": label.tolist(),
        "origin": [0] * synthetic + [1] * real,
        "image_id": [f"i{i:04d}" for i in range(synthetic + real)],
        "patient_id": [None] * synthetic + [f"p{k}" for k in patient],
        # the same seeds for both generators
        "seed_of_image": [i // 2 for i in range(synthetic)] + [None] * real,
    }


def _split(rows: dict[str, list], share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    arrays = {key: np.array(rows[key], dtype=np.int64) for key in ("label", "origin")}
    return split_validation(**(rows | arrays), share=share, seed=seed)


@given(st.integers(0, 1000), st.integers(0, 50), st.sampled_from([0.15, 0.3]))
def test_nobody_stands_on_both_sides(rows_seed: int, seed: int, share: float) -> None:
    rows = _rows(rows_seed)
    train, validation = _split(rows, share, seed)
    assert sorted([*train, *validation]) == list(range(180))
    for key in ("patient_id", "seed_of_image"):
        left = {rows[key][i] for i in train} - {None}
        right = {rows[key][i] for i in validation} - {None}
        assert left
        assert right
        assert not left & right
    label = np.array(rows["label"])
    assert abs(len(validation) - share * 180) < 12
    # Patients stay whole, so the classes' shares are near, not equal: 0.02 apart as a rule.
    assert abs(label[validation].mean() - label.mean()) < 0.2


def test_the_split_does_not_depend_on_the_order_of_rows_but_on_the_seed() -> None:
    rows = _rows(0)
    ids = {rows["image_id"][i] for i in _split(rows, 0.2, 0)[1]}
    order = np.random.default_rng(1).permutation(180)
    mixed = {key: [values[i] for i in order] for key, values in rows.items()}
    assert {mixed["image_id"][i] for i in _split(mixed, 0.2, 0)[1]} == ids
    assert {rows["image_id"][i] for i in _split(rows, 0.2, 1)[1]} != ids


def test_a_part_without_a_class_is_refused() -> None:
    rows = _rows(0)
    rows["label"] = [0] * 180
    with pytest.raises(BadInput, match=r"training part.*no cancer images"):
        _split(rows, 0.2, 0)
    few = {key: values[:6] for key, values in _rows(0).items()}
    with pytest.raises(BadInput, match="validation part"):
        _split(few, 0.1, 0)
