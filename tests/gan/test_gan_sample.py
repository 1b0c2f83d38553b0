"""Loading generator files, seeds, drawing images and pools."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mammo_synth.errors import BadInput
from mammo_synth.gan import pool as pools
from mammo_synth.gan.latents import latents
from mammo_synth.gan.pool import draw_pool
from mammo_synth.gan.sample import load_generator, resolve_device, sample
from mammo_synth.gan.seeds import format_seeds, parse_seeds
from mammo_synth.manifest import check_folder, read_manifest
from tests.gan.gan_runs import TINY, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    run(folder, replace(TINY, kimg=0.016))
    return folder


def test_file_is_readable_by_the_safetensors_library(trained):
    path = trained / "generator.safetensors"
    generator = load_generator(path)
    for name, value in load_file(path).items():
        assert torch.equal(value, generator.network.state_dict()[name])
    with safe_open(path, "pt") as file:
        assert file.metadata()["format"] == "mammo-synth/generator/1"
    assert b"pickle" not in path.read_bytes()


def test_truncation_draws_the_images_together(trained):
    generator = load_generator(trained)
    spread = {}
    for psi in (1.0, 0.5, 0.0):
        images = np.stack([i for _, i in sample(generator, range(8), truncation=psi)])
        spread[psi] = float(images.astype(float).std(axis=0).mean())
    assert spread[1.0] > spread[0.5] > spread[0.0] == 0.0
    quiet = dict(sample(generator, [1], noise="none"))[1]
    assert quiet.shape == (16, 16)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"truncation": 3.0}, "Truncation 3.0"),
        ({"truncation": float("nan")}, "Truncation nan"),
        ({"truncation_cutoff": 9}, "has 6 layers"),
        ({"truncation_cutoff": -1}, "has 6 layers"),
        ({"batch": 0}, "batch"),
        ({"workers": 0}, "workers"),
        ({"noise": "x"}, "noise"),
        ({"label": "cancer"}, "not conditional"),
    ],
)
def test_numbers_out_of_range_are_refused(trained, options, word):
    with pytest.raises(BadInput, match=word):
        sample(load_generator(trained), [1], **options)


def test_latents_follow_the_published_convention():
    expected = np.random.RandomState(42).randn(1, 6).astype(np.float32)
    np.testing.assert_array_equal(latents([42], 6).numpy(), expected)
    assert latents([], 6).shape == (0, 6)


def test_seeds_are_parsed():
    assert parse_seeds("0-3") == [0, 1, 2, 3]
    assert parse_seeds("1, 5,7-9") == [1, 5, 7, 8, 9]
    assert len(parse_seeds("0-9999")) == 10_000


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("9-0", "backwards"),
        ("-3", "not a number"),
        ("1,,2", "not a number"),
        ("", "not a number"),
        ("1.5", "not a number"),
        ("a-b", "not a number"),
        ("0-10000000", "10,000,000"),
        ("0-9999999,5000000", "10,000,001"),
        ("0-1000000000000", "too large"),
        ("9" * 6000, "too large"),
        ("4294967296", "too large"),
        ("1-4,3", "twice"),
        ("١", "not a number"),
    ],
)
def test_bad_seeds_are_refused(text, word):
    with pytest.raises(BadInput, match=word):
        parse_seeds(text)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_seeds_round_trip(seeds):
    assert parse_seeds(format_seeds(seeds)) == sorted(seeds)


def _header(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _with_header(path: Path, header: dict, body: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_bad_files_are_refused(trained, tmp_path):
    good = trained / "generator.safetensors"
    data = good.read_bytes()
    bad = tmp_path / "bad.safetensors"
    with pytest.raises(BadInput, match="not there"):
        load_generator(bad)
    for content, word in (
        (b"", "cut short"),
        (b"\x80\x02}q\x00.", "not a safetensors"),
        (b"PK\x03\x04" + b"\0" * 200, "not a safetensors"),
        (data[: len(data) // 2], "cut short"),
        (data[:40], "cut short"),
        (data + b"tail", "cut short or changed"),
        (struct.pack("<Q", 4) + b"null", "not a safetensors"),
        (struct.pack("<Q", 7) + b"[1,2,3]", "not a safetensors"),
    ):
        bad.write_bytes(content)
        with pytest.raises(BadInput, match=word):
            load_generator(bad)
    save_file({"x": torch.zeros(2)}, bad)
    with pytest.raises(BadInput, match="another program"):
        load_generator(bad)
    with pytest.raises(BadInput, match="checkpoint/1"):
        load_generator(trained / "checkpoint.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("format", "mammo-synth/generator/9", "generator/9"),
        ("network", "{}", "do not fit"),
        ("network", "not json", "do not fit"),
        ("network", '{"resolution": 16, "surprise": 1}', "surprise"),
        ("network", '{"resolution": 32}', "do not fit"),
        ("kimg", "many", "do not fit"),
    ],
)
def test_headers_that_lie_are_refused(trained, tmp_path, key, value, word):
    header, body = _header(trained / "generator.safetensors")
    header["__metadata__"][key] = value
    _with_header(tmp_path / "bad.safetensors", header, body)
    with pytest.raises(BadInput, match=word):
        load_generator(tmp_path / "bad.safetensors")


def test_folder_without_a_generator_is_refused(tmp_path):
    with pytest.raises(BadInput, match="finished training run"):
        load_generator(tmp_path)


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda")
    with pytest.raises(BadInput, match="tpu"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="CUDA"):
            resolve_device("cuda")


@pytest.mark.parametrize("format_name", pools.FORMATS)
def test_pool_holds_the_images_of_its_seeds(trained, tmp_path, format_name):
    generator = load_generator(trained)
    expected = dict(sample(generator, range(5), batch=16))
    folder = tmp_path / "pool"
    result = draw_pool(generator, range(5), folder, format_name=format_name)
    assert (result.images, result.drawn) == (5, 5)
    if format_name == "png":
        found = {k: (folder / f"seed{k:05d}.png").read_bytes() for k in range(5)}
    elif format_name == "zip":
        with zipfile.ZipFile(folder / "images.zip") as archive:
            found = {k: archive.read(f"seed{k:05d}.png") for k in range(5)}
    else:
        rows = pq.read_table(sorted(folder.glob("*.parquet"))).to_pylist()
        found = {row["seed"]: row["image"]["bytes"] for row in rows}
        assert {row["generator"] for row in rows} == {generator.sha256}
        assert {(row["truncation"], row["label"]) for row in rows} == {(1.0, 1)}
    for seed, data in found.items():
        image = Image.open(io.BytesIO(data))
        assert image.mode == "L" and np.array_equal(np.asarray(image), expected[seed])
    assert check_folder(folder) == []
    manifest = read_manifest(folder, "pool")
    assert manifest.settings["seeds"] == "0-4"
    assert manifest.inputs[0].kind == "generator-run"
    before = (folder / "manifest.json").read_bytes()
    assert draw_pool(generator, range(5), folder, format_name=format_name).drawn == 0
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("format_name", ["png", "parquet", "zip"])
def test_interrupted_pool_goes_on(trained, tmp_path, monkeypatch, format_name):
    monkeypatch.setattr(pools, "SHARD_ROWS", 4)
    generator = load_generator(trained)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    draw_pool(generator, range(10), whole, format_name=format_name, batch=4)

    class Stop:
        left = 6

        def start(self, what: str, total: int) -> None: ...

        def advance(self, n: int = 1, note: str = "") -> None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        def finish(self) -> None: ...

        def say(self, text: str) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        draw_pool(generator, range(10), cut, format_name=format_name, batch=4, progress=Stop())
    result = draw_pool(generator, range(10), cut, format_name=format_name, batch=4)
    assert result.images == 10 and 0 < result.drawn < 10
    names = sorted(p.name for p in whole.iterdir())
    assert names == sorted(p.name for p in cut.iterdir())
    assert all((whole / n).read_bytes() == (cut / n).read_bytes() for n in names)


def test_pool_grows_and_keeps_to_one_generator(trained, tmp_path):
    generator = load_generator(trained)
    folder = tmp_path / "pool"
    draw_pool(generator, range(3), folder)
    assert draw_pool(generator, range(2, 6), folder).drawn == 3
    assert read_manifest(folder, "pool").settings["seeds"] == "0-5"
    table = pq.read_table(sorted(folder.glob("*.parquet")))
    assert table["seed"].to_pylist() == [0, 1, 2, 3, 4, 5]
    for other, options, word in (
        (replace(generator, sha256="0" * 64), {}, "generator"),
        (generator, {"truncation": 0.7}, "truncation"),
        (generator, {"format_name": "png"}, "as"),
    ):
        with pytest.raises(BadInput, match=f"a pool with {word}"):
            draw_pool(other, range(3), folder, **options)
    with pytest.raises(BadInput, match="other files"):
        draw_pool(generator, range(3), trained)
    with pytest.raises(BadInput, match="no format 'jpeg'"):
        draw_pool(generator, range(3), tmp_path / "other", format_name="jpeg")
    with pytest.raises(BadInput, match="is a file"):
        draw_pool(generator, range(3), trained / "reals.png")


def test_loose_generator_file_is_named_as_a_file(trained, tmp_path):
    lone = tmp_path / "lone.safetensors"
    lone.write_bytes((trained / "generator.safetensors").read_bytes())
    draw_pool(load_generator(lone), range(2), tmp_path / "pool")
    entry = read_manifest(tmp_path / "pool", "pool").inputs[0]
    assert (entry.kind, entry.path) == ("file", "../lone.safetensors")
