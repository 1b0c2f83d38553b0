"""Inception-v3 (Szegedy et al. 2015, arXiv 1512.00567) as the graph of December 2015 has it.

That graph's pooled features are the ones of the Fréchet Inception distance (Heusel et al. 2017,
arXiv 1706.08500). It differs from the network of the same name in today's libraries:

- an average pool inside a block divides by the pixels that it covers, not by 9, at the border;
- the pool branch of the last block, Mixed_7c, takes the maximum, not the average;
- there are 1008 classes, and no auxiliary classifier.

Batch normalisation has the epsilon 0.001, convolutions have no bias. Names are those of the
weight files in use. Written from the paper and these facts.
"""

# mypy: disallow-subclassing-any=False
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

FEATURES = 2048
CLASSES = 1008
EPSILON = 1e-3


@dataclass(frozen=True)
class Conv:
    """A convolution of a block: padded to keep the size, unless it halves it.

    Attributes:
        name: In the block.
        channels: Of its output.
        kernel: Height and width.
        stride: 1, or 2 without padding.
    """

    name: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


Step = Conv | Literal["average", "maximum", "halve"] | tuple[Conv, ...]
"""One step of a branch; a tuple stands for convolutions side by side."""
Branches = tuple[tuple[Step, ...], ...]

_TALL, _WIDE = (7, 1), (1, 7)


class Convolution(nn.Module):
    """Convolution without bias, batch normalisation, relu."""

    def __init__(self, channels: int, spec: Conv, *, padded: bool = True) -> None:
        super().__init__()
        height, width = spec.kernel
        padding = (height // 2, width // 2) if padded and spec.stride == 1 else 0
        self.conv = nn.Conv2d(
            channels, spec.channels, spec.kernel, spec.stride, padding, bias=False
        )
        self.bn = nn.BatchNorm2d(spec.channels, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, h, w] to [B, spec.channels, h', w']."""
        return torch.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side; their channels stand one after the other."""

    def __init__(self, channels: int, branches: Branches) -> None:
        super().__init__()
        self.branches = branches
        self.channels = 0
        for branch in branches:
            now = channels
            for step in branch:
                convolutions = _convolutions(step)
                for spec in convolutions:
                    self.add_module(spec.name, Convolution(now, spec))
                now = sum(spec.channels for spec in convolutions) or now
            self.channels += now

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, h, w] to [B, self.channels, h', w']."""
        return torch.cat([self._branch(branch, x) for branch in self.branches], dim=1)

    def _branch(self, branch: tuple[Step, ...], x: Tensor) -> Tensor:
        for step in branch:
            if step == "average":
                x = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            elif step == "maximum":
                x = nn.functional.max_pool2d(x, 3, 1, 1)
            elif step == "halve":
                x = nn.functional.max_pool2d(x, 3, 2)
            else:
                made = [self.get_submodule(spec.name)(x) for spec in _convolutions(step)]
                x = torch.cat(made, dim=1)
        return x


def _convolutions(step: Step) -> tuple[Conv, ...]:
    if isinstance(step, Conv):
        return (step,)
    return step if isinstance(step, tuple) else ()


def _a(pooled: int) -> Branches:
    return (
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        ("average", Conv("branch_pool", pooled)),
    )


def _b() -> Branches:
    return (
        (Conv("branch3x3", 384, (3, 3), 2),),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3), 2),
        ),
        ("halve",),
    )


def _c(inner: int) -> Branches:
    return (
        (Conv("branch1x1", 192),),
        (
            Conv("branch7x7_1", inner),
            Conv("branch7x7_2", inner, _WIDE),
            Conv("branch7x7_3", 192, _TALL),
        ),
        (
            Conv("branch7x7dbl_1", inner),
            Conv("branch7x7dbl_2", inner, _TALL),
            Conv("branch7x7dbl_3", inner, _WIDE),
            Conv("branch7x7dbl_4", inner, _TALL),
            Conv("branch7x7dbl_5", 192, _WIDE),
        ),
        ("average", Conv("branch_pool", 192)),
    )


def _d() -> Branches:
    return (
        (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2)),
        (
            Conv("branch7x7x3_1", 192),
            Conv("branch7x7x3_2", 192, _WIDE),
            Conv("branch7x7x3_3", 192, _TALL),
            Conv("branch7x7x3_4", 192, (3, 3), 2),
        ),
        ("halve",),
    )


def _e(pool: Literal["average", "maximum"]) -> Branches:
    return (
        (Conv("branch1x1", 320),),
        (
            Conv("branch3x3_1", 384),
            (Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1))),
        ),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            (Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1))),
        ),
        (pool, Conv("branch_pool", 192)),
    )


BLOCKS: dict[str, Branches] = {
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": _b(),
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": _d(),
    "Mixed_7b": _e("average"),
    "Mixed_7c": _e("maximum"),
}
_STEM = (
    (Conv("Conv2d_1a_3x3", 32, (3, 3), 2), False),
    (Conv("Conv2d_2a_3x3", 32, (3, 3)), False),
    (Conv("Conv2d_2b_3x3", 64, (3, 3)), True),
    "halve",
    (Conv("Conv2d_3b_1x1", 80), True),
    (Conv("Conv2d_4a_3x3", 192, (3, 3)), False),
    "halve",
)
"""The first layers, and whether each is padded."""


class Inception(nn.Module):
    """The whole network: 94 convolutions and the classifier, whose weights the files hold.

    23,850,960 learned numbers: 21,751,136 of the kernels, 34,432 of the normalisations and
    2,065,392 of the classifier.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for layer in _STEM:
            if isinstance(layer, tuple):
                spec, padded = layer
                self.add_module(spec.name, Convolution(channels, spec, padded=padded))
                channels = spec.channels
        for name, branches in BLOCKS.items():
            block = Block(channels, branches)
            self.add_module(name, block)
            channels = block.channels
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, 2048] of [B, 3, s, s] in -1 to 1; s from 75, 299 in use."""
        last = x
        for _, made in self.maps(x):
            last = made
        return last.mean(dim=(2, 3))

    def maps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What each layer and block gives, by name, in order."""
        for layer in _STEM:
            if isinstance(layer, tuple):
                name = layer[0].name
                x = self.get_submodule(name)(x)
            else:
                name, x = layer, nn.functional.max_pool2d(x, 3, 2)
            yield name, x
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
            yield name, x
