"""The operations the networks are made of: plain torch, differentiable any number of times."""

from .activation import ACTIVATIONS, Activation, bias_act
from .convolution import Prepared, conv2d_resample, demodulation, modulated_conv2d
from .resample import (
    downsample2d,
    filter2d,
    parse_padding,
    setup_filter,
    upfirdn2d,
    upsample2d,
)
from .warp import sample_bilinear
from .winograd import WinogradKernels, winograd_conv2d

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Prepared",
    "WinogradKernels",
    "bias_act",
    "conv2d_resample",
    "demodulation",
    "downsample2d",
    "filter2d",
    "modulated_conv2d",
    "parse_padding",
    "sample_bilinear",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
    "winograd_conv2d",
]
