"""Projection: the latents whose image comes nearest to a given film.

After arXiv 1912.04958, section 5 and appendix D: w starts at its average; for a number of steps
Adam moves it down the gradient of the distance between the generator's image and the film. The
learning rate ramps up and down; noise that is added to w, large at first and none in the last
quarter, lets it leave bad places. Noise maps can be fitted as well; a penalty on their
autocorrelation at every scale keeps them from carrying the image. The distance is our own, of
`mammo_synth.gan.perceptual`.

A film is projected by one thread on the processor, whatever the other films, so its result is the
same bit for bit; accelerators take several films at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.progress import SILENT, Progress

from .drawing import Drawing, open_lanes
from .projection_search import Kept, Projection, Schedule, search, spread_of_w
from .sample import LoadedGenerator, drawing

__all__ = ["Projection", "ProjectionSettings", "project", "project_all"]

SPACES = ("w", "w+")
NOISES = ("const", "none", "fitted")
FILMS_AT_ONCE = 8  # on an accelerator


@dataclass(frozen=True)
class ProjectionSettings:
    """How films are projected.

    Attributes:
        space: ``w``: one w for all layers, the images the generator can draw. ``w+``: a w of its
            own for each layer; comes nearer, also to images that the generator never draws.
        noise: ``const`` (the stored maps), ``none``, or ``fitted`` to the film.
        steps: Steps of Adam, 1 to 100,000.
        learning_rate: The largest, after the ramp-up.
        ramp_up, ramp_down: Shares of the steps.
        initial_noise: Noise on w at the start, in units of the spread of w.
        noise_share: Share of the steps over which it falls to nothing (as its square root does
            linearly).
        noise_penalty: Weight of the noise maps' autocorrelation.
        w_samples: Latents that mean and spread of w are taken from.
        seed: Of the noise on w and of the first noise maps.
    """

    space: str = "w"
    noise: str = "const"
    steps: int = 500
    learning_rate: float = 0.1
    ramp_up: float = 0.05
    ramp_down: float = 0.25
    initial_noise: float = 0.05
    noise_share: float = 0.75
    noise_penalty: float = 1e5
    w_samples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("space", self.space, SPACES),
            ("noise", self.noise, NOISES),
        ):
            if value not in known:
                raise BadInput(f"There is no {name} '{value}'.", hint=did_you_mean(value, known))
        if not 1 <= self.steps <= 100_000:
            raise BadInput(
                f"{self.steps} steps were asked for; 1 to 100,000 were expected.",
                hint="Try --steps 500.",
            )
        if not 0 < self.learning_rate <= 10:
            raise BadInput(
                f"The learning rate is {self.learning_rate}; 0 to 10 was expected.",
                hint="Try --learning-rate 0.1.",
            )


def project(
    generator: LoadedGenerator,
    image: NDArray[np.uint8],
    settings: ProjectionSettings | None = None,
    progress: Progress = SILENT,
    *,
    label: str | None = None,
) -> Projection:
    """Project one film, uint8 ``[R, R]``, chest wall on the left, into the latent space.

    Raises:
        BadInput: As :func:`project_all`.
    """
    return next(project_all(generator, [image], settings, progress, label=label))


def project_all(
    generator: LoadedGenerator,
    images: Sequence[NDArray[np.uint8]],
    settings: ProjectionSettings | None = None,
    progress: Progress = SILENT,
    *,
    label: str | None = None,
    workers: int | None = None,
    keep: Callable[[range], Kept] | None = None,
) -> Iterator[Projection]:
    """Project films, uint8 ``[R, R]`` each; yield their projections in order, as they are ready.

    Args:
        settings: Default: those of :class:`ProjectionSettings`.
        progress: Receives one step per film and step of Adam.
        label: Class, for a conditional generator only.
        workers: Threads on the processor, each with a film; default: all cores.
        keep: Where the search for these of the films is kept while it goes on.

    Raises:
        BadInput: A film of another size or type; as ``sample`` for the class. At the call.
    """
    chosen = settings or ProjectionSettings()
    draws = drawing(generator, label=label)
    side = generator.resolution
    for image in images:
        if image.dtype != np.uint8 or image.shape != (side, side):
            raise BadInput(
                f"A film of {image.dtype} {'x'.join(map(str, image.shape))} was given; the "
                f"generator makes 8-bit images of {side} x {side} px.",
                hint=f"Prepare the films at {side} px.",
            )
    return _project_all(generator, images, chosen, progress, draws, workers, keep)


def _project_all(
    generator: LoadedGenerator,
    images: Sequence[NDArray[np.uint8]],
    settings: ProjectionSettings,
    progress: Progress,
    draws: Drawing,
    workers: int | None,
    keep: Callable[[range], Kept] | None,
) -> Iterator[Projection]:
    if not len(images):
        return
    size = 1 if generator.device.type == "cpu" else FILMS_AT_ONCE
    ranges = [range(i, min(i + size, len(images))) for i in range(0, len(images), size)]
    stop, lock = threading.Event(), threading.Lock()

    def advance(steps: int, distance: float) -> None:
        if stop.is_set():
            raise _StoppedError
        with lock:
            progress.advance(steps, f"distance {distance:.3f}")

    find = partial(
        search,
        size=size,
        per_layer=settings.space == "w+",
        noise=settings.noise,
        steps=settings.steps,
        schedule=Schedule(
            settings.learning_rate,
            settings.ramp_up,
            settings.ramp_down,
            settings.initial_noise,
            settings.noise_share,
        ),
        penalty=settings.noise_penalty,
        seed=settings.seed,
        advance=advance,
    )
    progress.start("Steps of projection", len(images) * settings.steps)
    with open_lanes(generator.network, (generator.device,), workers, len(ranges)) as lanes:
        mean, spread = lanes.submit(spread_of_w, draws, settings.w_samples).result()
        try:
            pending = [
                lanes.submit(
                    partial(find, kept=None if keep is None else keep(part)),
                    np.stack([images[i] for i in part]),
                    mean,
                    spread,
                )
                for part in ranges
            ]
            for future in pending:
                yield from future.result()
        finally:
            stop.set()  # threads end at their next step, not after their film
    progress.finish()


class _StoppedError(Exception):
    """The caller wants no more projections."""
