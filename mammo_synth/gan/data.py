"""Real images for training: an endless, deterministic, stateless shuffle."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mammo_synth.errors import BadInput

MIN_IMAGES = 2


class Sampler:
    """The k-th image shown in training, for any k: every epoch is one permutation of all images,
    decided by seed and epoch alone. So resuming needs nothing but the position.

    With ``mirror`` every image also stands there mirrored left to right (indices N to 2N-1).
    """

    def __init__(self, count: int, seed: int, *, mirror: bool = False) -> None:
        self.count = count * 2 if mirror else count
        self.seed = seed
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def index(self, position: int) -> int:
        """Index of the image shown at ``position``."""
        epoch, place = divmod(position, self.count)
        if epoch != self._epoch:
            rng = np.random.default_rng([self.seed, epoch])
            self._order, self._epoch = rng.permutation(self.count), epoch
        return int(self._order[place])

    def indices(self, position: int, count: int) -> NDArray[np.int64]:
        """Indices of ``count`` images from ``position`` on."""
        return np.array([self.index(position + k) for k in range(count)], np.int64)


class RealImages:
    """Batches of real images as float32 ``[N, 1, R, R]`` in [-1, 1]."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        seed: int,
        *,
        mirror: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        check_images(images)
        self._images = images
        self._sampler = Sampler(len(images), seed, mirror=mirror)
        self._device = torch.device(device)

    def batch(self, position: int, count: int) -> Tensor:
        """The ``count`` images shown from ``position`` on."""
        chosen = self._sampler.indices(position, count)
        picked = self._images[chosen % len(self._images)]
        mirrored = chosen >= len(self._images)
        picked[mirrored] = picked[mirrored, :, ::-1]
        pixels = torch.from_numpy(picked)[:, None].to(self._device)
        return pixels.to(torch.float32) / 127.5 - 1.0


def check_images(images: NDArray[np.uint8]) -> None:
    """Raise :class:`BadInput` unless ``images`` is uint8 ``[N, R, R]`` with at least two images."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise BadInput(
            f"The images are {images.dtype} of shape {tuple(images.shape)}; square 8-bit grey "
            "images were expected.",
            hint="Make them with mammo-synth films prepare.",
        )
    if len(images) < MIN_IMAGES:
        raise BadInput(
            f"There are {len(images)} training films with this label; at least {MIN_IMAGES} are "
            "needed, and some hundreds for good images.",
            hint="Look at what the set holds with mammo-synth films inspect.",
        )


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Images ``[N, 1, R, R]`` in [-1, 1] as uint8 ``[N, R, R]``: ``floor(x * 127.5 + 128)``,
    clamped, so that -1 is 0 and 1 is 255 and every grey level gets an equal share."""
    levels = (images.detach()[:, 0].to(torch.float32) * 127.5 + 128.0).floor().clamp(0, 255)
    array: NDArray[np.uint8] = levels.to(torch.uint8).cpu().numpy()
    return array
