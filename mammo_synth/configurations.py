"""The nine configurations of the study, as data: the only place that knows them.

A configuration is a class ratio of the training split (cancer-normal, in percent) and a
synthetic fraction (in percent, the same in both classes and both splits). The test split always
has the ratio 30-70 (STUDY: 16,800 + 7,200 images of 24,000).

**The integer rule.** At a size that the percentages do not divide, a count is split by largest
remainder, in this order: size into train and test (70-30), each split into classes (cancer,
normal), each class into origins (synthetic, real). Ties go to the first named. At 24,000 this
gives the study's counts exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mammo_synth.errors import BadInput, did_you_mean

LABELS = ("normal", "cancer")
"""Label names by value: normal = 0, cancer = 1. Cancer is always the positive class."""
NORMAL, CANCER = 0, 1
LABEL_VALUES = {name: value for value, name in enumerate(LABELS)}

ORIGINS = ("synthetic", "real")
SYNTHETIC, REAL = 0, 1

STUDY_SIZE = 24_000
MINIMUM_SIZE = 20
TRAIN_PERCENT = 70
TEST_CANCER_PERCENT = 30
STUDY_REAL_TEST = {CANCER: 900, NORMAL: 2100}
"""Real films of the study's common test set, by label: the held-out `real_test` split."""

DEFAULT = "50-50-90syn"
REAL_ONLY = "real"
"""All real rows of a release and no synthetic one: the TRTR baseline of the benchmark. Of each
label and split it has as many films as the configuration with most of them. At the study's size
that is 1,176 cancer and 1,176 normal in train, 216 and 504 in test: far fewer than any of the nine,
and 50-50 in train."""
SYNTHETIC_REDUCED = "synthetic-reduced"
"""Its twin: synthetic rows alone, of each label as many as `REAL_ONLY` has in the same split."""
REFERENCES = (REAL_ONLY, SYNTHETIC_REDUCED)
"""What stands beside the configurations in the benchmark without a rank. None of the nine, and
no name that `load_dataset` knows: the benchmark takes them from the release's shards."""
SPLITS = ("train", "test")


@dataclass(frozen=True, order=True)
class Cell:
    """One block of interchangeable images: split × label × origin.

    Within a cell the images have one fixed order, and every configuration takes a prefix.
    """

    split: str
    label: int
    origin: int

    @property
    def name(self) -> str:
        """``train-cancer-synthetic`` and the like, as used in file names."""
        return f"{self.split}-{LABELS[self.label]}-{ORIGINS[self.origin]}"


CELLS = tuple(
    Cell(split, label, origin)
    for split in SPLITS
    for label in (CANCER, NORMAL)
    for origin in (SYNTHETIC, REAL)
)


@dataclass(frozen=True)
class Configuration:
    """One of the nine: its class ratio in training and its synthetic fraction, in percent."""

    cancer_percent: int
    synthetic_percent: int

    @property
    def class_ratio(self) -> str:
        """``30-70`` is 30 % cancer and 70 % normal."""
        return f"{self.cancer_percent}-{100 - self.cancer_percent}"

    @property
    def name(self) -> str:
        """``50-50-90syn`` and the like."""
        return f"{self.class_ratio}-{self.synthetic_percent}syn"

    def counts(self, size: int) -> dict[Cell, int]:
        """Images in each cell at a total of ``size`` (train + test, without real_test).

        Raises:
            BadInput: ``size`` is below `MINIMUM_SIZE`.
        """
        check_size(size)
        train, test = largest_remainder(size, (TRAIN_PERCENT, 100 - TRAIN_PERCENT))
        counts = {}
        for split, total, cancer in (
            ("train", train, self.cancer_percent),
            ("test", test, TEST_CANCER_PERCENT),
        ):
            by_label = largest_remainder(total, (cancer, 100 - cancer))
            for label, images in zip((CANCER, NORMAL), by_label, strict=True):
                by_origin = largest_remainder(
                    images, (self.synthetic_percent, 100 - self.synthetic_percent)
                )
                for origin, n in zip((SYNTHETIC, REAL), by_origin, strict=True):
                    counts[Cell(split, label, origin)] = n
        return counts


