"""The discriminator (arXiv 1912.04958): residual by default, with minibatch standard deviation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..ops import downsample2d, setup_filter
from .layers import RESAMPLE_TAPS, Convolution, Dense, channels_at, minibatch_stddev
from .mapping import Mapping


class DiscriminatorBlock(nn.Module):
    """Halves the resolution. ``in_channels`` 0 marks the first block, which reads the image."""

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        image_channels: int,
        *,
        architecture: str = "resnet",
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.dtype = torch.float32  # of the arithmetic; see set_precision
        self.register_buffer("resample_filter", setup_filter(RESAMPLE_TAPS))
        self.reads_image = in_channels == 0 or architecture == "skip"
        if self.reads_image:
            self.fromrgb = Convolution(image_channels, mid_channels, 1, act="lrelu", clamp=clamp)
        self.conv0 = Convolution(mid_channels, mid_channels, 3, act="lrelu", clamp=clamp)
        self.conv1 = Convolution(mid_channels, out_channels, 3, act="lrelu", down=2, clamp=clamp)
        if architecture == "resnet":
            self.skip = Convolution(mid_channels, out_channels, 1, bias=False, down=2)

    def forward(self, x: Tensor | None, image: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if x is not None:
            x = x.to(self.dtype)
        if self.reads_image and image is not None:
            seen = self.fromrgb(image.to(self.dtype))
            x = seen if x is None else x + seen
            image = (
                downsample2d(image, self.resample_filter) if self.architecture == "skip" else None
            )
        if self.architecture == "resnet":
            side = self.skip(x, gain=math.sqrt(0.5))
            y = self.conv1(self.conv0(x), gain=math.sqrt(0.5))
            return side + y, image
        return self.conv1(self.conv0(x)), image


class DiscriminatorEpilogue(nn.Module):
    """From 4 x 4 px to logits; when conditional, to the vector that labels are compared with."""

    def __init__(
        self,
        in_channels: int,
        cmap_dim: int,
        image_channels: int,
        *,
        architecture: str = "resnet",
        mbstd_group: int | None = 4,
        mbstd_features: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.architecture, self.cmap_dim = architecture, cmap_dim
        self.mbstd_group, self.mbstd_features = mbstd_group, mbstd_features
        if architecture == "skip":
            self.fromrgb = Convolution(image_channels, in_channels, 1, act="lrelu")
        self.conv = Convolution(
            in_channels + mbstd_features, in_channels, 3, act="lrelu", clamp=clamp
        )
        self.fc = Dense(in_channels * 16, in_channels, act="lrelu")
        self.out = Dense(in_channels, 1 if cmap_dim == 0 else cmap_dim)

    def forward(self, x: Tensor, image: Tensor | None, cmap: Tensor | None) -> Tensor:
        x = x.to(torch.float32)
        if self.architecture == "skip":
            x = x + self.fromrgb(image)
        if self.mbstd_features > 0:
            x = minibatch_stddev(x, self.mbstd_group, self.mbstd_features)
        y: Tensor = self.out(self.fc(self.conv(x).flatten(1)))
        if cmap is not None:
            y = (y * cmap).sum(dim=1, keepdim=True) / math.sqrt(self.cmap_dim)
        return y


class Discriminator(nn.Module):
    """Images ``[N, channels, R, R]`` (and labels ``c``) to logits ``[N, 1]``; high means real."""

    def __init__(
        self,
        *,
        resolution: int,
        image_channels: int = 1,
        c_dim: int = 0,
        channel_base: int = 32768,
        channel_max: int = 512,
        architecture: str = "resnet",
        conv_clamp: float | None = None,
        mapping_layers: int = 8,
        mbstd_group: int | None = 4,
        mbstd_features: int = 1,
    ) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.c_dim = resolution, image_channels, c_dim
        self.resolutions = [2**k for k in range(int(math.log2(resolution)), 2, -1)]
        before = 0
        for size in self.resolutions:
            block = DiscriminatorBlock(
                before,
                channels_at(size, channel_base, channel_max),
                channels_at(size // 2, channel_base, channel_max),
                image_channels,
                architecture=architecture,
                clamp=conv_clamp,
            )
            setattr(self, f"b{size}", block)
            before = channels_at(size // 2, channel_base, channel_max)
        last = channels_at(4, channel_base, channel_max)
        if c_dim > 0:
            self.mapping = Mapping(0, c_dim, last, None, num_layers=mapping_layers, w_avg_beta=None)
        self.b4 = DiscriminatorEpilogue(
            last,
            last if c_dim > 0 else 0,
            image_channels,
            architecture=architecture,
            mbstd_group=mbstd_group,
            mbstd_features=mbstd_features,
            clamp=conv_clamp,
        )

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor | None = None
        image: Tensor | None = images
        for size in self.resolutions:
            x, image = getattr(self, f"b{size}")(x, image)
        cmap = self.mapping(None, c) if self.c_dim > 0 else None
        logits: Tensor = self.b4(x, image, cmap)
        return logits
