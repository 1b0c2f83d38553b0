"""Preparing films: orientation, geometry, split by patient, resume, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films import prepare as prepare_module
from mammo_synth.films.geometry import Geometry, chest_wall_side, prepare_pixels, to_eight_bits
from mammo_synth.films.inspect import inspect_films
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.record import FilmRecord, label_of
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.films.split import SplitSettings, parse_shares, split_by_patient
from mammo_synth.manifest import check_folder
from tests.conftest import fake_film, write_film_folder

SMALL = PrepareSettings(32)


def test_labels_by_protocol() -> None:
    assert [label_of(f, "strict") for f in ("normal", "benign", "malignant")] == [0, None, 1]
    assert [label_of(f, "study") for f in ("normal", "benign", "malignant")] == [0, 1, 1]


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("shape", [(48, 40), (40, 48), (64, 64)])
def test_the_chest_wall_ends_on_the_left(side: str, shape: tuple[int, int]) -> None:
    film = fake_film(1, "normal", side, shape)
    assert chest_wall_side(film) == {"L": "left", "R": "right"}[side]
    prepared, geometry = prepare_pixels(film, 32)
    assert prepared.shape == (32, 32) and prepared.dtype == np.uint8
    assert geometry.flipped == (side == "R")
    assert chest_wall_side(prepared) == "left"


def test_a_wide_padded_scan_with_a_label_plate_is_oriented_by_the_breast() -> None:
    scan = np.zeros((100, 160), np.uint8)
    scan[10:90, 30:94] = fake_film(2, "normal", "L", (80, 64))
    scan[5:15, 140:158] = 255  # a plate far from the chest wall
    assert chest_wall_side(scan) == "left"
    assert chest_wall_side(np.ascontiguousarray(scan[:, ::-1])) == "right"


def test_the_mean_grey_survives_padding_and_reduction() -> None:
    film = fake_film(3, "normal", "L", (128, 96))
    prepared, geometry = prepare_pixels(film, 32)
    assert geometry.pad_right == 32 and geometry.scale == 0.25
    assert prepared.astype(float).mean() == pytest.approx(film.sum() / 128**2, abs=1.0)
    assert prepared[:, 25:].max() <= 12  # the padding is on the right


@given(
    st.integers(8, 500),
    st.integers(8, 500),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_geometry_maps_there_and_back(
    width: int, height: int, flipped: bool, u: float, v: float
) -> None:
    side = max(width, height)
    top = (side - height) // 2
    geometry = Geometry(width, height, flipped, top, side - height - top, side - width, 64 / side)
    x, y = u * (width - 1), v * (height - 1)
    px, py = geometry.to_prepared(x, y)
    assert -1 <= px <= 64 and -1 <= py <= 64
    assert geometry.to_film(px, py) == pytest.approx((x, y), abs=1e-6)


def test_a_point_lands_where_the_geometry_says() -> None:
    film = fake_film(4, "normal", "R", (256, 192))
    film = np.ascontiguousarray(film)
    film[100:108, 150:158] = 255
    prepared, geometry = prepare_pixels(film, 64)
    x, y = geometry.to_prepared(153.5, 103.5)
    row, column = np.unravel_index(int(prepared.argmax()), prepared.shape)
    assert abs(column - x) <= 1 and abs(row - y) <= 1


def test_sixteen_bits_become_eight_linearly() -> None:
    ramp = np.linspace(1000, 41000, 10_000).reshape(100, 100).astype(np.uint16)
    grey = to_eight_bits(ramp)
    assert (int(grey.min()), int(grey.max())) == (0, 255)
    assert np.all(np.diff(grey.ravel().astype(int)) >= 0)
    assert abs(int(grey[50, 0]) - 128) <= 1
    assert to_eight_bits(np.full((9, 9), 777, np.uint16)).max() == 0


@pytest.mark.parametrize("film", [np.zeros((50, 40), np.uint8), np.full((50, 40), 3, np.uint8)])
def test_an_empty_film_is_refused(film: Any) -> None:
    with pytest.raises(BadInput, match="empty"):
        prepare_pixels(film, 32)


def records(cancer: int, normal: int) -> list[FilmRecord]:
    made = []
    for k in range(cancer + normal):
        for side in "LR":
            finding = "malignant" if k < cancer and side == "L" else "normal"
            made.append(FilmRecord(f"i{k}{side}", f"p{k}", finding, "MLO", side, None, ""))
    return made


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 5))
def test_every_patient_has_one_role_and_every_role_both_classes(a: int, b: int, seed: int) -> None:
    films = records(a, b)
    roles = split_by_patient(films, "strict", SplitSettings(seed=seed))
    assert set(roles) == {r.patient_id for r in films}
    for role in ("train", "val", "real_test"):
        findings = {r.finding for r in films if roles[r.patient_id] == role}
        assert findings == {"normal", "malignant"}
    assert roles == split_by_patient(films[::-1], "strict", SplitSettings(seed=seed))


def test_shares_are_kept() -> None:
    roles = split_by_patient(records(100, 200), "strict", SplitSettings(60, 10, 30))
    counts = [list(roles.values()).count(r) for r in ("train", "val", "real_test")]
    assert counts == [180, 30, 90]


def test_too_few_patients_are_counted() -> None:
    with pytest.raises(BadInput, match="2 patients with cancer and 9 without"):
        split_by_patient(records(2, 9), "strict", SplitSettings())


@pytest.mark.parametrize("text", ["", "60,40", "a,b,c", "60,10,31", "100,0,0", "-10,60,50"])
def test_bad_shares(text: str) -> None:
    with pytest.raises(BadInput, match=r"60,10,30"):
        parse_shares(text, 0)


def test_a_prepared_set_holds_what_it_says(prepared_set: PreparedSet) -> None:
    assert check_folder(prepared_set.folder) == []
    facts = prepared_set.manifest.facts
    assert facts["films"]["train"] == {"cancer": 12, "normal": 60}
    pixels, ids = prepared_set.images("train", 1)
    assert pixels.shape == (12, 32, 32) and pixels.dtype == np.uint8 and len(set(ids)) == 12
    table = prepared_set.table.to_pylist()
    assert len(table) == 120
    roles: dict[str, set[str]] = {}
    for row in table:
        roles.setdefault(row["patient_id"], set()).add(row["role"])
        assert "patient" not in row["patient_id"] and row["image_id"].startswith("folder-")
    assert all(len(seen) == 1 for seen in roles.values())
    with pytest.raises(BadInput, match="no role"):
        prepared_set.images("valid", 1)


def test_workers_interruptions_and_reruns_give_the_same_bytes(
    film_folder: Path, prepared_set: PreparedSet, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(prepare_module, "SHARD_FILMS", 40)
    source = FolderSource(film_folder)
    whole = prepare(source, tmp_path / "whole", SMALL, workers=2)

    real, calls = prepare_module._prepare_film, []

    def stop_at_90(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 90:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(prepare_module, "_prepare_film", stop_at_90)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "cut", SMALL)
    assert not (tmp_path / "cut").exists()
    again = prepare(source, tmp_path / "cut", SMALL)
    assert again.manifest.sha256 == whole.manifest.sha256
    assert len(calls) == 90 + 40  # two of three shards were kept

    before = (tmp_path / "cut" / "manifest.json").stat().st_mtime_ns
    prepare(source, tmp_path / "cut", SMALL)
    assert (tmp_path / "cut" / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(BadInput, match="other settings"):
        prepare(source, tmp_path / "cut", PrepareSettings(64))


@pytest.fixture()
def bad_folder(tmp_path: Path) -> Path:
    """A film folder in which one film is cut short."""
    folder = write_film_folder(tmp_path / "films", 12)
    film = folder / "004L.png"
    film.write_bytes(film.read_bytes()[:200])
    return folder


def test_a_film_that_does_not_decode_stops_everything(bad_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"004L\.png.*does not decode"):
        prepare(FolderSource(bad_folder), tmp_path / "out", SMALL)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["films"]


def test_or_is_skipped_and_listed(bad_folder: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(32, skip_bad_films=True)
    prepared = prepare(FolderSource(bad_folder), tmp_path / "out", settings)
    refused = prepared.manifest.facts["refused"]
    assert len(refused) == 1 and "004L.png" in next(iter(refused.values()))
    assert prepared.table.num_rows == 23


def test_one_film_under_two_patients_is_refused(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 12)
    shutil.copy(folder / "001L.png", folder / "002L.png")
    with pytest.raises(BadInput, match="the same film under two patients"):
        prepare(FolderSource(folder), tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_inspect_names_what_is_wrong_and_what_fits(bad_folder: Path) -> None:
    found = inspect_films(FolderSource(bad_folder), "strict", SplitSettings(34, 33, 33))
    assert (found.films, found.patients) == (24, 12)
    assert len(found.problems) == 1 and "004L.png" in found.problems[0]
    assert found.findings == {"normal": 20, "malignant": 4}
    assert found.largest_size > 0 and found.split is not None


def test_bad_settings() -> None:
    with pytest.raises(BadInput, match="100 px"):
        PrepareSettings(100)
    with pytest.raises(BadInput, match="no protocol"):
        PrepareSettings(64, "loose")


def test_a_tiny_film_is_refused(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 200).save(tmp_path / "x.png")
    with pytest.raises(BadInput, match="4 x 4"):
        prepare_pixels(np.asarray(Image.open(tmp_path / "x.png")), 32)
