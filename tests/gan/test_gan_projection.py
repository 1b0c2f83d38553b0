"""Projection: an image that the generator drew comes back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mammo_synth.errors import BadInput
from mammo_synth.gan import projection_files
from mammo_synth.gan.drawing import Drawing, draw_styles, map_latents
from mammo_synth.gan.latents import latents
from mammo_synth.gan.perceptual import perceptual_distance
from mammo_synth.gan.projection import ProjectionSettings, project, project_all
from mammo_synth.gan.projection_search import Schedule, noise_penalty, spread_of_w
from mammo_synth.gan.sample import LoadedGenerator, load_generator, sample
from mammo_synth.manifest import verify_chain
from mammo_synth.png import encode_png
from mammo_synth.progress import SILENT, Progress, Silent
from tests.conftest import fake_film
from tests.gan.gan_files import NETWORK, generator_file
from tests.gan.test_gan_commands import call

CPU = torch.device("cpu")
QUICK = ProjectionSettings(steps=12, w_samples=200)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator_file(tmp_path_factory.mktemp("projection") / "g.safetensors", NETWORK)


@pytest.fixture(scope="module")
def generator(file: Path) -> LoadedGenerator:
    return load_generator(file)


def apart(first: np.ndarray, second: np.ndarray) -> float:
    pair = [torch.from_numpy(x.astype(np.float32) / 127.5 - 1)[None, None] for x in (first, second)]
    return float(perceptual_distance(*pair))


def test_image_of_the_generator_comes_back(generator):
    drawn = dict(sample(generator, range(8)))
    found = project(generator, drawn[3], ProjectionSettings(steps=150, w_samples=500))
    others = min(apart(drawn[3], image) for seed, image in drawn.items() if seed != 3)
    assert found.distance < 0.35 * others
    assert found.distance < 0.35 * found.start_distance
    assert found.distance == pytest.approx(apart(found.image, drawn[3]), rel=1e-5)
    assert len(found.curve) == 150
    assert found.curve[-1] == pytest.approx(found.distance, abs=0.03)  # but for rounding
    assert (found.ws == found.ws[0]).all()  # one w for all layers
    again = draw_styles(generator.network, found.ws[None], device=CPU)[0]
    assert np.array_equal(again, found.image)
    true = map_latents(generator.network, latents([3], 32), Drawing(), device=CPU)[0]
    middle, spread = spread_of_w(generator.network, CPU, Drawing(), 500)
    assert float((found.ws[0] - true[0]).norm()) < float((middle - true[0]).norm())
    assert spread > 0


def test_projection_is_the_same_bits_alone_and_among_others(generator):
    drawn = dict(sample(generator, range(3)))
    alone = project(generator, drawn[1], QUICK)
    among = list(project_all(generator, [drawn[0], drawn[1], drawn[2]], QUICK, workers=2))[1]
    assert torch.equal(alone.ws, among.ws) and alone.curve == among.curve
    assert np.array_equal(alone.image, among.image)
    other = project(generator, drawn[1], ProjectionSettings(steps=12, w_samples=200, seed=1))
    assert not torch.equal(alone.ws, other.ws)


def test_own_w_per_layer_comes_nearer(generator, file):
    film = fake_film(5, "malignant", shape=(32, 32))
    options = {"steps": 60, "w_samples": 200}
    one = project(generator, film, ProjectionSettings(**options))
    many = project(generator, film, ProjectionSettings(space="w+", **options))
    assert many.distance < one.distance < one.start_distance
    assert not (many.ws == many.ws[0]).all()


def test_fitted_noise_stays_noise(generator):
    film = fake_film(5, "normal", shape=(32, 32))
    options = {"steps": 40, "w_samples": 200, "noise": "fitted"}
    found = project(generator, film, ProjectionSettings(**options))
    assert [tuple(m.shape) for m in found.noise_maps] == [(r, r) for r in (4, 8, 8, 16, 16, 32, 32)]
    for one in found.noise_maps:
        assert abs(float(one.mean())) < 1e-4 and float(one.square().mean()) == pytest.approx(
            1, 1e-3
        )
    loose = project(generator, film, ProjectionSettings(noise_penalty=0.0, **options))
    with_, without = (
        float(noise_penalty([m[None, None] for m in p.noise_maps])) for p in (found, loose)
    )
    assert with_ < without
    with torch.no_grad():
        drawn = [m[None, None] for m in found.noise_maps]
        image = generator.network.synthesis(found.ws[None], noise_mode="random", drawn=drawn)
    levels = (image[0, 0] * 127.5 + 128).floor().clamp(0, 255).numpy()
    assert np.abs(levels - found.image).max() <= 1


def test_noise_penalty_knows_noise_from_pictures():
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn([1, 1, 64, 64], generator=rng)
    ramp = torch.linspace(-1.7, 1.7, 64).expand(1, 1, 64, 64)
    assert float(noise_penalty([noise])) < 0.2 < 1 < float(noise_penalty([ramp]))
    # Of white noise each halving has unit variance again, so a constant scores by hand:
    ones = torch.ones(1, 1, 16, 16)  # 16 px: 1 and 1; 8 px, values 2: 16 and 16
    assert float(noise_penalty([ones])) == pytest.approx(1 + 1 + 16 + 16)


def test_schedule_is_the_paper_s():
    schedule = Schedule(0.1, 0.05, 0.25, 0.05, 0.75)
    assert schedule.rate(0) == 0 and schedule.rate(0.025) == pytest.approx(0.05)
    assert schedule.rate(0.05) == schedule.rate(0.5) == schedule.rate(0.75) == pytest.approx(0.1)
    assert schedule.rate(0.875) == pytest.approx(0.05) and schedule.rate(1) == pytest.approx(0)
    assert schedule.noise(0) == 0.05 and schedule.noise(0.375) == pytest.approx(0.0125)
    assert schedule.noise(0.75) == schedule.noise(0.9) == 0
    assert math.isclose(schedule.rate(0.8), 0.05 - 0.05 * math.cos(math.pi * 0.8))


def test_films_that_do_not_fit_are_refused(generator):
    for bad in (np.zeros((16, 16), np.uint8), np.zeros((32, 32), np.float32)):
        with pytest.raises(BadInput, match="8-bit images of 32 x 32"):
            project_all(generator, [bad], QUICK)
    with pytest.raises(BadInput, match="not conditional"):
        project(generator, np.zeros((32, 32), np.uint8), QUICK, label="cancer")
    for options in ({"space": "z"}, {"noise": "x"}, {"steps": 0}, {"learning_rate": 0.0}):
        with pytest.raises(BadInput):
            ProjectionSettings(**options)


def test_command_writes_a_folder_per_film_and_goes_on(file, tmp_path, prepared_set):
    films = []
    for number in range(2):
        films.append(tmp_path / f"film{number}.png")
        films[-1].write_bytes(encode_png(fake_film(number, "normal", "R", (60, 48))))
    out = tmp_path / "projected"
    common = ("--out", out, "--steps", "11", "--device", "cpu")
    call("project", file, films[0], *common)
    before = (out / "film0" / "projection.json").stat().st_mtime_ns
    facts = json.loads(call("project", file, *films, *common, "--json"))
    assert (out / "film0" / "projection.json").stat().st_mtime_ns == before  # kept
    about = json.loads((out / "film1" / "projection.json").read_text())
    assert about["film"]["geometry"]["flipped"] and about["settings"]["noise"] == "const"
    assert about["distance"] == facts["films"][1]["distance"] < about["start_distance"]
    assert len(about["curve"]) == 11 and len(about["generator"]) == 64
    assert load_file(out / "film1" / "projection.safetensors")["ws"].shape == (8, 32)
    (link,) = [step for step in verify_chain(out / "film1") if step.kind == "projection"]
    assert not link.problems
    (out / "film1" / "manifest.json").unlink()  # killed at the very end
    call("project", file, films[1], *common)
    assert (out / "film1" / "manifest.json").is_file()
    with Image.open(out / "film1" / "compared.png") as sheet:
        assert sheet.width > 3 * 128
    with Image.open(out / "film1" / "projected.png") as image:
        assert image.size == (32, 32) and image.mode == "L"
    image_id = prepared_set.table["image_id"][0].as_py()
    prepared = ("--prepared", prepared_set.folder, "--image-id", image_id)
    call("project", file, *prepared, *common)
    about = json.loads((out / image_id / "projection.json").read_text())
    assert about["film"]["prepared_manifest"] == prepared_set.manifest.sha256
    changed = ("--out", out, "--steps", "5", "--device", "cpu")
    call("project", file, films[0], *changed, fails="another settings")


@pytest.mark.parametrize("noise", ["const", "fitted"])
def test_a_killed_search_goes_on_to_the_same_bits(generator, tmp_path, monkeypatch, noise):
    monkeypatch.setattr(projection_files, "SAVE_SECONDS", 0.0)
    settings = ProjectionSettings(steps=35, w_samples=200, noise=noise)
    film = next(image for _, image in sample(generator, [5]))
    target = projection_files.Target("film", film, {})

    def act(out: Path, progress: Progress = SILENT) -> dict[str, torch.Tensor]:
        projection_files.project_films(generator, [target], out, settings, progress=progress)
        return load_file(out / "film" / "projection.safetensors")

    expected = act(tmp_path / "whole")
    seen: list[int] = []

    class Counted(Silent):
        def advance(self, n: int = 1, note: str = "") -> None:
            seen.append(n)
            if seen == [10, 10, 10]:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        act(tmp_path / "cut", Counted())
    (kept,) = (tmp_path / "cut").glob(".search-*")
    assert len(load_file(kept)["curve"]) == 20
    seen.clear()
    found = act(tmp_path / "cut", Counted())
    assert seen == [20, 10, 5]
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not [*(tmp_path / "cut").glob(".search-*")]
    kept.write_bytes(b"damaged")
    assert projection_files.SearchFile(kept, 35).load() is None


def test_command_refuses_bad_input(file, tmp_path, prepared_set):
    out = ("--out", tmp_path / "x", "--device", "cpu")
    call("project", file, *out, fails="Films were expected")
    call("project", file, tmp_path / "no.png", *out, fails="cannot be read")
    (tmp_path / "bad.png").write_bytes(b"no image")
    call("project", file, tmp_path / "bad.png", *out, fails="does not decode")
    folder = ("--prepared", prepared_set.folder)
    call("project", file, *folder, *out, fails="Films were expected")
    call("project", file, *folder, "--image-id", "x", *out, fails="no film 'x'")
    call("project", file, tmp_path / "bad.png", *out, "--space", "z", fails="no space 'z'")
    assert not (tmp_path / "x").exists()
