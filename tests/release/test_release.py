"""The release: loads with plain `datasets`, keeps the rule, the prefixes and the lines."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.configurations import CANCER, CELLS, CONFIGURATIONS, NORMAL, REAL, SYNTHETIC, Cell
from mammo_synth.errors import BadInput
from mammo_synth.films.phantom import PhantomSettings
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.films.sources.phantom import PhantomSource
from mammo_synth.films.split import SplitSettings
from mammo_synth.png import decode_png, encode_png
from mammo_synth.release import shards as shards_module
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.card import render_card
from mammo_synth.release.facts import planned_shards, shard_facts
from mammo_synth.release.folder import Release
from mammo_synth.release.plan import choose_films, plan_shards, seeds, shards_of
from mammo_synth.release.schema import COLUMNS, arrow_schema, features_yaml
from mammo_synth.release.sheet import GAP, contact_sheet
from mammo_synth.release.verify import verify_release
from tests.conftest import build_small_release, fake_generators
from tests.release.tampering import first, rewrite

sizes = st.integers(20, 24_000)


@settings(max_examples=25)
@given(sizes)
def test_every_configuration_is_a_prefix_in_every_cell_at_any_size(size: int) -> None:
    shards = plan_shards(size, {CANCER: 7, NORMAL: 9})
    for name, one in CONFIGURATIONS.items():
        chosen = shards_of(name, size, shards)
        for cell, n in one.counts(size).items():
            mine = [s for s in chosen[cell.split] if s.cell == cell]
            ends = [0, *(s.stop for s in mine)]
            assert [s.start for s in mine] == ends[:-1] and ends[-1] == n
        assert sum(s.rows for s in chosen["real_test"]) == 16


def test_full_size_stores_each_image_once() -> None:
    shards = plan_shards(24_000, {CANCER: 900, NORMAL: 2100})
    assert sum(shard.rows for shard in shards) == 36_792
    assert len({shard.path for shard in shards}) == len(shards) < 100
    listed = [shards_of(name, 24_000, shards) for name in CONFIGURATIONS]
    rows = sum(s.rows for one in listed for split in one.values() for s in split)
    assert rows == 9 * 27_000


@given(sizes)
def test_seeds_never_cross(size: int) -> None:
    synthetic = [cell for cell in CELLS if cell.origin == SYNTHETIC]
    ranges = [seeds(cell, 0, size) for cell in synthetic]
    for i, one in enumerate(ranges):
        for other in ranges[i + 1 :]:
            assert one[-1] < other[0] or other[-1] < one[0]


def ids(train: int, val: int, real_test: int) -> dict[tuple[str, int], list[str]]:
    counts = {"train": train, "val": val, "real_test": real_test}
    return {
        (role, label): [f"{role}-{label}-{k}" for k in range(n)]
        for role, n in counts.items()
        for label in (CANCER, NORMAL)
    }


def test_real_films_come_from_their_own_role() -> None:
    chosen = choose_films(200, "strict", ids(20, 8, 5), 0)
    for cell, films in chosen.items():
        role = {"train": "train", "test": "val", "real_test": "real_test"}[cell.split]
        assert all(film.startswith(f"{role}-{cell.label}-") for film in films)
        assert len(set(films)) == len(films)


def test_too_few_films_say_what_is_short_and_what_fits() -> None:
    with pytest.raises(BadInput) as error:
        choose_films(2000, "strict", ids(20, 50, 5), 0)
    text = str(error.value)
    assert "train needs 98 real cancer films (role train), there are 20" in text
    largest = int(text.split("allow is ")[1].split(".")[0])
    assert choose_films(largest, "strict", ids(20, 50, 5), 0)
    with pytest.raises(BadInput):
        choose_films(largest + 1, "strict", ids(20, 50, 5), 0)


def test_study_protocol_fills_up_from_other_roles() -> None:
    with pytest.raises(BadInput):
        choose_films(600, "strict", ids(20, 20, 20), 0)
    chosen = choose_films(600, "study", ids(20, 20, 20), 0)
    assert len(chosen[Cell("train", CANCER, REAL)]) == 29


def test_datasets_loads_all_nine_as_written(
    small_release: Release, offline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_release.folder.parent)
    held_out = small_release.manifest.facts["films"]["real_test"]
    for name, one in CONFIGURATIONS.items():
        data = offline.load_dataset("mammo-synth", name)
        assert set(data) == {"train", "test", "real_test"}
        assert data["train"].features["label"].names == ["normal", "cancer"]
        for split in ("train", "test"):
            for cell, n in one.counts(120).items():
                if cell.split == split:
                    pairs = zip(data[split]["label"], data[split]["origin"], strict=True)
                    assert sum(p == (cell.label, cell.origin) for p in pairs) == n
        assert sum(data["real_test"]["label"]) == held_out["cancer"]
        image = data["train"][0]["image"]
        assert image.mode == "L" and image.size == (32, 32)
        stream = offline.load_dataset("mammo-synth", name, streaming=True)
        assert next(iter(stream["real_test"]))["image"].mode == "L"
        assert sum(1 for _ in stream["test"]) == data["test"].num_rows
    assert data["train"].info.version == "1.0.0"
    assert list(data["train"].features) == list(COLUMNS)


def test_default_configuration_and_wrong_names(small_release: Release, offline: Any) -> None:
    folder = str(small_release.folder)
    assert offline.load_dataset(folder, split="train").info.config_name == "50-50-90syn"
    with pytest.raises(ValueError, match="50-50-85syn"):
        offline.load_dataset(folder, "50-50-85syn")


def test_a_rebuilt_folder_is_never_served_from_a_stale_cache(
    prepared_set: PreparedSet, tmp_path: Path, offline: Any
) -> None:
    build_small_release(prepared_set, tmp_path, 120)
    folder = str(tmp_path / "mammo-synth")
    assert offline.load_dataset(folder, "50-50-90syn", split="train").num_rows == 84
    build_small_release(prepared_set, tmp_path, 160, replace=True)
    assert offline.load_dataset(folder, "50-50-90syn", split="train").num_rows == 112


def test_card_features_parquet_and_datasets_agree(small_release: Release) -> None:
    import datasets

    front = (small_release.folder / "README.md").read_text().split("---\n")[1]
    card = yaml.safe_load(front)
    assert [c["config_name"] for c in card["configs"]] == list(CONFIGURATIONS)
    assert [c["config_name"] for c in card["configs"] if c.get("default")] == ["50-50-90syn"]
    assert card["dataset_info"][0]["features"] == features_yaml()
    from_card = datasets.Features._from_yaml_list(features_yaml())
    assert datasets.Features.from_arrow_schema(arrow_schema()) == from_card
    assert from_card["image"] == datasets.Image(mode="L")
    facts = small_release.manifest.facts
    assert card["configs"][0]["description"].endswith(
        facts["configurations"]["30-70-100syn"]["digest"][:16]
    )


def test_the_card_says_what_must_be_said(small_release: Release) -> None:
    card = (small_release.folder / "README.md").read_text()
    for words in ("Never for diagnosis", "Cancer is the positive class", "do not publish it"):
        assert words in card
    facts = small_release.manifest.facts
    phantom = render_card(
        small_release.manifest.settings,
        {**facts, "terms": {**facts["terms"], "simulated": True}, "protocol": "study"},
    )
    for words in ("films behind this release are simulated", "Study protocol", "phantom"):
        assert words in phantom


def test_a_sound_release_verifies(small_release: Release) -> None:
    assert verify_release(small_release) == []


@pytest.fixture()
def copy(small_release: Release, tmp_path: Path) -> Path:
    """A copy of the release that may be tampered with."""
    return Path(shutil.copytree(small_release.folder, tmp_path / "mammo-synth"))


@pytest.mark.parametrize("name", ["README.md", "data/train/cancer-synthetic/*.parquet"])
def test_a_tampered_byte_is_named(copy: Path, name: str) -> None:
    path = sorted(copy.glob(name))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (problem,) = verify_release(Release.open(copy))
    assert path.name in problem and "sha256" in problem


def reseal(folder: Path) -> Release:
    """Write a manifest whose digests fit the tampered files: only the content can betray them."""
    from mammo_synth.manifest import read_manifest, write_manifest

    old = read_manifest(folder)
    shards = planned_shards(old.facts)
    facts = {**old.facts, **shard_facts(folder, shards, old.settings["size"])}
    write_manifest(folder, "release", settings=old.settings, inputs=old.inputs, facts=facts)
    return Release.open(folder)


def test_verify_finds_a_wrong_label_a_foreign_seed_and_a_broken_image(copy: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["label"] = 0
        rows[1]["seed"] = 5
        rows[2]["image"]["bytes"] = b"no image"

    rewrite(first(copy, "train/cancer-synthetic"), change)
    text = "\n".join(verify_release(reseal(copy)))
    for words in ("label or origin", "its seed is 5", "does not decode"):
        assert words in text


def test_verify_finds_a_patient_and_a_picture_on_both_sides(copy: Path) -> None:
    held_out = pq.read_table(first(copy, "real_test/cancer-real")).to_pylist()[0]

    def leak(rows: list[dict[str, Any]]) -> None:
        rows[0]["patient_id"] = held_out["patient_id"]
        rows[0]["image"] = held_out["image"]

    rewrite(first(copy, "train/cancer-real"), leak)
    text = "\n".join(verify_release(reseal(copy)))
    assert f"patient {held_out['patient_id']} stands in train too" in text
    assert "the same picture stands in train" in text


def test_verify_finds_a_card_that_was_edited(copy: Path) -> None:
    card = copy / "README.md"
    card.write_text(card.read_text().replace("Never for diagnosis", "Fine for diagnosis"))
    assert verify_release(reseal(copy)) == ["README.md is not the card that the manifest gives."]


def test_an_interrupted_build_goes_on_to_the_same_bytes(
    prepared_set: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = build_small_release(prepared_set, tmp_path / "a")
    real, calls = shards_module.encode_png, []

    def stop_at_100(pixels: Any) -> bytes:
        calls.append(1)
        if len(calls) == 100:
            raise KeyboardInterrupt
        return real(pixels)

    monkeypatch.setattr(shards_module, "encode_png", stop_at_100)
    with pytest.raises(KeyboardInterrupt):
        build_small_release(prepared_set, tmp_path / "b")
    assert not (tmp_path / "b" / "mammo-synth").exists()
    again = build_small_release(prepared_set, tmp_path / "b")
    assert again.manifest.files == whole.manifest.files
    stored = sum(s["rows"] for s in whole.manifest.facts["shards"] if s["origin"] == SYNTHETIC)
    assert stored < len(calls) < stored + 100
    before = (again.folder / "manifest.json").stat().st_mtime_ns
    build_small_release(prepared_set, tmp_path / "b")
    assert (again.folder / "manifest.json").stat().st_mtime_ns == before


def test_generators_that_do_not_belong_are_refused(
    prepared_set: PreparedSet, film_folder: Path, tmp_path: Path
) -> None:
    generators = fake_generators(prepared_set, tmp_path)
    out, wanted = tmp_path / "mammo-synth", ReleaseSettings(120)
    swapped = {CANCER: generators[NORMAL], NORMAL: generators[CANCER]}
    with pytest.raises(BadInput, match="trained on normal films"):
        build_release(prepared_set, swapped, out, wanted)
    other = prepare(FolderSource(film_folder), tmp_path / "other", PrepareSettings(64))
    with pytest.raises(BadInput, match="32 px images, the prepared films are 64 px"):
        build_release(other, generators, out, wanted)
    foreign = fake_generators(other, tmp_path)
    object.__setattr__(foreign[CANCER], "resolution", 32)
    with pytest.raises(BadInput, match="was not trained on this prepared set"):
        build_release(prepared_set, foreign, out, wanted)
    assert not out.exists()


def test_phantom_generators_of_other_phantom_patients_are_taken(
    prepared_set: PreparedSet, tmp_path: Path
) -> None:
    small = dataclasses.replace(PhantomSettings(), height=32)
    split = SplitSettings(40, 30, 30)
    films = prepare(
        PhantomSource(16, 3, small), tmp_path / "films", PrepareSettings(32, split=split)
    )
    elsewhere = prepare(PhantomSource(16, 4, small), tmp_path / "other", PrepareSettings(32))
    generators = {}
    for label, generator in fake_generators(elsewhere, tmp_path).items():
        known = frozenset(elsewhere.patients("train", label))
        generators[label] = dataclasses.replace(generator, patients=known, simulated=True)
    wanted = ReleaseSettings(20)
    out = tmp_path / "mammo-synth"
    build_release(films, generators, out, wanted)

    def refused(**changes: Any) -> None:
        changed = dataclasses.replace(generators[CANCER], **changes)
        with pytest.raises(BadInput, match="was not trained on this prepared set"):
            build_release(films, {**generators, CANCER: changed}, tmp_path / "no", wanted)

    refused(simulated=False)
    refused(patients=None)
    for role in ("val", "real_test"):
        seen = frozenset(films.patients(role)[:1]) | generators[CANCER].patients
        refused(patients=seen)
        # Trained on these very films, but from networks that knew others.
        refused(patients=seen, prepared_set=films.manifest.sha256)
    refused(patients=None, prepared_set=films.manifest.sha256)
    # Patients of real films may be known by other names elsewhere: nothing is concluded from them.
    own = fake_generators(prepared_set, tmp_path)
    elsewhere_first = dataclasses.replace(
        own[CANCER], before=({"prepared_manifest": "0" * 64, "simulated": "false", "films": ""},)
    )
    with pytest.raises(BadInput, match="was not trained on this prepared set"):
        build_release(
            prepared_set, {**own, CANCER: elsewhere_first}, tmp_path / "no", ReleaseSettings(120)
        )
    here = prepared_set.manifest.sha256
    fine: tuple[dict[str, str], ...] = (
        {"prepared_manifest": here, "simulated": "false", "films": ""},
        {"prepared_manifest": "", "simulated": "false", "films": "none"},
        {"prepared_manifest": "0" * 64, "simulated": "true", "films": ""},
    )
    allowed = {**own, CANCER: dataclasses.replace(own[CANCER], before=fine)}
    build_release(prepared_set, allowed, tmp_path / "allowed", ReleaseSettings(120))
    unknown = {
        label: dataclasses.replace(generator, prepared_set="0" * 64)
        for label, generator in generators.items()
    }
    with pytest.raises(BadInput, match="was not trained on this prepared set"):
        build_release(prepared_set, unknown, tmp_path / "no", ReleaseSettings(120))


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0-x", "01.0.0", ""])
def test_versions(version: str) -> None:
    with pytest.raises(BadInput, match="three numbers"):
        ReleaseSettings(120, version)


def test_rows_for_the_benchmark(small_release: Release) -> None:
    rows = small_release.rows("50-50-90syn", "train")
    assert rows.images.shape == (84, 32, 32) and rows.images.dtype == np.uint8
    assert len(rows) == len(rows.label) == len(rows.patient_id) == 84
    for i, record in enumerate(small_release.records("50-50-90syn", "train")):
        assert np.array_equal(rows.images[i], decode_png(record["image"]["bytes"]))
        assert (rows.label[i], rows.origin[i]) == (record["label"], record["origin"])
        for name in ("image_id", "patient_id", "seed", "view", "laterality", "source"):
            assert getattr(rows, name)[i] == record[name]
    real_only = small_release.rows("real", "train")
    assert set(real_only.origin) == {REAL} and set(real_only.label) == {CANCER, NORMAL}
    with pytest.raises(BadInput, match="no configuration '50-50-9syn'"):
        small_release.rows("50-50-9syn", "train")
    with pytest.raises(BadInput, match="no split 'val'"):
        small_release.rows("50-50-90syn", "val")


def test_a_missing_shard_is_named(copy: Path) -> None:
    first(copy, "train/normal-synthetic").unlink()
    with pytest.raises(BadInput, match="is missing from the release"):
        Release.open(copy).rows("30-70-100syn", "train")


def test_no_path_of_this_machine_in_a_release(small_release: Release) -> None:
    text = json.dumps(json.loads((small_release.folder / "manifest.json").read_text()))
    assert os.fspath(Path.home()) not in text and os.fspath(small_release.folder) not in text


@pytest.mark.parametrize(("side", "tile"), [(32, 128), (100, 100), (128, 128), (512, 256)])
def test_a_contact_sheet_fits_a_page(side: int, tile: int) -> None:
    white = encode_png(np.full((side, side), 255, np.uint8))
    with Image.open(io.BytesIO(contact_sheet([("a", [white] * 3)]))) as sheet:
        assert sheet.width == GAP + 3 * (tile + GAP)
