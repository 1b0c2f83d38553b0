"""Reading the images of pools and releases where they lie."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput
from mammo_synth.gan.sample import load_generator, sample
from mammo_synth.png import encode_png
from mammo_synth.quality.pools import open_pools
from mammo_synth.quality.stored import ParquetRows, StoredImages

from .pool_files import again, tiny_pool


@pytest.mark.parametrize("format_name", ["png", "parquet", "zip"])
def test_a_pool_gives_its_images_in_order_of_their_seeds(tiny_runs, tmp_path, format_name):
    folder = tmp_path / "pool"
    tiny_pool(tiny_runs / "cancer", folder, [7, 2], format_name)
    tiny_pool(tiny_runs / "cancer", folder, [5, 11], format_name)
    pool = open_pools([folder])["cancer"]
    assert pool.seeds == (2, 5, 7, 11)
    expected = dict(sample(load_generator(tiny_runs / "cancer"), pool.seeds))
    np.testing.assert_array_equal(pool.images[:], [expected[seed] for seed in pool.seeds])
    np.testing.assert_array_equal(pool.images[-1], expected[11])
    assert pool.described()["seeds"] == "2,5,7,11"
    assert pool.generator == load_generator(tiny_runs / "cancer").sha256


def test_a_release_gives_the_synthetic_images_of_both_labels_and_no_film(small_release):
    pools = open_pools([small_release.folder])
    assert list(pools) == list(LABELS)
    for value, label in enumerate(LABELS):
        pool = pools[label]
        rows = {}
        for split in ("train", "test"):
            for name in small_release.configurations:
                rows |= {
                    row["seed"]: row["image"]["bytes"]
                    for row in small_release.records(name, split)
                    if row["origin"] == 0 and row["label"] == value
                }
        assert list(pool.seeds) == sorted(rows)
        assert pool.images.encoded(range(len(pool))) == [rows[seed] for seed in pool.seeds]
        assert pool.truncation == 1.0
        assert pool.generator == small_release.manifest.facts["generators"][label]["sha256"]


@given(st.data())
def test_a_slice_is_that_of_an_array(tmp_path_factory, data):
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4), np.uint8)
    encoded = [encode_png(image) for image in images]
    stored = StoredImages(lambda numbers: [encoded[n] for n in numbers], 9, 4)
    ends = st.none() | st.integers(-12, 12)
    part = slice(data.draw(ends), data.draw(ends), data.draw(st.sampled_from([None, 1, 2, -1])))
    np.testing.assert_array_equal(stored[part], images[part])
    numbers = data.draw(st.lists(st.integers(0, 8)))
    chosen = stored.chosen(numbers)
    np.testing.assert_array_equal(chosen[:], images[numbers].reshape(-1, 4, 4))
    assert sum(len(block) for block in stored.blocks(4)) == 9


def test_a_number_beyond_the_last_image_ends_a_loop():
    stored = StoredImages(lambda numbers: [], 0, 4)
    with pytest.raises(IndexError):
        stored[0]
    assert stored[:].shape == (0, 4, 4)


def test_rows_of_many_groups_come_in_the_order_asked(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"image": {"bytes": bytes([n]), "path": str(n)}, "seed": n} for n in range(10)]
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    read = ParquetRows([(path, row) for row in reversed(range(10))])
    assert read([0, 9, 4, 4, 1]) == [bytes([n]) for n in (9, 0, 5, 5, 8)]
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(BadInput, match="cannot be read"):
        ParquetRows([(path, 0)])([0])


@pytest.fixture()
def pool(tiny_pools, tmp_path) -> Path:
    shutil.copytree(tiny_pools / "cancer", tmp_path / "pool")
    return tmp_path / "pool"


def test_two_pools_of_one_label_are_refused(tiny_pools, pool):
    with pytest.raises(BadInput, match="both hold cancer images"):
        open_pools([tiny_pools / "cancer", pool])


def test_pools_of_two_sizes_are_refused(tiny_pools, pool):
    again(pool, resolution=64, label="normal")
    with pytest.raises(BadInput, match="32 and 64 px"):
        open_pools([tiny_pools / "cancer", pool])


def test_a_folder_of_another_kind_is_refused(prepared_set):
    with pytest.raises(BadInput, match="a prepared-set folder; a pool or a release") as caught:
        open_pools([prepared_set.folder])
    assert "generator sample" in caught.value.hint


def test_a_pool_without_its_class_is_refused(pool):
    again(pool, label="both")
    with pytest.raises(BadInput, match="'both'"):
        open_pools([pool])


def test_a_manifest_that_says_too_little_is_refused(pool):
    again(pool, **{"as": "tar"})
    with pytest.raises(BadInput, match="does not say what a pool says"):
        open_pools([pool])


def test_a_pool_that_lacks_a_seed_of_its_manifest_is_refused(pool):
    (pool / "seed00003.png").unlink()
    with pytest.raises(BadInput, match="other seeds"):
        open_pools([pool])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture", "Image 3 is no PNG"),
        (encode_png(np.zeros((8, 8), np.uint8)), "Image 3 is 8 x 8 px; 32 x 32"),
    ],
)
def test_an_image_that_is_none_is_named(pool, data, words):
    (pool / "seed00003.png").write_bytes(data)
    images = open_pools([pool])["cancer"].images
    assert images[:3].shape == (3, 32, 32)
    with pytest.raises(BadInput, match=words):
        images[:]


def test_an_archive_that_is_none_is_refused(tiny_runs, tmp_path):
    folder = tiny_pool(tiny_runs / "cancer", tmp_path / "pool", range(2), "zip")
    (folder / "images.zip").write_bytes(b"PK no more")
    with pytest.raises(BadInput, match="cannot be read"):
        open_pools([folder])
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("seed00000.png", b"")
    with pytest.raises(BadInput, match="other seeds"):
        open_pools([folder])
