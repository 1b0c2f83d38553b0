"""The image of a seed is the same however it is drawn, and its pool survives being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammo_synth.errors import BadInput
from mammo_synth.gan import drawing as draws
from mammo_synth.gan import pool as pools
from mammo_synth.gan.devices import resolve_devices
from mammo_synth.gan.drawing import Drawing, draw, map_latents, micro_batch, noise_maps
from mammo_synth.gan.pool import draw_pool
from mammo_synth.gan.pool_files import aside, seeds_aside
from mammo_synth.gan.sample import LoadedGenerator, load_generator, sample
from mammo_synth.png import decode_png
from mammo_synth.release.generators import GeneratorFile
from tests.gan.gan_files import NETWORK, generator_file
from tests.gan.gan_golden import generator as golden_generator
from tests.gan.gan_golden import tensor
from tests.gan.gan_runs import TINY

ROOT = Path(__file__).resolve().parent.parent.parent
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator_file(tmp_path_factory.mktemp("drawing") / "g.safetensors", NETWORK)


@pytest.fixture(scope="module")
def generator(file: Path) -> LoadedGenerator:
    return load_generator(file)


@pytest.fixture(scope="module")
def alone(generator: LoadedGenerator) -> dict[int, NDArray[np.uint8]]:
    """Each image drawn alone."""
    return {seed: next(sample(generator, [seed], workers=1))[1] for seed in range(24)}


@settings(max_examples=25)
@given(
    seeds=st.lists(st.integers(0, 23), min_size=1, max_size=24),
    batch=st.integers(1, 40),
    workers=st.integers(1, 3),
    threads=st.integers(1, 2),
)
def test_image_of_a_seed_is_a_function_of_the_seed(
    generator, alone, seeds, batch, workers, threads
):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        drawn = list(sample(generator, seeds, batch=batch, workers=workers))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert [seed for seed, _ in drawn] == seeds
    for seed, image in drawn:
        assert np.array_equal(image, alone[seed])


def test_images_of_different_seeds_differ(alone):
    assert len({image.tobytes() for image in alone.values()}) == len(alone)


def test_network_sees_batches_of_one_size(generator, monkeypatch):
    seen = []
    original = draws.map_ws

    def spy(network, z, *rest):
        seen.append(len(z))
        return original(network, z, *rest)

    monkeypatch.setattr(draws, "map_ws", spy)
    assert len(list(sample(generator, range(11), batch=1, workers=2))) == 11
    assert seen == [micro_batch(32, CPU)] * 2


def test_memory_is_bounded_by_the_batch(generator, monkeypatch):
    begun = []
    original = draws._draw_seeds

    def spy(network, device, seeds, *rest):
        begun.extend(seeds)
        return original(network, device, seeds, *rest)

    monkeypatch.setattr(draws, "_draw_seeds", spy)
    images = sample(generator, range(10_000), batch=8, workers=2)
    assert len(list(islice(images, 3))) == 3
    time.sleep(0.2)  # the threads could run ahead now
    assert len(begun) <= 8 * (2 + 1)
    images.close()
    assert len(begun) <= 8 * (2 + 1)


def test_several_devices_share_the_work(generator, alone):
    devices = (CPU, torch.device("cpu", 0))  # two copies of the network
    drawn = draw(generator.network, range(24), Drawing(), devices=devices, workers=1)
    assert all(np.array_equal(image, alone[seed]) for seed, image in drawn)


@pytest.mark.parametrize("names", ["cpu,cpu", "tpu", "cpu,tpu", "cuda:x", ""])
def test_devices_that_cannot_work_together_are_refused(names):
    with pytest.raises(BadInput):
        resolve_devices(names)


def test_other_precisions_stay_near(file, alone):
    for precision, most in (("bf16", 12), ("fp16", 2)):
        near = load_generator(file, precision=precision)
        for seed, image in sample(near, range(4)):
            apart = np.abs(image.astype(int) - alone[seed])
            assert 0 < apart.max() <= most, (precision, apart.max())
    with pytest.raises(BadInput, match="no precision 'fp8'"):
        load_generator(file, precision="fp8")


def test_random_noise_is_a_function_of_the_seed(generator, alone):
    among = dict(sample(generator, range(12), noise="random", batch=3))
    single = dict(sample(generator, [7], noise="random"))
    assert np.array_equal(among[7], single[7])
    assert not np.array_equal(among[7], alone[7])
    maps = noise_maps(generator.network, [7, 8], CPU)
    assert [tuple(m.shape) for m in maps] == [(2, 1, r, r) for r in (4, 8, 8, 16, 16, 32, 32)]
    assert all(not torch.equal(m[0], m[1]) for m in maps)
    values = torch.cat([m.flatten() for m in maps])
    assert abs(float(values.mean())) < 0.1 and abs(float(values.std()) - 1) < 0.1


def test_noise_none_is_without_noise(generator, alone):
    quiet = dict(sample(generator, [3], noise="none"))[3]
    assert not np.array_equal(quiet, alone[3])


def test_truncation_with_cutoff_is_the_reference_s():
    z = tensor("g32_c0", "z")
    ws = map_latents(golden_generator("g32_c0"), z, Drawing(0.5, 4), device=CPU)
    expected = tensor("g32_c0", "ws_psi05_cutoff4")
    torch.testing.assert_close(ws, expected, rtol=1e-5, atol=1e-5)


def test_cutoff_keeps_the_upper_layers(generator):
    plain = dict(sample(generator, [5]))[5]
    none_cut = dict(sample(generator, [5], truncation=0.3, truncation_cutoff=0))[5]
    all_cut = dict(sample(generator, [5], truncation=0.3, truncation_cutoff=8))[5]
    part_cut = dict(sample(generator, [5], truncation=0.3, truncation_cutoff=3))[5]
    full = dict(sample(generator, [5], truncation=0.3))[5]
    assert np.array_equal(none_cut, plain) and np.array_equal(all_cut, full)
    assert not np.array_equal(part_cut, plain) and not np.array_equal(part_cut, full)


def test_conditional_generator_draws_the_class_asked_for(tmp_path):
    network = replace(TINY.network, c_dim=2)
    header = {"label": "both", "classes": '["normal", "cancer"]'}
    both = load_generator(generator_file(tmp_path / "both.safetensors", network, **header))
    assert both.classes == ("normal", "cancer")
    z = draws.latents([4], 8)
    for index, label in enumerate(both.classes):
        image = dict(sample(both, [4], label=label))[4]
        with torch.no_grad():
            direct = both.network(z, torch.eye(2)[[index]], noise_mode="const")
        apart = np.abs(image.astype(int) - draws.to_uint8(direct)[0])
        assert apart.max() <= 1
    first, second = (dict(sample(both, [4], label=one))[4] for one in both.classes)
    assert not np.array_equal(first, second)
    with pytest.raises(BadInput, match="draws several classes"):
        sample(both, [4])
    with pytest.raises(BadInput, match="no class 'benign'"):
        sample(both, [4], label="benign")
    draw_pool(both, range(3), tmp_path / "pool", label="cancer")
    rows = pq.read_table(tmp_path / "pool" / "pool-00000.parquet")
    assert set(rows["label"].to_pylist()) == {1}
    with pytest.raises(BadInput, match="a pool with label 'cancer'"):
        draw_pool(both, range(3), tmp_path / "pool", label="normal")
    bad = generator_file(tmp_path / "bad.safetensors", network, classes='["cancer"]')
    with pytest.raises(BadInput, match="do not fit"):
        load_generator(bad)


def test_colour_generator_is_refused(tmp_path):
    network = replace(TINY.network, image_channels=3)
    colour = load_generator(generator_file(tmp_path / "rgb.safetensors", network))
    with pytest.raises(BadInput, match="3 channels"):
        sample(colour, [1])


def test_release_draws_the_images_of_the_pool(file, generator, tmp_path):
    """The same code draws both, whatever their batches: an image of a release can be found in the
    pool bit for bit."""
    draw_pool(generator, range(20), tmp_path / "pool", truncation=0.8, batch=3, workers=2)
    rows = pq.read_table(tmp_path / "pool" / "pool-00000.parquet").to_pylist()
    pool = {row["seed"]: decode_png(row["image"]["bytes"]) for row in rows}
    released = list(GeneratorFile.open(file, device="cpu", batch=7).images(range(5, 20), 0.8))
    assert [seed for seed, _ in released] == list(range(5, 20))
    assert all(np.array_equal(image, pool[seed]) for seed, image in released)


KILLED = """
import sys
from pathlib import Path
from mammo_synth.gan.pool import draw_pool
from mammo_synth.gan.sample import load_generator
draw_pool(load_generator(Path(sys.argv[1])), range(20_000), Path(sys.argv[2]), format_name="zip")
"""


def test_killed_archive_goes_on(file, generator, tmp_path):
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    with subprocess.Popen([sys.executable, "-c", KILLED, file, folder], cwd=ROOT) as process:
        began = time.monotonic()
        while len(list(aside(folder).glob("seed*.png"))) < 30:
            assert process.poll() is None and time.monotonic() - began < 60
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    drawn = seeds_aside(folder)
    count = max(drawn) + 5
    result = draw_pool(generator, range(count), folder, format_name="zip")
    assert (result.images, result.drawn) == (count, count - len(drawn))
    draw_pool(generator, range(count), whole, format_name="zip")
    for name in ("images.zip", "manifest.json", "pool.json"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in whole.iterdir())


def test_archive_grows(generator, tmp_path):
    draw_pool(generator, range(4, 8), tmp_path / "grown", format_name="zip")
    assert draw_pool(generator, range(10), tmp_path / "grown", format_name="zip").drawn == 6
    draw_pool(generator, range(10), tmp_path / "whole", format_name="zip")
    grown, whole = (tmp_path / name / "images.zip" for name in ("grown", "whole"))
    assert grown.read_bytes() == whole.read_bytes()
    with zipfile.ZipFile(grown) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 10


def test_images_left_aside_are_used_and_cleared(generator, tmp_path, monkeypatch):
    """A process may be killed between writing a shard and clearing what it was made from."""
    monkeypatch.setattr(pools, "SHARD_ROWS", 4)
    folder = tmp_path / "pool"
    draw_pool(generator, range(8), folder, format_name="parquet")
    place = aside(folder)
    place.mkdir()
    (place / "seed00003.png").write_bytes(b"of a finished shard")
    (place / ".writing-x").write_bytes(b"half a file")
    assert draw_pool(generator, range(8), folder, format_name="parquet").drawn == 0
    assert not place.exists()


@pytest.mark.parametrize(
    ("format_name", "name"), [("zip", "images.zip"), ("parquet", "pool-0.parquet")]
)
def test_damaged_pool_is_named(generator, tmp_path, format_name, name):
    draw_pool(generator, range(2), tmp_path / "pool", format_name=format_name)
    (tmp_path / "pool" / name).write_bytes(b"not an archive")
    with pytest.raises(BadInput, match=f"{name}' is damaged"):
        draw_pool(generator, range(3), tmp_path / "pool", format_name=format_name)


def test_pool_keeps_to_its_settings(file, generator, tmp_path):
    folder = tmp_path / "pool"
    draw_pool(generator, range(2), folder, format_name="png")
    for options, word in (
        ({"truncation_cutoff": 3, "truncation": 1.0}, "truncation_cutoff"),
        ({"noise": "random"}, "noise"),
    ):
        with pytest.raises(BadInput, match=f"a pool with {word}"):
            draw_pool(generator, range(3), folder, format_name="png", **options)
    half = load_generator(file, precision="bf16")
    with pytest.raises(BadInput, match="precision None; 'bf16'"):
        draw_pool(half, range(3), folder, format_name="png")
    draw_pool(half, range(2), tmp_path / "half", format_name="png")
    with pytest.raises(BadInput, match="precision 'bf16'; None"):
        draw_pool(generator, range(3), tmp_path / "half", format_name="png")


def test_progress_says_images_per_second(generator, tmp_path):
    notes = []

    class Noted:
        def start(self, what: str, total: int) -> None: ...

        def advance(self, n: int = 1, note: str = "") -> None:
            notes.append(note)

        def finish(self) -> None: ...

        def say(self, text: str) -> None: ...

    ticks = iter(range(100))
    draw_pool(
        generator, range(3), tmp_path / "p", progress=Noted(), clock=lambda: float(next(ticks))
    )
    assert notes[-1] == "1 images/s"
