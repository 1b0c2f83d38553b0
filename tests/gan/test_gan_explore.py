"""Style mixing, truncation sweeps and interpolation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.gan.explore import interpolate, mix_styles, slerp, sweep_truncation
from mammo_synth.gan.latents import latents
from mammo_synth.gan.sample import LoadedGenerator, load_generator, sample
from mammo_synth.gan.sheets import encode_gif, labelled_sheet
from tests.gan.gan_files import NETWORK, generator_file
from tests.gan.test_gan_commands import call


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator_file(tmp_path_factory.mktemp("explore") / "g.safetensors", NETWORK)


@pytest.fixture(scope="module")
def generator(file: Path) -> LoadedGenerator:
    return load_generator(file)


def test_mixing_all_layers_or_the_seed_itself_gives_the_seed_s_image(generator):
    drawn = dict(sample(generator, range(6), truncation=0.9))
    everything = mix_styles(generator, [0, 1], [3, 4, 5], range(8), truncation=0.9)
    for column, seed in enumerate((3, 4, 5)):
        assert np.array_equal(everything.columns[column], drawn[seed])
        assert all(np.array_equal(row[column], drawn[seed]) for row in everything.mixed)
    own = mix_styles(generator, [0, 1], [0, 1], range(2, 5), truncation=0.9)
    for index in range(2):
        assert np.array_equal(own.rows[index], drawn[index])
        assert np.array_equal(own.mixed[index, index], drawn[index])
    assert not np.array_equal(own.mixed[0, 1], drawn[0])
    assert not np.array_equal(own.mixed[0, 1], drawn[1])


def test_layers_mixed_are_those_of_the_column(generator):
    """Low layers from the column and high ones from it complement each other."""
    low = mix_styles(generator, [0], [1], range(3)).mixed[0, 0]
    high = mix_styles(generator, [1], [0], range(3, 8)).mixed[0, 0]
    assert np.array_equal(low, high)


def test_sweep_ends_at_the_mean_and_at_the_seed(generator):
    images = sweep_truncation(generator, [2, 9], [0.0, 0.6, 1.0])
    plain, near = (dict(sample(generator, [2, 9], truncation=psi)) for psi in (1.0, 0.6))
    assert np.array_equal(images[0, 0], images[1, 0])
    for row, seed in enumerate((2, 9)):
        assert np.array_equal(images[row, 2], plain[seed])
        assert np.array_equal(images[row, 1], near[seed])
    uncut = sweep_truncation(generator, [2], [0.0], truncation_cutoff=0)
    assert np.array_equal(uncut[0, 0], plain[2])


@pytest.mark.parametrize("space", ["w", "z"])
def test_interpolation_passes_through_its_seeds(generator, space):
    images, places = interpolate(generator, [4, 8, 1], 3, space=space)
    assert places == pytest.approx([0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])
    drawn = dict(sample(generator, [4, 8, 1]))
    for index, seed in ((0, 4), (3, 8), (6, 1)):
        apart = np.abs(images[index].astype(int) - drawn[seed])
        assert apart.max() <= 1  # t = 1 is reached by arithmetic in Z
    apart = np.abs(np.diff(images.astype(int), axis=0)).mean(axis=(1, 2))
    whole = np.abs(drawn[4].astype(int) - drawn[8]).mean()
    assert 0 < apart[:3].max() < whole


@given(st.integers(0, 500), st.integers(501, 1000), st.floats(0, 1))
def test_slerp_turns_at_constant_speed(first, second, t):
    a, b = latents([first, second], 16)
    middle = slerp(a, b, t)
    angle = torch.acos((a @ b) / (a.norm() * b.norm()))
    turned = torch.acos(((a @ middle) / (a.norm() * middle.norm())).clamp(-1, 1))
    assert float(turned) == pytest.approx(t * float(angle), abs=2e-3)
    assert float(middle.norm()) == pytest.approx(float(a.norm().lerp(b.norm(), t)), rel=1e-4)


def test_slerp_of_equal_and_opposite_latents_is_straight():
    a = latents([3], 16)[0]
    assert torch.equal(slerp(a, a, 0.3), a)
    assert torch.isfinite(slerp(a, -a, 0.5)).all()


@pytest.mark.parametrize(
    ("call_it", "word"),
    [
        (lambda g: mix_styles(g, [0], [1], range(5, 9)), "layers 0-7"),
        (lambda g: mix_styles(g, [0], [], range(2)), "at least one seed"),
        (lambda g: mix_styles(g, range(100), range(100, 200), range(2)), "10,201 images"),
        (lambda g: sweep_truncation(g, [0], [0.5, float("nan")]), "Truncation nan"),
        (lambda g: sweep_truncation(g, [0], []), "at least one seed"),
        (lambda g: interpolate(g, [0], 3), "at least two seeds"),
        (lambda g: interpolate(g, [0, 1], 0), "0 steps"),
        (lambda g: interpolate(g, [0, 1], 10_000), "10,001 images"),
        (lambda g: interpolate(g, [0, 1], 2, space="x"), "no latent space 'x'"),
    ],
)
def test_bad_numbers_are_named(generator, call_it, word):
    with pytest.raises(BadInput, match=word):
        call_it(generator)


def test_sheet_holds_the_drawn_pixels_and_the_names():
    images = np.arange(2 * 3 * 16 * 16, dtype=np.uint32).reshape(2, 3, 16, 16) % 251
    images = images.astype(np.uint8)
    sheet = labelled_sheet(images, ["seed 1", "seed 2"], ["a", "b", "c"], missing=((0, 0),))
    large = np.kron(images[1, 2], np.ones((8, 8), np.uint8))
    assert np.array_equal(sheet[-132:-4, -132:-4], large)
    left = sheet.shape[1] - 3 * 132
    top = sheet.shape[0] - 2 * 132
    assert (sheet[top : top + 132, left : left + 132] == 245).all()  # the missing one
    assert sheet[top : top + 128, :left].min() < 60  # ink of the row's name
    assert (sheet[top + 132 :, :left] != sheet[top : top + 132, :left]).any()
    long = labelled_sheet(images[:, :1], ["x", "y"], ["a name wider than any of its images"])
    assert long.shape[1] > 200


def test_gif_plays_forth_and_back():
    frames = np.stack([np.full((8, 8), level, np.uint8) for level in (0, 100, 200)])
    with Image.open(io.BytesIO(encode_gif(frames))) as gif:
        assert gif.n_frames == 4
        levels = []
        for index in range(4):
            gif.seek(index)
            levels.append(int(np.asarray(gif.convert("L"))[0, 0]))
    assert levels == [0, 100, 200, 100]


def test_commands_write_one_picture_each(file, tmp_path):
    mixed, swept, way = (tmp_path / name for name in ("mix.png", "sweep.png", "way.png"))
    done = call("mix", file, "--rows", "0-1", "--columns", "5-7", "--layers", "2", "--out", mixed)
    assert "styles of 2 and 3 seeds" in done
    done = call("sweep", file, "--seeds", "0", "--out", swept, "--trunc", "0,0.5,1", "--json")
    assert json.loads(done)["truncation"] == [0, 0.5, 1]
    moving = ("--gif", tmp_path / "way.gif", "--steps", "4")
    done = call("interpolate", file, "--seeds", "0,3", "--out", way, *moving, "--json")
    assert json.loads(done)["places"] == [0, 0.25, 0.5, 0.75, 1]
    for path, columns in ((mixed, 4), (swept, 3), (way, 5)):
        with Image.open(path) as image:
            assert image.mode == "L" and image.width > columns * 128
    with Image.open(tmp_path / "way.gif") as gif:
        assert gif.n_frames == 8


def test_commands_refuse_bad_input(file, tmp_path):
    out = ("--out", tmp_path / "x.png")
    mixing = ("mix", file, "--rows", "0", "--columns", "1")
    call(*mixing, "--layers", "3-0", *out, fails="backwards")
    call(*mixing, "--layers", "a", *out, fails="neither a number")
    call(*mixing, "--layers", "0-99", *out, fails="has the layers 0-7")
    call(*mixing, "--layers", "0", "--out", tmp_path, fails="is a folder")
    call("sweep", file, "--seeds", "0", "--out", tmp_path / "x.jpg", fails="ends in .png")
    call("sweep", file, "--seeds", "0", "--trunc", "1,x", *out, fails="not a list of numbers")
    call("sweep", file, "--seeds", "0", "--class", "cancer", *out, fails="not conditional")
    call("interpolate", file, "--seeds", "4", *out, fails="at least two seeds")
    call("interpolate", file, "--seeds", "4,5", "--gif", tmp_path / "x", *out, fails=".gif")
    assert not list(tmp_path.iterdir())
