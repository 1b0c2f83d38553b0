"""Montages of a pool's images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.png import encode_png
from mammo_synth.quality.features import Features
from mammo_synth.quality.privacy.neighbours import nearest
from mammo_synth.quality.privacy.pairs import pairs_picture
from mammo_synth.quality.privacy.sets import FeatureSets, Pair
from mammo_synth.quality.tiles import Picture, image_at

from .montage import FOOT, Group, Montage, Tile, draw_sheet, seed_words

if TYPE_CHECKING:
    from mammo_synth.quality.privacy.patterns import ImageSet

RANDOM, RANDOM_COLUMNS, RANDOM_SIDE = 24, 6, 128
BEST = 8
COMPARED, NEIGHBOURS = 8, 3
COLUMNS, SIDE = 4, 160
NO_IMAGES = "There are no images."
WITHHELD_FOOT = "Films are withheld: their terms do not allow that they are shown."


def random_montage(label: str, images: ImageSet, seeds: Sequence[int], *, seed: int = 0) -> Montage:
    """24 images drawn at random without replacement, in order of place, each with its seed below.

    Args:
        label: ``cancer`` or ``normal``.
        images: The pool, uint8 ``[N, S, S]``.
        seeds: Of the images, N.
        seed: Of the draw.

    Raises:
        BadInput: Other numbers of seeds than of images.
    """
    _check_counts(images, seeds=len(seeds))
    places = _drawn(len(images), RANDOM, seed)
    text = (
        f"{_count(places, images, label)}, drawn at random; below each its seed."
        if len(places) < len(images)
        else f"All {len(images)} synthetic {label} images; below each its seed."
    )
    if not places:
        return Montage(f"{label}-random", label, text, None, NO_IMAGES)
    tiles = [Tile(image_at(images, place), (str(seeds[place]),)) for place in places]
    return Montage(
        f"{label}-random", label, text, draw_sheet([Group(tiles)], RANDOM_COLUMNS, RANDOM_SIDE)
    )


def realism_montage(
    label: str, images: ImageSet, scores: npt.NDArray[np.float64], seeds: Sequence[int]
) -> Montage:
    """The 8 images with the highest realism score and the 8 with the lowest, in falling order.

    Of fewer than 16 images each is shown once. Of equal scores the first image comes first.

    Args:
        label: ``cancer`` or ``normal``.
        images: The pool, uint8 ``[N, S, S]``.
        scores: Realism (`measures.realism`), float64 ``[N]``; may be infinite.
        seeds: Of the images, N.

    Raises:
        BadInput: Other numbers of scores or seeds than of images, or a score that is no number.
    """
    _check_counts(images, scores=len(scores), seeds=len(seeds))
    if np.isnan(scores).any():
        raise BadInput(
            f"{int(np.isnan(scores).sum())} of {len(scores)} realism scores are no numbers.",
            hint="Extract the features again: an image broke the extractor.",
        )
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable").tolist()
    best = min(BEST, -(-len(order) // 2))
    worst = min(BEST, len(order) - best)
    text = (
        f"Of {len(order):,} synthetic {label} images the {best} with the highest and the {worst} "
        "with the lowest realism score; below each its score and seed. An image with a score of 1 "
        "or more lies among the films, as near to one as films are to each other."
    )
    if np.isinf(scores).any():
        text += " Infinite: it has the very features of a film."
    if not order:
        return Montage(f"{label}-realism", label, text, None, NO_IMAGES)

    def group(heading: str, places: Sequence[int]) -> Group:
        tiles = [
            Tile(image_at(images, place), (_score(scores[place]), seed_words(seeds[place])))
            for place in places
        ]
        return Group(tiles, heading)

    groups = [group("Highest realism", order[:best])]
    if worst:
        groups.append(group("Lowest realism", order[-worst:]))
    return Montage(f"{label}-realism", label, text, draw_sheet(groups, COLUMNS, SIDE))


def neighbours_montage(
    label: str,
    images: ImageSet,
    seeds: Sequence[int],
    features: FeatureSets,
    films: ImageSet | None,
    *,
    space: str,
    seed: int = 0,
) -> Montage:
    """8 images drawn at random, each beside the 3 training films nearest to it.

    Distances are Euclidean, of features in the units in which they are compared
    (`mammo_synth.quality.measures.in_units`), as in the privacy report.

    Args:
        label: ``cancer`` or ``normal``.
        images: The pool, uint8 ``[N, S, S]``.
        seeds: Of the images, N.
        features: Of the pool ``[N, D]``, the training films ``[M, D]``, and the held-out films,
            which tell how far a film is that no generator saw (there may be none).
        films: The training films, uint8 ``[M, S, S]``; None: they may not be shown. Then no film is
            read, and nothing of one is in the picture.
        space: What the features are called.
        seed: Of the draw.

    Raises:
        BadInput: Other numbers of seeds, features or films than fit, features that are not finite.
    """
    _check_counts(images, seeds=len(seeds), features=len(features.synthetic))
    count = len(features.training)
    if films is not None and len(films) != count:
        raise BadInput(f"There are {len(films)} training films and features of {count}.")
    places = _drawn(len(images), COMPARED, seed)
    near = min(NEIGHBOURS, count)
    text = (
        f"{_count(places, images, label)}, drawn at random, each beside the {near} training films "
        f"nearest to it by {space}; below each film its distance."
    )
    name = f"{label}-neighbours"
    if not places or not near:
        reason = NO_IMAGES if not places else "There are no training films."
        return Montage(name, label, text, None, reason)
    training, held_out = features.training, features.held_out
    fakes = features.synthetic[places]
    found = nearest(fakes, training, near)
    tiles = []
    for row, place in enumerate(places):
        tiles.append(Tile(image_at(images, place), (seed_words(seeds[place]),)))
        for film, distance in zip(found.index[row], found.distance[row], strict=True):
            shown = None if films is None else image_at(films, int(film))
            tiles.append(Tile(shown, (f"film at {_number(distance)}",)))
    text += _floor(held_out, training)
    foot = "Never for diagnosis. Left: synthetic. Others: training films."
    if films is None:
        text += f" {WITHHELD_FOOT}"
        foot = FOOT
    return Montage(name, label, text, draw_sheet([Group(tiles)], 1 + near, SIDE, foot=foot))


def pairs_montage(
    label: str,
    pairs: Sequence[Pair],
    images: ImageSet,
    seeds: Sequence[int],
    films: ImageSet | None,
) -> Montage:
    """The pairs most alike after alignment (`privacy.pairs`); ``films`` None: not to be shown."""
    _check_counts(images, seeds=len(seeds))
    text = (
        f"The {len(pairs)} pairs of a synthetic {label} image and a training film that are most "
        "alike after alignment: image, film, difference."
    )
    if films is None:
        text += f" {WITHHELD_FOOT}"
    name = f"{label}-pairs"
    if not pairs:
        return Montage(name, label, text, None, "There are no pairs.")
    shown = None if films is None else _reader(films)
    sheet = pairs_picture(pairs, _reader(images), shown, lambda place: seed_words(seeds[place]))
    return Montage(name, label, text, encode_png(sheet))


def _reader(images: ImageSet) -> Callable[[int], Picture]:
    return lambda place: image_at(images, place)


def _floor(held_out: Features, training: Features) -> str:
    if not len(held_out):
        return " No film was held out that would tell how near two films are."
    low, high = np.quantile(nearest(held_out, training).distance[:, 0], (0.05, 0.95))
    return (
        f" Nine of ten held-out films lie {_number(low)} to {_number(high)} from their nearest "
        "training film."
    )


def _check_counts(images: ImageSet, **counts: int) -> None:
    for name, count in counts.items():
        if count != len(images):
            raise BadInput(f"There are {len(images)} images and {count} {name}; one each fits.")


def _drawn(count: int, most: int, seed: int) -> list[int]:
    """Places of at most ``most`` of ``count``, rising."""
    rng = np.random.default_rng(seed)
    places: list[int] = np.sort(rng.choice(count, min(count, most), replace=False)).tolist()
    return places


def _count(places: Sequence[int], images: ImageSet, label: str) -> str:
    return f"{len(places)} of {len(images):,} synthetic {label} images"


def _score(value: float) -> str:
    return "infinite" if np.isinf(value) else f"{value:.2f}"


def _number(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")
