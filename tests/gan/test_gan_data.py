"""Which real images training sees, in which order, and with which labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.gan.data import RealImages, to_uint8
from mammo_synth.gan.distributed import Share
from mammo_synth.gan.sampler import Sampler, choose_subset
from mammo_synth.gan.settings import override
from tests.gan.gan_golden import FOLDER
from tests.gan.gan_runs import TINY, blobs

ORDERS = json.loads((FOLDER / "sampler.json").read_text())
CONDITIONAL = override(TINY, run={"conditional": True}, network={})


@pytest.mark.parametrize(
    ("name", "count", "seed", "rank", "size"),
    [("infinite_N10_seed0_rank0of1", 10, 0, 0, 1), ("infinite_N7_seed3_rank1of2", 7, 3, 1, 2)],
)
@pytest.mark.parametrize("batch", [2, 10, 40])
def test_order_equals_the_reference(name, count, seed, rank, size, batch):
    sampler, found = Sampler(count, seed), []
    while len(found) < len(ORDERS[name]):
        found += sampler.take(batch)[rank::size].tolist()
    assert found[: len(ORDERS[name])] == ORDERS[name]


def test_subset_and_mirror_equal_the_reference():
    assert choose_subset(100, 10, 0).tolist() == ORDERS["subset_N100_max10_seed0"]
    indices, mirrored = ORDERS["subset_N100_max10_seed7_mirror"]
    images = np.zeros([100, 16, 16], np.uint8)
    images[:, 0, 0], images[:, 0, -1] = np.arange(100), 255
    data = RealImages(images, replace(TINY, subset=10, mirror=True, seed=7))
    shown = to_uint8(data.at(np.arange(20))[0])
    assert [bool(image[0, 0] == 255) for image in shown] == [bool(m) for m in mirrored]
    assert [image[0, -1 if m else 0] for image, m in zip(shown, mirrored, strict=True)] == indices


@pytest.mark.parametrize("count", [2, 3, 24])
@pytest.mark.parametrize("before", [0, 5, 33])
def test_order_goes_on_exactly_in_another_process(count, before):
    whole = Sampler(count, 5).take(before + 40)
    sampler = Sampler(count, 5)
    sampler.take(before)
    saved = {key: value.clone() for key, value in sampler.state().items()}
    sampler.take(7)
    other = Sampler(count, 6)
    other.restore(saved)
    assert np.array_equal(other.take(40), whole[before:]) and other.position == before + 40


def test_every_image_comes_about_equally_often():
    counts = np.bincount(Sampler(30, 1).take(3000), minlength=30)
    assert counts.min() > 85 and counts.max() < 115


def test_state_of_another_set_is_refused():
    with pytest.raises(ValueError, match="24 images, and there are 25"):
        Sampler(25, 0).restore(Sampler(24, 0).state())


def test_grey_levels_and_shares_of_a_batch():
    images = np.arange(2 * 256, dtype=np.uint32).astype(np.uint8).reshape(2, 16, 16)
    shown = RealImages(images, TINY).next(4)[0]
    assert shown.shape == (4, 1, 16, 16) and shown.min() == -1 and shown.max() == 1
    assert all(any(np.array_equal(a, b) for b in images) for a in to_uint8(shown))
    whole = RealImages(blobs(), TINY).next(8)[0]
    for index in (0, 1):
        share = RealImages(blobs(), TINY).next(8, Share(index, 2))[0]
        assert torch.equal(share, whole[index::2])


def test_labels_go_with_the_images_and_their_frequencies_with_the_fakes():
    labels = (np.arange(24) % 4 == 0).astype(np.int64)  # a quarter is cancer
    data = RealImages(blobs(), replace(CONDITIONAL, mirror=True), labels=labels)
    shown = data.sampler.take(48)
    _, onehot = data.at(shown)
    assert onehot.argmax(dim=1).tolist() == labels[shown % 24].tolist()
    assert torch.equal(onehot.sum(dim=1), torch.ones(48))
    drawn = data.draw_labels(4000, torch.Generator().manual_seed(0))
    assert 0.22 < float(drawn[:, 1].mean()) < 0.28
    assert RealImages(blobs(), TINY).draw_labels(3, torch.Generator()) is None


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (None, "0 were given"),
        (np.zeros(3, np.int64), "3 were given"),
        (np.zeros(24, np.int64), "none is cancer"),
        (np.arange(24), "0 to 1"),
    ],
)
def test_conditional_run_without_usable_labels_is_refused(labels, word):
    with pytest.raises(BadInput, match=word) as refusal:
        RealImages(blobs(), CONDITIONAL, labels=labels)
    assert "--conditional" in refusal.value.hint


def test_subset_larger_than_the_set_is_refused():
    with pytest.raises(BadInput, match="subset of 25 films was asked for; there are 24"):
        RealImages(blobs(), replace(TINY, subset=25))
