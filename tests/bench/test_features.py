"""The cache of activations: its bound, its precision, several processes, killed writers."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers.feature_file import pack, unpack
from mammo_synth.bench.classifiers.features import BATCH, FeatureStore, image_keys
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.tensors import map_tensors, write_tensors

EACH = 4 * 2 + 20  # four numbers in half precision, a key and a scale
CALLS: list[int] = []


def compute(images: np.ndarray) -> np.ndarray:
    """Four pixels, moved: what an image's features are is known."""
    CALLS.append(len(images))
    return images.reshape(len(images), -1)[:, :4].astype(np.float32) + 0.5


def pictures(n: int, first: int = 0) -> np.ndarray:
    numbers = np.arange(first, first + n)
    images = np.zeros((n, 4, 4), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = numbers % 251, numbers // 251
    return images


def store(folder: Path | None, limit: int = 10**6, name: str = "a", **more: Any) -> FeatureStore:
    CALLS.clear()
    return FeatureStore(compute, (4,), limit, folder=folder, identity={"name": name}, **more)


@pytest.mark.parametrize("on_disk", [True, False])
def test_features_are_kept_within_their_bound(tmp_path: Path, on_disk: bool) -> None:
    images = pictures(70)
    images[60:] = images[:10]  # equal images are one
    keys = image_keys(images)
    one = store(tmp_path if on_disk else None, limit=50 * EACH + 500 * on_disk)
    assert one.make_room(keys[:50])
    one.fill(images[:50], keys[:50])
    assert CALLS == [BATCH, BATCH]
    assert np.array_equal(one.get(images[60:], keys[60:], keep=True), compute(images[:10]))
    one.fill(images[60:], keys[60:])
    assert CALLS == [BATCH, BATCH, 10]  # the last by the test itself
    assert len(one) == 50
    more = image_keys(pictures(100))
    assert not one.make_room(more)  # 100 distinct images
    assert len(one) == 50
    assert one.make_room(keys[20:60])  # makes room: what is not needed goes
    assert set(one._index) <= set(keys[20:60])
    one.fill(images[20:60], keys[20:60])
    assert len(one) == 40
    # what does not fit is computed each time, and comes out alike
    assert np.array_equal(one.get(images, keys, keep=True), compute(images))
    if on_disk:
        size = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
        assert size <= one.limit + 500  # a file's header


def test_another_store_finds_them_and_another_network_does_not(tmp_path: Path) -> None:
    images = pictures(40)
    keys = image_keys(images)
    store(tmp_path).fill(images, keys)
    again = store(tmp_path)
    assert again.missing(keys) == 0
    again.fill(images, keys)
    assert CALLS == []
    (block, _) = again._index[keys[0]]
    assert isinstance(block.packed, np.memmap)
    for other in (store(tmp_path, name="b"), store(tmp_path, half=False, name="c")):
        assert other.missing(keys) == 40
    # the bound is one for all networks: the oldest goes
    other = store(tmp_path, limit=40 * EACH + 500, name="b")
    assert other.make_room(keys)
    assert store(tmp_path).missing(keys) == 40


def test_killed_writers_and_damaged_files_do_no_harm(tmp_path: Path) -> None:
    images = pictures(300)  # two files
    keys = image_keys(images)
    first = store(tmp_path)
    first.fill(images, keys)
    expected = first.get(images, keys, keep=True)
    large, small = sorted(tmp_path.rglob("*.safetensors"), key=lambda p: -p.stat().st_size)
    data = bytearray(large.read_bytes())
    data[-1] ^= 1
    large.write_bytes(data)
    small.write_bytes(small.read_bytes()[:-3])
    leftover = large.parent / ".writing-dead"
    leftover.write_bytes(b"half of")
    again = store(tmp_path)
    assert again.missing(keys) == 300
    assert again.make_room(keys)
    again.fill(images, keys)
    assert np.array_equal(again.get(images, keys, keep=True), expected)
    assert not leftover.exists()
    assert store(tmp_path).missing(keys) == 0


def _fill(folder: str, first: int) -> int:
    images = pictures(400, first)
    keys = image_keys(images)
    mine = store(Path(folder))
    assert mine.make_room(keys)
    mine.fill(images, keys)
    assert np.array_equal(mine.get(images, keys, keep=True), compute(images))
    return len(CALLS) - 1


def test_processes_share_the_work(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        batches = pool.starmap(_fill, [(str(tmp_path), 0), (str(tmp_path), 0)])
    # 400 images are 8 + 5 batches; whoever comes second to a file finds it there
    assert sum(batches) == 13
    assert store(tmp_path).missing(image_keys(pictures(400))) == 0


def test_half_precision_keeps_large_values() -> None:
    values = np.array([[1.0, 1e-3], [1e5, 3.0], [3e8, 0.0], [np.nan, np.inf]], np.float32)
    packed, scale = pack(values, half=True)
    assert packed.dtype == np.float16
    assert scale.tolist() == [1, 2, 2**13, 1]
    back = unpack(packed, scale)
    assert back[:3] == pytest.approx(values[:3], rel=2**-11, abs=1e-6)
    assert np.isnan(back[3, 0])
    assert np.isinf(back[3, 1])
    packed, scale = pack(values, half=False)
    assert np.array_equal(unpack(packed, scale), values, equal_nan=True)


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cache folder .* cannot be written .*--cache DIR"):
        store(tmp_path / "file").make_room(image_keys(pictures(1)))


def test_tensors_survive_a_file_and_other_files_are_refused(tmp_path: Path) -> None:
    tensors: dict[str, Any] = {
        "half": np.arange(6, dtype=np.float16).reshape(2, 3),
        "count": np.array(7, np.int64),
        "state": np.array([1, 2], np.uint32),
        "flag": np.array([True, False]),
        "none": np.zeros((0, 4), np.float32),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    path = tmp_path / "t.safetensors"
    write_tensors(path, tensors, {"who": "me"})
    found, metadata = map_tensors(path)
    assert metadata == {"who": "me"}
    assert set(found) == set(tensors)
    for name, array in tensors.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    from safetensors.numpy import load_file

    theirs = load_file(path)  # the format's own reader agrees
    assert all(np.array_equal(theirs[name], array) for name, array in tensors.items())
    whole = path.read_bytes()
    huge = (10**6).to_bytes(8, "little")
    for damage in (b"", whole[:5], whole[:60], whole[:-1], b"\xff" * 64, huge + whole[8:]):
        path.write_bytes(damage)
        with pytest.raises(CheckFailed, match="not a whole safetensors file"):
            map_tensors(path)
