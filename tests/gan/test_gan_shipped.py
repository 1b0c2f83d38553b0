"""The generators that come with the package: named, small, of phantoms alone, trained alike."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.films.phantom import PhantomSettings
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.sources.phantom import PhantomSource
from mammo_synth.gan.sample import LoadedGenerator, load_generator, sample
from mammo_synth.gan.shipped import SHIPPED, shipped_generator
from tests.gan.test_gan_commands import call

EVIDENCE = Path(__file__).resolve().parents[2] / "benchmarks" / "generators"


@pytest.fixture(scope="module")
def generators() -> dict[str, LoadedGenerator]:
    return {name: load_generator(Path(name)) for name in SHIPPED}


def test_they_are_small_and_say_what_they_are(generators: dict[str, LoadedGenerator]) -> None:
    for name, generator in generators.items():
        facts = generator.describe()
        assert generator.label == name.removeprefix("phantom-")
        assert generator.resolution >= 128
        assert generator.path.stat().st_size < 5_000_000
        assert facts["simulated"] is True and facts["source"] == "phantom"
        assert "CC0" in facts["licence"]


def test_they_were_trained_alike(generators: dict[str, LoadedGenerator]) -> None:
    first, second = (generators[name].describe() for name in SHIPPED)
    for fact in ("training", "network", "before", "init", "prepared_manifest", "parameters"):
        assert first[fact] == second[fact]
    assert first["sha256"] != second["sha256"]


def test_settings_and_statistics_of_their_runs_are_kept(
    generators: dict[str, LoadedGenerator],
) -> None:
    for name, generator in generators.items():
        kept = json.loads((EVIDENCE / name / "settings.json").read_text())
        training = generator.describe()["training"]
        length = training.pop("kimg")  # as planned; the run may have been ended before
        assert {key: kept[key] for key in training} == training
        assert kept["start"] == generator.metadata["init_from"]
        rows = [json.loads(x) for x in (EVIDENCE / name / "stats.jsonl").read_text().splitlines()]
        assert generator.kimg <= rows[-1]["kimg"] == kept["kimg"] <= length
        measured = {row["texture"]: row["kimg"] for row in rows if row.get("texture") is not None}
        assert measured[min(measured)] == generator.kimg


def test_what_they_are_can_be_read(generators: dict[str, LoadedGenerator]) -> None:
    for name, generator in generators.items():
        text = call("info", name)
        count = len(json.loads(generator.metadata["patients"]))
        assert f"{count} (--json lists their digests)" in text
        (before,) = generator.describe()["before"]
        assert before["sha256"] in text and before["label"] == "both"


def test_they_draw_films(generators: dict[str, LoadedGenerator]) -> None:
    """A breast at the left edge, dark film at the right, and another image for every seed."""
    for generator in generators.values():
        images = np.stack([image for _, image in sample(generator, range(16))])
        assert images.shape == (16, 128, 128)
        assert images[:, 32:96, :16].mean() > 60
        assert images[:, :, -16:].mean() < 15
        assert np.abs(np.diff(images.astype(int), axis=0)).mean(axis=(1, 2)).min() > 2


def test_no_phantom_patient_of_another_seed_was_seen(
    generators: dict[str, LoadedGenerator], tmp_path: Path
) -> None:
    small = PhantomSource(16, 0, dataclasses.replace(PhantomSettings(), height=32))
    films = prepare(small, tmp_path / "films", PrepareSettings(32))
    for generator in generators.values():
        seen = set(json.loads(generator.metadata["patients"]))
        assert len(seen) > 400
        for role in ("train", "val", "real_test"):
            assert not seen & set(films.patients(role))


def test_a_name_is_taken_where_a_file_is_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="neither a file") as caught:
        load_generator(Path("phantom-cancr"))
    assert "phantom-cancer" in (caught.value.hint or "")
    own = shipped_generator("phantom-normal")
    assert own is not None
    shutil.copy(own, tmp_path / "phantom-cancer")  # the user's own file comes first
    assert load_generator(Path("phantom-cancer")).label == "normal"
