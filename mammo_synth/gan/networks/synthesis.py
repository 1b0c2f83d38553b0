"""The synthesis network (arXiv 1912.04958): modulated convolutions from 4 x 4 px up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..ops import (
    ACTIVATIONS,
    Prepared,
    modulated_conv2d,
    setup_filter,
    upsample2d,
)
from .layers import RESAMPLE_TAPS, Convolution, Dense, cast, channels_at

NOISE_MODES = ("random", "const", "none")
ARCHITECTURES = ("orig", "skip", "resnet")

# Winograd's tile, and the feature maps from which it beats one convolution
# (benchmarks/speed), without resampling and with doubling. In 16 bits tiles of 4 round too much.
_WINOGRAD = {
    (torch.float32, 1): (4, 64),
    (torch.float32, 2): (4, 256),
    (torch.bfloat16, 1): (2, 128),
    (torch.bfloat16, 2): (2, 256),
}


class SynthesisLayer(nn.Module):
    """Modulated and demodulated convolution, noise, bias, leaky ReLU, clamp."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        *,
        kernel: int = 3,
        up: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.padding = kernel // 2
        self.act = "lrelu"
        self.affine = Dense(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("resample_filter", setup_filter(RESAMPLE_TAPS))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self._prepared: tuple[tuple[int, int], torch.dtype, Prepared] | None = None

    def prepare(self, dtype: torch.dtype) -> None:
        """Compute once what depends on the weights alone; see :meth:`Synthesis.prepare`."""
        now = self._weights_now()
        if self._prepared is not None and self._prepared[:2] == (now, dtype):
            return
        tile, least = _WINOGRAD.get((dtype, self.up), (0, math.inf))
        fits = self.weight.shape[2:] == (3, 3) and self.weight.device.type == "cpu"
        pays = self.weight.shape[1] >= least
        prepared = Prepared.of(self.weight, dtype, self.up, tile if fits and pays else None)
        self._prepared = now, dtype, prepared

    def _weights_now(self) -> tuple[int, int]:
        return self.weight.data_ptr(), self.weight._version

    def _known(self, dtype: torch.dtype) -> Prepared | None:
        """What was prepared, if weights and precision are still those and no derivative is
        recorded."""
        if self._prepared is None or torch.is_grad_enabled():
            return None
        *what, prepared = self._prepared
        return prepared if what == [self._weights_now(), dtype] else None

    def draw_noise(
        self, batch: int, device: torch.device, rng: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal ``[batch, 1, r, r]``."""
        shape = [batch, 1, self.resolution, self.resolution]
        return torch.randn(shape, generator=rng, device=device)

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        *,
        noise_mode: str = "random",
        gain: float = 1.0,
        rng: torch.Generator | None = None,
        drawn: Tensor | None = None,
    ) -> Tensor:
        noise: Tensor | None = None
        if noise_mode == "random":
            if drawn is None:
                drawn = self.draw_noise(x.shape[0], x.device, rng)
            noise = cast(drawn * self.noise_strength, x)
        elif noise_mode == "const":
            noise = cast((self.noise_const * self.noise_strength)[None, None], x)
        scale = ACTIVATIONS[self.act].gain * gain  # leaky ReLU lets a gain pass before it
        return modulated_conv2d(
            x,
            self.weight,
            self.affine(w),
            noise=noise,
            up=self.up,
            padding=self.padding,
            f=self.resample_filter,
            flip_weight=self.up == 1,
            gain=scale,
            bias=cast(self.bias * scale, x),
            act=self.act,
            clamp=None if self.clamp is None else self.clamp * gain,
            prepared=self._known(x.dtype),
        )


class ToImage(nn.Module):
    """1 x 1 modulated convolution to the image's channels, without demodulation."""

    def __init__(
        self, in_channels: int, out_channels: int, w_dim: int, *, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = Dense(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.weight_gain = 1.0 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) * self.weight_gain
        bias = cast(self.bias, x)
        return modulated_conv2d(
            x, self.weight, styles, demodulate=False, bias=bias, clamp=self.clamp
        )


class SynthesisBlock(nn.Module):
    """All layers of one resolution. At 4 px (``in_channels`` 0) it starts from a constant."""

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        image_channels: int,
        *,
        is_last: bool,
        architecture: str = "skip",
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.resolution = in_channels, resolution
        self.architecture = architecture
        self.dtype = torch.float32  # of the arithmetic; see set_precision
        self.register_buffer("resample_filter", setup_filter(RESAMPLE_TAPS))
        self.num_conv = 0
        if in_channels == 0:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(
                in_channels, out_channels, w_dim, resolution, up=2, clamp=clamp
            )
            self.num_conv += 1
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution, clamp=clamp)
        self.num_conv += 1
        self.has_image = is_last or architecture == "skip"
        if self.has_image:
            self.torgb = ToImage(out_channels, image_channels, w_dim, clamp=clamp)
        if in_channels and architecture == "resnet":
            self.skip = Convolution(in_channels, out_channels, 1, bias=False, up=2)

    def forward(
        self,
        x: Tensor | None,
        image: Tensor | None,
        ws: Tensor,
        *,
        noise_mode: str = "random",
        rng: torch.Generator | None = None,
        drawn: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor | None]:
        """``ws [N, num_conv + 1, w_dim]``; returns the features and the image so far, if any."""
        first, last = (drawn[0], drawn[-1]) if drawn else (None, None)
        if x is not None:
            x = x.to(self.dtype)
        if x is None:
            start = self.const[None].expand(ws.shape[0], -1, -1, -1)
            start = start.contiguous(memory_format=torch.channels_last)
            y: Tensor = self.conv1(start, ws[:, 0], noise_mode=noise_mode, rng=rng, drawn=last)
        elif self.architecture == "resnet":
            side = self.skip(x, gain=math.sqrt(0.5))
            y = self.conv0(x, ws[:, 0], noise_mode=noise_mode, rng=rng, drawn=first)
            gain = math.sqrt(0.5)
            y = self.conv1(y, ws[:, 1], noise_mode=noise_mode, gain=gain, rng=rng, drawn=last)
            y = side + y
        else:
            y = self.conv0(x, ws[:, 0], noise_mode=noise_mode, rng=rng, drawn=first)
            y = self.conv1(y, ws[:, 1], noise_mode=noise_mode, rng=rng, drawn=last)
        if image is not None:
            image = upsample2d(image, self.resample_filter)
        if self.has_image:
            new = self.torgb(y, ws[:, self.num_conv]).to(torch.float32)
            image = new if image is None else image + new
        return y, image


class Synthesis(nn.Module):
    """``ws [N, num_ws, w_dim]`` to images ``[N, channels, R, R]``, about [-1, 1], not clamped."""

    def __init__(
        self,
        w_dim: int,
        resolution: int,
        image_channels: int,
        *,
        channel_base: int = 32768,
        channel_max: int = 512,
        architecture: str = "skip",
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.w_dim, self.resolution = w_dim, resolution
        self.resolutions = [2**k for k in range(2, int(math.log2(resolution)) + 1)]
        self.num_ws = 1
        before = 0
        for size in self.resolutions:
            out = channels_at(size, channel_base, channel_max)
            block = SynthesisBlock(
                before,
                out,
                w_dim,
                size,
                image_channels,
                is_last=size == resolution,
                architecture=architecture,
                clamp=clamp,
            )
            setattr(self, f"b{size}", block)
            self.num_ws += block.num_conv
            before = out

    def prepare(self) -> None:
        """Make images faster from now on: each layer keeps what depends on its weights alone, for
        calls without derivatives. It is used only while the weights are those; to be called again
        after they or the precision changed, moved or were copied. On a processor it takes a second
        and four times the memory of the weights, for networks of the published width."""
        for size in self.resolutions:
            block = getattr(self, f"b{size}")
            for module in block.modules():
                if isinstance(module, SynthesisLayer):
                    module.prepare(block.dtype)

    def draw_noise(
        self, batch: int, device: torch.device, rng: torch.Generator | None = None
    ) -> list[Tensor]:
        """The random noise of all layers in order, as :meth:`forward` would draw it."""
        layers = [m for m in self.modules() if isinstance(m, SynthesisLayer)]
        return [layer.draw_noise(batch, device, rng) for layer in layers]

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: str = "random",
        rng: torch.Generator | None = None,
        drawn: Sequence[Tensor] = (),
    ) -> Tensor:
        """``noise_mode``: ``random`` (``drawn`` before, or drawn from ``rng`` now), ``const``
        (stored), ``none``."""
        if noise_mode not in NOISE_MODES:
            raise ValueError(f"noise mode {noise_mode!r} is not one of {NOISE_MODES}")
        x: Tensor | None = None
        image: Tensor | None = None
        index = 0
        for size in self.resolutions:
            block = getattr(self, f"b{size}")
            # The image layer shares its w with the first layer of the next block.
            part = ws[:, index : index + block.num_conv + 1]
            noise = drawn[index : index + block.num_conv]
            x, image = block(x, image, part, noise_mode=noise_mode, rng=rng, drawn=noise)
            index += block.num_conv
        if image is None:
            raise RuntimeError("the synthesis network has no image layer")
        return image
