"""Bad input, as a user would give it: one clear error, exit code 2, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mammo_synth.configurations import CANCER
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.gan.settings import NetworkSettings, preset
from mammo_synth.gan.train import Origin, train_run
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly, fake_film, write_film_folder


@pytest.fixture()
def out(tmp_path: Path) -> Path:
    """Where the refused command was told to write."""
    return tmp_path / "work" / "out"


def nothing_written(out: Path) -> bool:
    return not out.parent.exists() or not any(out.parent.rglob("*"))


def test_a_wrong_configuration_name(run: Command, small_release: Release, out: Path) -> None:
    bench = ("bench", "run", small_release.folder, "--classifier", "prior", "--out", out)
    assert_friendly(run(*bench, "--config", "50-50-85syn"), "'50-50-85syn'", "50-50-95syn")
    assert nothing_written(out)


def test_a_missing_folder(run: Command, out: Path) -> None:
    assert_friendly(run("films", "prepare", "folder", "gone", "--out", out), "no folder 'gone'")
    assert_friendly(
        run("bench", "run", "gone", "--config", "30-70-90syn", "--out", out), "no folder 'gone'"
    )
    assert_friendly(run("leaderboard", "render", "gone", "--out", out), "gone")
    assert_friendly(
        run("generator", "train", "gone", "--label", "cancer", "--out", out), "no folder 'gone'"
    )
    assert nothing_written(out)


def test_an_image_that_does_not_decode(run: Command, tmp_path: Path, out: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 12)
    (folder / "007R.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    prepare = ("films", "prepare", "folder", folder, "--size", "32", "--out", out)
    strict = run(*prepare, "--strict-files")
    assert_friendly(strict, "007R.png", "does not decode", "leave --strict-files away")
    assert nothing_written(out)
    done = run(*prepare)
    assert done.code == 0 and "007R.png" in done.stdout


def test_an_info_row_without_a_film(run: Command, tmp_path: Path, out: Path) -> None:
    mias = tmp_path / "mias"
    mias.mkdir()
    (mias / "Info.txt").write_text("mdb001 G CIRC M 5 5 5\nmdb002 G NORM\n")
    Image.fromarray(fake_film(1, "normal")).save(mias / "mdb001.pgm")
    prepare = ("films", "prepare", "mias", mias, "--out", out)
    assert_friendly(run(*prepare, "--strict-files"), "no mdb002.pgm or mdb002.png", "line 2")
    assert nothing_written(out)


def test_too_few_patients(run: Command, tmp_path: Path, out: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 6)
    assert_friendly(
        run("films", "prepare", "folder", folder, "--size", "32", "--out", out),
        "2 patients with cancer and 4 without",
    )
    assert nothing_written(out)


def test_an_unknown_recipe_key(run: Command, small_release: Release, out: Path) -> None:
    bench = ("bench", "run", small_release.folder, "--config", "50-50-90syn", "--out", out)
    assert_friendly(run(*bench, "--classifier", "vgg16", "--set", "epoch=3"), "'epoch'", "'epochs'")
    assert nothing_written(out)


def test_a_generator_file_cut_short(
    run: Command, prepared_set: PreparedSet, tmp_path: Path, out: Path
) -> None:
    images, _ = prepared_set.images("train", CANCER)
    settings = preset("demo", 32)
    small = NetworkSettings(32, z_dim=8, w_dim=8, channel_base=64, channel_max=8)
    object.__setattr__(settings, "network", small)
    object.__setattr__(settings, "kimg", 0.008)
    made = train_run(images, settings, tmp_path / "run", Origin("cancer"))
    cut = tmp_path / "cut.safetensors"
    data = made.generator.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    sample = ("generator", "sample", cut, "--seeds", "0-3", "--out", out)
    assert_friendly(run(*sample), "cut.safetensors")
    build = ("release", "build", "--prepared", prepared_set.folder, "--out", out)
    assert_friendly(run(*build, "--cancer", cut, "--normal", cut), "cut.safetensors")
    assert nothing_written(out)


def test_an_output_that_may_not_be_written(run: Command, film_folder: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("mine")
    prepare = ("films", "prepare", "folder", film_folder, "--size", "32", "--out")
    assert_friendly(run(*prepare, blocker), "is a file; a folder was expected")
    assert_friendly(run(*prepare, blocker / "below"), "Not a directory", "choose another --out")
    assert blocker.read_text() == "mine"
