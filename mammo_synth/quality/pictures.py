"""The montages of a report: drawn once each, written beside it, told of in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mammo_synth.files import write_bytes
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.measures import in_units
from mammo_synth.quality.measures.realism import realism

from .description import Compared, Described
from .films import Learned
from .judgement import feature_sets, known_films, privacy_facts, privacy_of
from .montages import (
    Montage,
    interpolation_montage,
    neighbours_montage,
    pairs_montage,
    random_montage,
    realism_montage,
    truncation_montage,
)
from .parts import Parts

LEAST_FILMS = 8
"""For realism: with fewer films there is no neighbourhood to speak of."""


@dataclass(frozen=True)
class Pictures:
    """Where montages are written.

    Attributes:
        folder: Of the report.
        parts: What is finished.
    """

    folder: Path
    parts: Parts

    def entry(self, part: str, draw: Callable[[], Montage]) -> dict[str, Any]:
        """``montage`` for the report, or null; ``reason`` why there is none, or null."""

        return dict(self.parts.get(part, lambda: self.written(draw())))

    def written(self, found: Montage) -> dict[str, Any]:
        """The entry of a montage, whose picture is now in its place."""
        if found.png is None:
            return {"montage": None, "reason": f"No montage {found.name}: {found.reason}"}
        write_bytes(self.folder / found.file, found.png)
        return {"montage": found.as_dict(), "reason": None}


def privacy_part(
    pictures: Pictures,
    compared: Compared,
    label: str,
    labels: Sequence[str],
    features: Sequence[Described],
    *,
    discriminator: Path | None,
    device: str,
    show_films: bool,
    seed: int,
    progress: Progress = SILENT,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The privacy report of a label as plain values, and the montage of its closest pairs."""

    def make() -> dict[str, Any]:
        found = privacy_of(
            compared, label, labels, features,
            discriminator=discriminator, device=device, seed=seed, progress=progress,
        )  # fmt: skip
        films = known_films(compared, labels)[0].images if show_films else None
        pool = compared.pools[label]
        sheet = pairs_montage(label, found.closest, pool.images, pool.seeds, films)
        return {"report": privacy_facts(found, pool.seeds), "sheet": pictures.written(sheet)}

    part = pictures.parts.get(f"privacy-{label}", make)
    return dict(part["report"]), dict(part["sheet"])


def draw_montages(
    pictures: Pictures,
    compared: Compared,
    rows: Described,
    origins: Mapping[str, Learned],
    generators: Mapping[str, Path | None],
    *,
    show_films: bool,
    device: str,
    seed: int,
    progress: Progress = SILENT,
) -> dict[str, list[dict[str, Any]]]:
    """All montages but that of the closest pairs, by label, as `Pictures.entry` gives them.

    Args:
        pictures: Where they are written.
        compared: The images.
        rows: Features that say what is near.
        origins: Whose films each label's generator may have learned from.
        generators: Their files; None: not at hand, and nothing is drawn anew.
        show_films: Whether the films' terms allow that they are passed on.
        device: For the generators.
        seed: Of all draws.
        progress: Told of every label.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    progress.start("montages", len(compared.pools))
    for label, pool in compared.pools.items():
        films, _ = known_films(compared, origins[label].labels)
        sets = feature_sets(compared, label, origins[label].labels, rows)
        shown = films.images if show_films else None
        latent = (label, generators[label], pool.seeds, device)
        way = partial(interpolation_montage, truncation=pool.truncation)
        draws: dict[str, Callable[[], Montage]] = {
            "random": partial(random_montage, label, pool.images, pool.seeds, seed=seed),
            "realism": partial(_realism, compared, label, rows),
            "neighbours": partial(
                neighbours_montage, label, pool.images, pool.seeds, sets, shown,
                space=rows.name, seed=seed,
            ),
            "truncation": partial(_latent, "truncation", truncation_montage, *latent),
            "interpolation": partial(_latent, "interpolation", way, *latent),
        }  # fmt: skip
        found[label] = [
            pictures.entry(f"montage-{label}-{name}", draw) for name, draw in draws.items()
        ]
        progress.advance(1, label)
    progress.finish()
    return found


def _realism(compared: Compared, label: str, rows: Described) -> Montage:
    pool = compared.pools[label]
    films = rows.training[compared.of(compared.training, [label])]
    images = rows.synthetic[compared.of_pool(label)]
    if len(films) < LEAST_FILMS:
        reason = f"There are {len(films)} {label} training films, too few for realism."
        return Montage(f"{label}-realism", label, "Highest and lowest realism.", None, reason)
    films, images = in_units(rows.name, films, images)
    return realism_montage(label, pool.images, realism(films, images), pool.seeds)


def _latent(
    name: str,
    draw: Callable[..., Montage],
    label: str,
    file: Path | None,
    seeds: tuple[int, ...],
    device: str,
) -> Montage:
    if file is None:
        reason = "The generator's file is not at hand (give it with --generator)."
        return Montage(f"{label}-{name}", label, "Drawn by the generator.", None, reason)
    from mammo_synth.gan.sample import load_generator, resolve_device

    return draw(label, load_generator(file, resolve_device(device)), seeds)
