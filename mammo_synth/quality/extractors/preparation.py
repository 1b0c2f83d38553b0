"""How an image enters an extractor: one way for grey levels, one for the size.

- **Size.** `resized`: Pillow's bicubic filter with antialiasing, in float32, to the side of the
  network's input; the filter widens when it reduces, so no frequency folds (Parmar, Zhang & Zhu
  2022, arXiv 2104.11222, show what folding does to a Fréchet distance). The whole image goes in,
  nothing is cropped. Films and synthetic images go through the same function.
- **Grey.** `Normalisation`: a network of three channels sees the grey levels in each of them; then
  comes the network's own normalisation, channel by channel, as it was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.quality.features import Images

Grey = npt.NDArray[np.float32]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of the channels red, green and blue on the scale 0 to 1."""


def resized(images: Images, side: int) -> Grey:
    """Grey levels at another size, antialiased.

    Args:
        images: uint8 [N, S, S].
        side: New side in px.

    Returns:
        float32 [N, side, side] on 0 to 255, not rounded; the grey levels themselves where the
        images have that side already.
    """
    if images.shape[1:] == (side, side):
        return images.astype(np.float32)
    small = np.empty((len(images), side, side), np.float32)
    for i, image in enumerate(images):
        grey = Image.fromarray(image.astype(np.float32))
        small[i] = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC))
    return np.clip(small, 0, 255, out=small)


@dataclass(frozen=True)
class Normalisation:
    """(grey - mean) / deviation for each channel, on grey levels of 0 to 255.

    Attributes:
        mean: One number a channel, in the channels' order (red, green, blue if not said).
        deviation: As many.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of_unit(cls, mean: Any, deviation: Any) -> Normalisation:
        """From numbers on the scale 0 to 1, as model cards print them."""
        return cls(
            tuple(255 * float(value) for value in mean),
            tuple(255 * float(value) for value in deviation),
        )

    def __call__(self, grey: Grey) -> npt.NDArray[np.float32]:
        """float32 [N, C, s, s] of float32 [N, s, s]."""
        mean = np.array(self.mean, np.float32)[:, None, None]
        deviation = np.array(self.deviation, np.float32)[:, None, None]
        return np.asarray((grey[:, None] - mean) / deviation, np.float32)


IMAGENET = Normalisation.of_unit(IMAGENET_MEAN, IMAGENET_DEVIATION)
"""What most networks with ImageNet weights were trained with."""
SYMMETRIC = Normalisation((127.5,) * 3, (127.5,) * 3)
"""-1 to 1."""