CONFIGURATIONS: dict[str, Configuration] = {
    configuration.name: configuration
    for configuration in (
        Configuration(cancer, synthetic) for synthetic in (100, 95, 90) for cancer in (30, 50, 70)
    )
}


def check_size(size: int) -> None:
    """Raise BadInput unless ``size`` can hold both classes in both splits."""
    if size < MINIMUM_SIZE:
        raise BadInput(
            f"A release of {size} images per configuration is too small: train and test need "
            f"both classes.",
            hint=f"Use --size {MINIMUM_SIZE} or more; the study used {STUDY_SIZE}.",
        )


def largest_remainder(total: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """Split ``total`` into whole parts proportional to ``weights`` (integers), exactly.

    Every part gets the floor of its quota; what is left goes one each to the largest
    remainders, ties to the first (Hamilton's method).
    """
    whole = sum(weights)
    floors = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    left = total - sum(floors)
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in order[:left]:
        floors[i] += 1
    return tuple(floors)


def configuration(name: str) -> Configuration:
    """The configuration called ``name``.

    Raises:
        BadInput: There is none; the message has the nearest name.
    """
    try:
        return CONFIGURATIONS[name]
    except KeyError:
        raise BadInput(
            f"There is no configuration '{name}'.",
            hint=f"{did_you_mean(name, CONFIGURATIONS)} Run `mammo-synth configs`.",
        ) from None


def cell_sizes(size: int) -> dict[Cell, int]:
    """Images that must be stored in each cell to serve all nine configurations: the maxima."""
    sizes = dict.fromkeys(CELLS, 0)
    for one in CONFIGURATIONS.values():
        for cell, n in one.counts(size).items():
            sizes[cell] = max(sizes[cell], n)
    return sizes


def cut_points(size: int) -> dict[Cell, tuple[int, ...]]:
    """Where each cell is cut into shards: the distinct prefix lengths, ascending, without 0."""
    points: dict[Cell, set[int]] = {cell: set() for cell in CELLS}
    for one in CONFIGURATIONS.values():
        for cell, n in one.counts(size).items():
            if n:
                points[cell].add(n)
    return {cell: tuple(sorted(values)) for cell, values in points.items()}


def stored_images(size: int) -> int:
    """Images stored for all nine configurations together, without `real_test`."""
    return sum(cell_sizes(size).values())


def real_films_needed(size: int) -> dict[tuple[str, int], int]:
    """Real films that the nine need by (split, label), without `real_test`."""
    return {
        (cell.split, cell.label): n for cell, n in cell_sizes(size).items() if cell.origin == REAL
    }


def largest_size(available: dict[tuple[str, int], int], limit: int = STUDY_SIZE) -> int:
    """The largest size up to ``limit`` whose real share fits ``available`` films, or 0.

    Args:
        available: Real films by (split, label).
        limit: Upper end of the search.
    """

    def fits(size: int) -> bool:
        return all(available.get(key, 0) >= n for key, n in real_films_needed(size).items())

    # A need grows in proportion to the size up to rounding at three levels (less than 3 films),
    # so no size above this bound can fit; just below it rounding decides: look downwards.
    bound = limit
    for key, films in real_films_needed(STUDY_SIZE).items():
        bound = min(bound, (available.get(key, 0) + 3) * STUDY_SIZE // films)
    for size in range(bound, MINIMUM_SIZE - 1, -1):
        if fits(size):
            return size
    return 0


def table(size: int) -> Iterator[dict[str, int | str]]:
    """The nine with their counts, as `mammo-synth configs` prints them."""
    for one in CONFIGURATIONS.values():
        row: dict[str, int | str] = {
            "configuration": one.name,
            "class_ratio": one.class_ratio,
            "synthetic_percent": one.synthetic_percent,
        }
        row |= {cell.name: n for cell, n in one.counts(size).items()}
        yield row
