"""RGB networks as grey ones, for transfer learning from networks of colour images.

The first and last layers are folded; everything between them stays as it is.

**Generator.** Each image layer is linear in its weight ``W [3, in, 1, 1]`` and bias ``b [3]`` (it
is not demodulated), and so are the upsampling and the sum of the images of all resolutions. With
luminance weights ``l`` the folded layer ``W' = sum_k l_k W_k``, ``b' = sum_k l_k b_k`` therefore
gives exactly the luminance of the RGB image, for every architecture. With a clamp of the image
layers (``conv_clamp``) that holds wherever no channel of an image layer reaches the clamp; it is
256 where trained networks' values are near 1.

**Discriminator.** Folded so that it sees a grey image ``x`` as it saw ``(x, x, x)``: weights are
scaled by ``1 / sqrt(channels)`` at run time (equalised learning rate), so ``W' = sum_k W_k /
sqrt(3)``; the bias stays. ``D_grey(x) = D_rgb(x, x, x)`` holds with a clamp too.

Luminance is that of Rec. ITU-R BT.601, ``Y = 0.299 R + 0.587 G + 0.114 B``, the weights with which
Pillow's ``convert("L")`` and most programs turn 8-bit colour into grey. They sum to 1, so a network
that learned grey films stored as RGB keeps its images.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)
RULE = "Rec. 601"


def grey_generator(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a grey generator from that of an RGB one, as described above.

    Raises:
        ValueError: An image layer without three channels.
    """
    folded = dict(state)
    for name, value in state.items():
        if ".torgb." in name and name.rpartition("torgb.")[2] in ("weight", "bias"):
            _check_rgb(name, value.shape[0])
            weights = torch.tensor(LUMINANCE, dtype=torch.float64, device=value.device)
            mixed = torch.tensordot(weights, value.to(torch.float64), dims=1)
            folded[name] = mixed[None].to(value.dtype)
    return folded


def grey_discriminator(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a grey discriminator from that of an RGB one, as described above.

    Raises:
        ValueError: A first layer without three channels.
    """
    folded = dict(state)
    for name, value in state.items():
        if name.endswith("fromrgb.weight"):
            _check_rgb(name, value.shape[1])
            total = value.to(torch.float64).sum(dim=1, keepdim=True) / math.sqrt(3)
            folded[name] = total.to(value.dtype)
    return folded


def _check_rgb(name: str, channels: int) -> None:
    if channels != len(LUMINANCE):
        raise ValueError(f"{name} has {channels} image channels; 3 were expected")
