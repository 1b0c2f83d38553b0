"""From images to features: order, cache, killed and simultaneous processes, hostile input."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.progress import Silent
from mammo_synth.quality.features import FeatureCache, Images, extract, image_key


class Sums:
    """An extractor whose features are known: first pixel, sum, and how often it was asked."""

    name = "sums"
    dimension = 2
    weights: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, digest: str = "a" * 64, nan: bool = False) -> None:
        self.digest, self.nan, self.calls = digest, nan, list[int]()

    def __call__(self, images: Images) -> Any:
        self.calls.append(len(images))
        rows = np.stack([images[:, 0, 0], images.sum(axis=(1, 2))], axis=1).astype(np.float32)
        return rows * np.float32(np.nan) if self.nan else rows


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.total = self.done = 0

    def start(self, what: str, total: int) -> None:
        self.total = total

    def advance(self, n: int = 1, note: str = "") -> None:
        self.done += n

    def say(self, text: str) -> None:
        self.said.append(text)


def pictures(n: int, seed: int = 0, side: int = 4) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), np.uint8)


def expected(images: Images) -> Any:
    return np.stack([images[:, 0, 0], images.sum(axis=(1, 2))], axis=1).astype(np.float64)


def test_the_key_is_a_sha256_of_shape_and_pixels() -> None:
    image = pictures(1)[0]
    said = hashlib.sha256(b"|u1 (4, 4)\n" + image.tobytes()).digest()
    assert image_key(image) == image_key(np.asfortranarray(image)) == said
    assert image_key(image.reshape(2, 8)) != said


def test_blocks_of_an_iterator_give_the_same_as_one_array() -> None:
    images = pictures(23)
    blocks: Iterator[Images] = iter([images[:7], images[7:7], images[7:]])
    heard, sums = Heard(), Sums()
    found = extract(sums, blocks, batch=5, progress=heard, total=23)
    assert found.dtype == np.float64
    assert np.array_equal(found, expected(images))
    assert sums.calls == [5, 2, 5, 5, 5, 1]
    assert (heard.total, heard.done) == (23, 23)
    assert np.array_equal(extract(Sums(), images), found)
    assert extract(Sums(), images[:0]).shape == (0, 2)


def test_what_was_computed_once_is_read_and_equal_images_are_one(tmp_path: Path) -> None:
    images = pictures(30)
    images[20:] = images[:10]
    cache, first = FeatureCache(tmp_path), Sums()
    assert np.array_equal(extract(first, images, cache=cache, batch=25), expected(images))
    assert first.calls == [20]
    again = Sums()
    order = np.random.default_rng(1).permutation(30)
    assert np.array_equal(
        extract(again, images[order], cache=FeatureCache(tmp_path), batch=4),
        expected(images)[order],
    )
    assert again.calls == []
    more = np.concatenate([images, pictures(3, seed=9)])
    assert np.array_equal(extract(again, more, cache=cache), expected(more))
    assert again.calls == [3]
    other = Sums("b" * 64)
    extract(other, images, cache=cache)
    assert sum(other.calls) == 20
    # another shape of the same bytes is another image
    extract(again, images.reshape(-1, 2, 2), cache=cache)
    assert sum(again.calls) == 3 + 20 * 4


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "key", "other"])
def test_a_damaged_file_is_said_removed_and_computed_again(tmp_path: Path, damage: str) -> None:
    images, cache = pictures(20), FeatureCache(tmp_path)
    extract(Sums(), images, cache=cache, batch=10)
    paths = sorted(tmp_path.rglob("*.safetensors"))
    assert len(paths) == 2
    data = bytearray(paths[0].read_bytes())
    if damage == "flip":
        data[-1] ^= 1
    elif damage == "key":
        data[-10 * 8 - 1] ^= 1  # ten rows of two float32 stand behind the keys
    elif damage == "cut":
        del data[-3:]
    elif damage == "other":
        data = bytearray(data.replace(b"a" * 64, b"c" * 64))
    else:
        data.clear()
    paths[0].write_bytes(data)
    heard, sums = Heard(), Sums()
    assert np.array_equal(extract(sums, images, cache=cache, progress=heard), expected(images))
    assert sums.calls == [10]
    assert len(heard.said) == 1
    assert str(paths[0]) in heard.said[0]
    last = Sums()
    assert np.array_equal(extract(last, images, cache=cache), expected(images))
    assert last.calls == []


def _fill(folder: str, seed: int) -> bool:
    images = np.concatenate([pictures(150), pictures(30, seed)])
    found = extract(Sums(), images, cache=FeatureCache(Path(folder)), batch=8)
    return np.array_equal(found, expected(images))


def test_processes_that_share_a_folder_do_no_harm(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert all(pool.starmap(_fill, [(str(tmp_path), 1), (str(tmp_path), 2)]))
    sums = Sums()
    extract(sums, np.concatenate([pictures(150), pictures(30, 1)]), cache=FeatureCache(tmp_path))
    assert sums.calls == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.quality.test_features import FeatureCache, Sums, extract, pictures
class Dies(Sums):
    def __call__(self, images):
        if len(self.calls) == 3:
            folder = next(Path(sys.argv[1]).iterdir())
            (folder / ".writing-dead").write_bytes(b"half of")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(images)
extract(Dies(), pictures(40), cache=FeatureCache(Path(sys.argv[1])), batch=8)
"""


def test_a_killed_process_loses_one_batch(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    sums = Sums()
    found = extract(sums, pictures(40), cache=FeatureCache(tmp_path), batch=8)
    assert np.array_equal(found, expected(pictures(40)))
    assert sums.calls == [8, 8]
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4)),
        np.zeros((2, 4, 5), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((1, 0, 0), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
    ],
)
def test_other_images_are_refused(images: Any) -> None:
    with pytest.raises(BadInput, match="square grey uint8"):
        extract(Sums(), images)


def test_sides_features_and_folders_that_do_not_fit_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="of 4 and of 6 px"):
        extract(Sums(), [pictures(2), pictures(2, side=6)])
    with pytest.raises(CheckFailed, match="not finite"):
        extract(Sums(nan=True), pictures(2), cache=FeatureCache(tmp_path / "c"))
    assert not list(tmp_path.rglob("*.safetensors"))
    wide = Sums()
    wide.dimension = 3  # type: ignore[misc]
    with pytest.raises(CheckFailed, match=r"shape \(2, 2\); \(2, 3\) was expected"):
        extract(wide, pictures(2))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"feature cache .* cannot be written"):
        extract(Sums(), pictures(2), cache=FeatureCache(tmp_path / "file"))
    with pytest.raises(BadInput, match="batch of 0"):
        extract(Sums(), pictures(2), batch=0)


def test_the_room_is_entered_without_torch_and_keras() -> None:
    code = (
        "import sys, mammo_synth.quality.extractors as e; e.make_extractor('radiomics'); "
        "print([m for m in ('torch', 'keras', 'tensorflow', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
