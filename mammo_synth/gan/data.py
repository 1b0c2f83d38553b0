"""Real images for training, as batches on the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mammo_synth.errors import BadInput

from .distributed import WHOLE, Share
from .sampler import Sampler, choose_subset
from .settings import CLASSES, TrainSettings

MIN_IMAGES = 2


class RealImages:
    """Batches of real images as float32 ``[N, 1, R, R]`` in [-1, 1], in the sampler's order.

    ``images``: uint8 ``[N, R, R]``, in memory or mapped from a file. ``labels`` (``[N]``, values
    0 and 1) make a conditional set. Of the settings count ``seed``, ``mirror`` (every image also
    stands there mirrored left to right), ``subset`` and ``conditional``.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        settings: TrainSettings,
        *,
        labels: NDArray[np.int64] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        check_images(images)
        check_count(len(images), settings.subset)
        self._images, self._device = images, torch.device(device)
        self._chosen = np.arange(len(images))
        if settings.subset is not None:
            self._chosen = choose_subset(len(images), settings.subset, settings.seed)
        shown = len(self._chosen) * (2 if settings.mirror else 1)
        self.sampler = Sampler(shown, settings.seed)
        self._onehot: Tensor | None = None
        if settings.conditional:
            here = check_labels(labels, len(images))[self._chosen]
            onehot = torch.eye(len(CLASSES))[torch.from_numpy(here)]
            self._onehot = onehot.to(self._device)

    def next(self, count: int, share: Share = WHOLE) -> tuple[Tensor, Tensor | None]:
        """The share's images of the next ``count`` shown, and their labels ``[N, classes]``."""
        return self.at(self.sampler.take(count)[share.index :: share.parts])

    def at(self, shown: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        """Images and labels by the sampler's indices."""
        place = shown % len(self._chosen)
        picked = self._images[self._chosen[place]]
        pixels = self._to_device(torch.from_numpy(picked)[:, None])
        if self.sampler.count > len(self._chosen):
            mirrored = self._to_device(torch.from_numpy(shown >= len(self._chosen)))
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)
        labels = None
        if self._onehot is not None:
            labels = self._onehot[self._to_device(torch.from_numpy(place))]
        return pixels.to(torch.float32).div_(127.5).sub_(1.0), labels

    def draw_labels(self, count: int, rng: torch.Generator) -> Tensor | None:
        """Labels ``[count, classes]`` for fake images: those of random real images, so that both
        kinds are as frequent among the fakes as among the films. ``None``: not conditional."""
        if self._onehot is None:
            return None
        which = torch.randint(len(self._onehot), [count], generator=rng, device=self._device)
        return self._onehot[which]

    def _to_device(self, values: Tensor) -> Tensor:
        if self._device.type == "cpu":
            return values
        return values.pin_memory().to(self._device, non_blocking=True)


def check_labels(labels: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
    """``labels`` of ``count`` images of a conditional run.

    Raises:
        BadInput: There are none, one is unknown, or a class has no film.
    """
    hint = "Prepare films of both labels, or train without --conditional, one run for each label."
    if labels is None or len(labels) != count:
        raise BadInput(
            f"A conditional run needs the labels of its {count} films; "
            f"{0 if labels is None else len(labels)} were given.",
            hint=hint,
        )
    for value, name in enumerate(CLASSES):
        if not (labels == value).any():
            raise BadInput(
                f"A conditional run needs films of both labels; none is {name}.", hint=hint
            )
    if not np.isin(labels, range(len(CLASSES))).all():
        raise BadInput(f"The labels are not all one of 0 to {len(CLASSES) - 1}.", hint=hint)
    return labels


def check_images(images: NDArray[np.uint8]) -> None:
    """Raise :class:`BadInput` unless ``images`` is uint8 ``[N, R, R]`` with at least two images."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise BadInput(
            f"The images are {images.dtype} of shape {tuple(images.shape)}; square 8-bit grey "
            "images were expected.",
            hint="Make them with mammo-synth films prepare.",
        )
    check_count(len(images), None)


def check_count(count: int, subset: int | None) -> None:
    """Raise :class:`BadInput` unless ``count`` films suffice, and for a subset of so many."""
    if count < MIN_IMAGES:
        raise BadInput(
            f"There are {count} training films with this label; at least {MIN_IMAGES} are "
            "needed, and some hundreds for good images.",
            hint="Look at what the set holds with mammo-synth films inspect.",
        )
    if subset is not None and subset > count:
        raise BadInput(
            f"A subset of {subset} films was asked for; there are {count}.",
            hint=f"Use --subset {count} or less, or leave it out.",
        )


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Images ``[N, 1, R, R]`` in [-1, 1] as uint8 ``[N, R, R]``: ``floor(x * 127.5 + 128)``,
    clamped, so that -1 is 0 and 1 is 255 and every grey level gets an equal share."""
    levels = (images.detach()[:, 0].to(torch.float32) * 127.5 + 128.0).floor().clamp(0, 255)
    array: NDArray[np.uint8] = levels.to(torch.uint8).cpu().numpy()
    return array
