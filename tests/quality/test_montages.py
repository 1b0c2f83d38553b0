"""Montages: what is drawn, what is withheld, and what is said where nothing can be drawn."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.gan.sample import load_generator, sample
from mammo_synth.png import decode_png, encode_png
from mammo_synth.quality.montages import (
    Montage,
    interpolation_montage,
    neighbours_montage,
    pairs_montage,
    random_montage,
    realism_montage,
    truncation_montage,
)
from mammo_synth.quality.montages.montage import GAP, MARGIN
from mammo_synth.quality.privacy.patterns import Variant
from mammo_synth.quality.privacy.sets import FeatureSets, Pair
from mammo_synth.quality.tiles import WITHHELD, image_at, short
from tests.gan.gan_files import NETWORK, generator_file

MARKER = 201  # a grey level that only planted films have: neither ink, paper nor withheld


class Parts:
    """Images of which only slices can be taken, as of a pool on disk; remembers which."""

    def __init__(self, images):
        self.images, self.read = images, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, part):
        assert isinstance(part, slice) and part.stop - part.start == 1
        self.read.append(part.start)
        return self.images[part]


def _pool(count, side=16):
    """Each image is of one grey level of its own, 30 and rising, where its whole tile is."""
    levels = 30 + np.arange(count, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None], (count, side, side)).copy()


def _tiles(montage, side):
    """Grey levels in the middle of full tiles, read row by row."""
    sheet = decode_png(montage.png)
    found, y = [], 0
    while y + side <= len(sheet):
        columns = range(MARGIN, sheet.shape[1] - side, side + GAP)
        row = [sheet[y : y + side, x : x + side] for x in columns]
        if (row[0] == row[0][0, 0]).all() and row[0][0, 0] != 245:
            found += [int(t[0, 0]) for t in row if (t == t[0, 0]).all() and t[0, 0] != 245]
            y += side
        else:
            y += 1
    return found


def _grey_png(montage):
    with Image.open(io.BytesIO(montage.png)) as image:
        assert image.format == "PNG" and image.mode == "L"
        return image.size


def test_random_images_are_drawn_once_each_and_read_one_by_one():
    images, seeds = Parts(_pool(100)), range(1000, 1100)
    one = random_montage("cancer", images, seeds, seed=3)
    assert one.name == "cancer-random" and one.file == "montages/cancer-random.png"
    assert one.reason is None and "24 of 100 synthetic cancer images" in one.text
    assert len(set(images.read)) == len(images.read) == 24
    assert _tiles(one, 128) == [30 + place for place in images.read] == sorted(_tiles(one, 128))
    width, height = _grey_png(one)
    assert 600 < width <= 1200 and height < width
    assert random_montage("cancer", _pool(100), seeds, seed=3) == one
    assert random_montage("cancer", _pool(100), seeds, seed=4).png != one.png
    assert random_montage("cancer", _pool(100), range(100), seed=3).png != one.png  # words below


@pytest.mark.parametrize("count", [1, 2, 7, 23])
def test_few_images_are_all_shown(count):
    one = random_montage("normal", _pool(count), range(count))
    assert _tiles(one, 128) == list(range(30, 30 + count))
    assert one.text.startswith(f"All {count} synthetic normal images")
    assert _grey_png(one)[0] == _grey_png(random_montage("normal", _pool(50), range(50)))[0]
    best = realism_montage("normal", _pool(count), np.arange(count) / 10, range(count))
    shown = _tiles(best, 160)
    assert len(shown) == len(set(shown)) == min(count, 16)
    assert shown == sorted(shown, reverse=True)


def test_best_and_worst_with_infinite_and_equal_scores():
    scores = np.full(40, 0.5)
    scores[[7, 20, 3]] = np.inf, 1.5, 0.1
    images = Parts(_pool(40))
    one = realism_montage("cancer", images, scores, range(40))
    order = [7, 20, *[i for i in range(40) if i not in (3, 7, 20)], 3]
    assert images.read == order[:8] + order[-8:]
    assert _tiles(one, 160) == [30 + place for place in images.read]
    assert "the 8 with the highest and the 8 with the lowest" in one.text
    assert "Infinite: " in one.text
    finite = realism_montage("cancer", images, np.minimum(scores, 2.0), range(40))
    assert "Infinite" not in finite.text and finite.png != one.png
    with pytest.raises(BadInput, match="1 of 40 realism scores are no numbers"):
        realism_montage("cancer", images, np.where(scores == 0.1, np.nan, scores), range(40))


def _features(images):
    return np.stack([images.mean(axis=(1, 2)), np.zeros(len(images))], axis=1)


def _neighbours(images, training, films, held_out=20):
    others = _features(_pool(held_out)) + 0.5
    features = FeatureSets(_features(images), _features(training), others)
    return neighbours_montage("cancer", images, range(len(images)), features, films, space="greys")


def test_each_image_stands_beside_its_nearest_films():
    images, training = _pool(30), Parts(_pool(60))
    one = _neighbours(images, training.images, training)
    rows = np.array(_tiles(one, 160)).reshape(8, 4)
    assert (rows[:, 0] == rows[:, 1]).all()  # the film of the same grey level is the nearest
    assert (np.abs(rows[:, 2:] - rows[:, :1]) <= 2).all()
    assert len(training.read) == 24
    assert "nearest to it by greys" in one.text and "Nine of ten held-out films lie" in one.text
    assert one == _neighbours(images, training.images, training)
    assert "No film was held out" in _neighbours(images, training.images, training, 0).text


def test_withheld_films_leave_no_pixel():
    """A grey level that only the films have is in the sheet with them, and nowhere without."""
    images = _pool(30)
    training = np.full((60, 16, 16), MARKER, np.uint8)
    shown = decode_png(_neighbours(images, training, training).png)
    hidden = _neighbours(images, training, None)
    sheet = decode_png(hidden.png)
    assert (shown == MARKER).sum() >= 24 * 160 * 160
    assert shown.shape == sheet.shape
    tiles = np.array(_tiles(replace(hidden, png=_without_words(hidden)), 160)).reshape(8, 4)
    assert (tiles[:, 1:] == WITHHELD).all() and (tiles[:, 0] != WITHHELD).all()
    assert "their terms do not allow" in hidden.text
    assert (sheet == MARKER).sum() < 400  # edges of letters have it by chance


def _without_words(montage):
    """The sheet with all that is on withheld tiles wiped, if they hold nothing but words."""
    sheet = decode_png(montage.png).copy()
    for x in range(MARGIN + 168, sheet.shape[1] - 160, 168):
        for y in range(MARGIN, len(sheet) - 160, 160 + 25 + GAP):
            tile = sheet[y : y + 160, x : x + 160]
            assert (tile == WITHHELD).mean() > 0.97
            tile[60:100, 20:140] = WITHHELD
    return encode_png(sheet)


def test_fewer_films_than_neighbours():
    assert np.array(_tiles(_neighbours(_pool(3), _pool(2), _pool(2)), 160)).size == 9
    none = _neighbours(_pool(3), _pool(5), _pool(5), 0)
    assert none.png is not None
    empty = FeatureSets(_features(_pool(3)), np.zeros((0, 2)), np.zeros((0, 2)))
    nothing = neighbours_montage("normal", _pool(3), range(3), empty, None, space="greys")
    assert nothing.png is None and nothing.reason == "There are no training films."


def test_an_empty_pool_has_reasons():
    none = np.zeros((0, 16, 16), np.uint8)
    features = FeatureSets(np.zeros((0, 2)), np.zeros((4, 2)), np.zeros((0, 2)))
    for one in (
        random_montage("cancer", none, ()),
        realism_montage("cancer", none, np.zeros(0), ()),
        neighbours_montage("cancer", none, (), features, None, space="greys"),
    ):
        assert one.png is None and one.reason == "There are no images."
    pairs = pairs_montage("cancer", (), none, (), None)
    assert pairs.png is None and pairs.reason == "There are no pairs."


def test_other_numbers_than_images_are_refused():
    images = _pool(5)
    with pytest.raises(BadInput, match="5 images and 4 seeds"):
        random_montage("cancer", images, range(4))
    with pytest.raises(BadInput, match="5 images and 6 scores"):
        realism_montage("cancer", images, np.zeros(6), range(5))
    features = FeatureSets(np.zeros((4, 2)), np.zeros((4, 2)), np.zeros((0, 2)))
    with pytest.raises(BadInput, match="5 images and 4 features"):
        neighbours_montage("cancer", images, range(5), features, None, space="greys")
    features = replace(features, synthetic=np.zeros((5, 2)))
    with pytest.raises(BadInput, match="3 training films and features of 4"):
        neighbours_montage("cancer", images, range(5), features, images[:3], space="greys")


def test_pairs_are_a_montage():
    images, films = _pool(3), np.full((3, 16, 16), MARKER, np.uint8)
    pairs = [Pair(i, i, f"film-{i}", 0.9, None, Variant(), "") for i in range(3)]
    shown, hidden = (pairs_montage("normal", pairs, images, range(3), x) for x in (films, None))
    assert shown.name == hidden.name == "normal-pairs"
    assert (decode_png(shown.png) == MARKER).sum() > 3 * 180 * 180
    assert (decode_png(hidden.png) == MARKER).sum() < 60
    assert "withheld" in hidden.text and "withheld" not in shown.text


def test_large_images_are_shown_small_and_that_is_said():
    small = random_montage("cancer", _pool(6, 128), range(6))
    large = random_montage("cancer", _pool(6, 256), range(6))
    assert _grey_png(small) == _grey_png(large) and small.png != large.png
    differs = np.nonzero(decode_png(small.png) != decode_png(large.png))
    assert differs[0].min() > _grey_png(small)[1] - 40  # only the foot


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("montages")
    networks = {
        "plain": NETWORK,
        "classes": replace(NETWORK, c_dim=2),
        "colour": replace(NETWORK, image_channels=3),
    }
    return {
        name: load_generator(
            generator_file(
                folder / f"{name}.safetensors",
                network,
                **({"classes": json.dumps(["normal", "cancer"])} if name == "classes" else {}),
            )
        )
        for name, network in networks.items()
    }


def _enlarged(image, side=128):
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def _holds(montage, image):
    """How often the sheet has a tile of this image."""
    sheet, tile = decode_png(montage.png), _enlarged(image)
    places = np.lib.stride_tricks.sliding_window_view(sheet, tile.shape)
    columns = places[:, MARGIN :: 128 + GAP]
    rough = (columns[..., 0, :] == tile[0]).all(axis=-1)
    return sum(np.array_equal(columns[y, x], tile) for y, x in zip(*np.nonzero(rough), strict=True))


def test_truncation_of_the_first_four_seeds(generators):
    generator = generators["plain"]
    one = truncation_montage("cancer", generator, [5, 6, 7, 8, 9])
    assert one.name == "cancer-truncation" and "of 4 seeds" in one.text
    images = dict(sample(generator, range(5, 10)))
    assert [_holds(one, images[seed]) for seed in range(5, 10)] == [1, 1, 1, 1, 0]
    mean = dict(sample(generator, [0], truncation=0.0))[0]
    assert _holds(one, mean) == 4
    assert _grey_png(one)[0] <= 1200
    assert truncation_montage("cancer", generator, [5, 6, 7, 8]) == one
    assert _grey_png(truncation_montage("cancer", generator, [5], (1.0,)))[0] >= 480


@pytest.mark.parametrize("space", ["z", "w"])
def test_interpolation_passes_its_seeds(generators, space):
    generator = generators["plain"]
    one = interpolation_montage("normal", generator, [1, 2, 3, 4, 5], space=space)
    again = interpolation_montage("normal", generator, [1, 2, 3, 4], space=space)
    assert one == again and f"latent space {space}" in one.text
    assert _grey_png(one)[0] <= 1200
    if space == "w":  # in z the ends are reached by arithmetic
        images = dict(sample(generator, range(1, 6)))
        assert [_holds(one, images[seed]) for seed in range(1, 6)] == [1, 2, 2, 1, 0]
    near = interpolation_montage("normal", generator, [1, 2, 3, 4], space=space, truncation=0.5)
    assert near.png != one.png


def test_a_conditional_generator_is_asked_for_the_class(generators):
    generator = generators["classes"]
    images = {label: dict(sample(generator, [3], label=label))[3] for label in ("normal", "cancer")}
    for label, other in (("normal", "cancer"), ("cancer", "normal")):
        one = truncation_montage(label, generator, [3, 4])
        assert _holds(one, images[label]) == 1 and _holds(one, images[other]) == 0
        assert interpolation_montage(label, generator, [3, 4]).png is not None
    strange = replace(generator, classes=("0", "1"))
    for make in (truncation_montage, interpolation_montage):
        one = make("cancer", strange, [3, 4])
        assert one.png is None and "no class 'cancer'" in one.reason


def test_what_a_generator_cannot_draw_has_a_reason(generators):
    for make in (truncation_montage, interpolation_montage):
        one = make("cancer", generators["colour"], [3, 4])
        assert one.png is None and "3 channels" in one.reason and one.text
    alone = interpolation_montage("cancer", generators["plain"], [3])
    assert alone.png is None and "at least two seeds" in alone.reason
    assert truncation_montage("cancer", generators["plain"], []).png is None
    assert "Truncation 3" in truncation_montage("cancer", generators["plain"], [1], (3.0,)).reason


def test_a_montage_has_a_picture_or_a_reason():
    one = Montage("a-b.c_1", "cancer", "Text.", b"x")
    assert one.as_dict() == {
        "name": "a-b.c_1",
        "label": "cancer",
        "file": "montages/a-b.c_1.png",
        "text": "Text.",
    }
    for png, reason in ((None, None), (b"x", "Why.")):
        with pytest.raises(BadInput, match="one of the two"):
            Montage("a", "cancer", "Text.", png, reason)
    for name in ("", "a/b", "../a", ".a", "a b", "a\n"):
        with pytest.raises(BadInput, match="no name of a montage"):
            Montage(name, "cancer", "Text.", b"x")


def test_words_that_do_not_fit_are_cut():
    from PIL import ImageFont

    font = ImageFont.load_default(size=20)
    assert short("seed 1", 100, font) == "seed 1"
    cut = short("a film with a long name", 100, font)
    assert cut.endswith("...") and font.getlength(cut) <= 100
    for wider, narrower in pairwise(short("seed 123456", room, font) for room in (90, 60, 20)):
        assert len(wider) > len(narrower)
    assert np.array_equal(image_at(_pool(3), 2), _pool(3)[2])


def test_montages_of_a_pool_need_no_torch():
    code = (
        "import sys, mammo_synth.quality.montages\n"
        "print([m for m in ('torch', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[\]", done.stdout.strip())
