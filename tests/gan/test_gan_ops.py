"""The operations against the reference numbers, closed forms and their own derivatives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_synth.gan import ops
from mammo_synth.gan.ops import differentiable
from tests.gan.gan_golden import cases, tensor

CLOSE = {"rtol": 0.0, "atol": 1e-5}


@pytest.mark.parametrize("case", cases("upfirdn2d"), ids=lambda c: f"{c['i']}-{c['fn']}")
def test_resampling_equals_the_reference(case):
    arguments = dict(case)
    index, name = arguments.pop("i"), arguments.pop("fn")
    filter_name = arguments.pop("filter")
    f = None if filter_name is None else tensor("upfirdn2d", f"filter/{filter_name}")
    result = getattr(ops, name)(tensor("upfirdn2d", "x"), f, **arguments)
    torch.testing.assert_close(result, tensor("upfirdn2d", f"y{index:03d}"), **CLOSE)


def test_gradient_of_resampling_equals_the_reference():
    x = tensor("upfirdn2d", "x").requires_grad_()
    f = tensor("upfirdn2d", "filter/fasym")
    y = ops.upfirdn2d(x, f, up=2, padding=[2, 1, 1, 2], gain=4)
    (slope,) = torch.autograd.grad(y, x, tensor("upfirdn2d", "grad/dy"))
    torch.testing.assert_close(slope, tensor("upfirdn2d", "grad/dx"), **CLOSE)


@pytest.mark.parametrize(
    ("name", "taps", "options"),
    [
        ("f1331", [1, 3, 3, 1], {}),
        ("f121", [1, 2, 1], {}),
        ("f1331gain2", [1, 3, 3, 1], {"gain": 2}),
        ("f1331sep", [1, 3, 3, 1], {"separable": True}),
        ("f1331nonorm", [1, 3, 3, 1], {"normalize": False}),
    ],
)
def test_prepared_filters_equal_the_reference(name, taps, options):
    prepared = ops.setup_filter(taps, **options)
    torch.testing.assert_close(prepared, tensor("upfirdn2d", f"filter/{name}"), **CLOSE)


@pytest.mark.parametrize("case", cases("bias_act"), ids=lambda c: f"{c['i']}-{c['act']}")
def test_bias_act_equals_the_reference(case):
    arguments = dict(case)
    index, bias = arguments.pop("i"), arguments.pop("bias")
    b = None if bias is None else tensor("bias_act", bias)
    result = ops.bias_act(tensor("bias_act", "x"), b, **arguments)
    torch.testing.assert_close(result, tensor("bias_act", f"y{index:03d}"), **CLOSE)


@pytest.mark.parametrize("case", cases("conv_and_layers"), ids=lambda c: f"{c['i']}-{c['w']}")
def test_convolution_with_resampling_equals_the_reference(case):
    arguments = dict(case)
    index, f, w = arguments.pop("i"), arguments.pop("f"), arguments.pop("w")
    result = ops.conv2d_resample(
        tensor("conv_and_layers", "x"),
        tensor("conv_and_layers", w),
        None if f is None else tensor("conv_and_layers", f),
        **arguments,
    )
    torch.testing.assert_close(result, tensor("conv_and_layers", f"y{index:03d}"), **CLOSE)


@pytest.mark.parametrize(
    "case", cases("conv_and_layers", "mod_cases_json"), ids=lambda c: f"{c['i']}-{c['w']}"
)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_modulated_convolution_equals_the_reference(case, gain):
    arguments = dict(case)
    index, noise, w = arguments.pop("i"), arguments.pop("noise"), arguments.pop("w")
    result = ops.modulated_conv2d(
        tensor("conv_and_layers", "x"),
        tensor("conv_and_layers", w),
        tensor("conv_and_layers", "styles"),
        noise=None if noise is None else tensor("conv_and_layers", noise),
        f=tensor("conv_and_layers", "f1331"),
        gain=gain,
        **arguments,
    )
    expected = tensor("conv_and_layers", f"m{index:03d}") * gain
    torch.testing.assert_close(result, expected, **CLOSE)


def test_modulated_convolution_equals_scaled_weights_per_sample():
    torch.manual_seed(0)
    x, w, s = torch.randn(3, 4, 6, 6), torch.randn(5, 4, 3, 3), torch.randn(3, 4)
    scaled = w[None] * s[:, None, :, None, None]
    scaled = scaled / (scaled.square().sum(dim=[2, 3, 4], keepdim=True) + 1e-8).sqrt()
    rows = [torch.conv2d(x[k : k + 1], scaled[k], padding=1) for k in range(3)]
    result = ops.modulated_conv2d(x, w, s, padding=1)
    torch.testing.assert_close(result, torch.cat(rows), **CLOSE)


@settings(max_examples=25, deadline=None)
@given(
    up=st.integers(1, 3),
    down=st.integers(1, 3),
    pads=st.tuples(*[st.integers(-1, 4)] * 4),
    flip=st.booleans(),
    line=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_resampling_is_what_its_definition_says(up, down, pads, flip, line, seed):
    torch.manual_seed(seed)
    x, f = torch.randn(1, 2, 5, 6), torch.randn(4) if line else torch.randn(3, 4)
    plane = torch.outer(f, f) if line else f
    stuffed = torch.zeros(1, 2, 5 * up, 6 * up)
    stuffed[:, :, ::up, ::up] = x
    padded = torch.nn.functional.pad(stuffed, pads)
    if padded.shape[2] < len(plane) or padded.shape[3] < 4:
        return
    kernel = (plane if flip else plane.flip([0, 1]))[None, None].repeat(2, 1, 1, 1)
    expected = torch.conv2d(padded, kernel, groups=2)[:, :, ::down, ::down]
    result = ops.upfirdn2d(x, f, up=up, down=down, padding=pads, flip_filter=flip)
    torch.testing.assert_close(result, expected, **CLOSE)


@pytest.mark.parametrize(("up", "down", "pad"), [(2, 1, (3, 2)), (1, 2, (-2, 4)), (3, 2, (0, 5))])
def test_filtering_lines_is_differentiable_twice(up, down, pad):
    torch.manual_seed(0)
    x = torch.randn(2, 1, 9, 7, dtype=torch.float64, requires_grad=True)
    f = torch.randn(5, dtype=torch.float64)

    def both(x: torch.Tensor) -> torch.Tensor:
        y = ops.upfirdn2d(x, f, up=up, down=down, padding=[*pad, *pad])
        return y * y  # so that the second derivative is not zero

    assert torch.autograd.gradcheck(both, x)
    assert torch.autograd.gradgradcheck(both, x)


def test_upsampling_keeps_a_flat_image_flat_inside():
    f = ops.setup_filter([1, 3, 3, 1])
    y = ops.upsample2d(torch.ones(1, 1, 8, 8), f)
    assert y.shape == (1, 1, 16, 16)
    torch.testing.assert_close(y[:, :, 2:-2, 2:-2], torch.ones(1, 1, 12, 12), **CLOSE)
    z = ops.downsample2d(torch.ones(1, 1, 8, 8), f)
    torch.testing.assert_close(z[:, :, 1:-1, 1:-1], torch.ones(1, 1, 2, 2), **CLOSE)


def test_sampling_is_differentiable_twice():
    torch.manual_seed(0)
    images = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    grid = torch.rand(2, 3, 3, 2, dtype=torch.float64) * 2.4 - 1.2
    assert torch.autograd.gradcheck(ops.sample_bilinear, (images, grid))
    assert torch.autograd.gradgradcheck(ops.sample_bilinear, (images, grid))


@pytest.mark.parametrize("bad", [[1, 2, 3], []])
def test_impossible_padding_is_refused(bad):
    with pytest.raises(ValueError, match="padding"):
        ops.parse_padding(bad)


def test_impossible_filters_and_factors_are_refused():
    with pytest.raises(ValueError, match="filter"):
        ops.setup_filter(torch.zeros(2, 2, 2))
    with pytest.raises(ValueError, match="factor"):
        ops.upfirdn2d(torch.zeros(1, 1, 4, 4), None, up=0)


CONVOLUTIONS = [
    (transposed, stride, padding, groups, size)
    for transposed in (False, True)
    for stride, padding, groups in ((1, (1, 1), 1), (2, (0, 0), 1), (2, (1, 0), 2), (1, (0, 1), 2))
    for size in ((5, 6), (6, 5))
    if not (transposed and padding != (0, 0))
]


@pytest.mark.parametrize(("transposed", "stride", "padding", "groups", "size"), CONVOLUTIONS)
def test_derivatives_of_convolutions_are_the_library_s(transposed, stride, padding, groups, size):
    torch.manual_seed(0)
    x = torch.randn(3, 4, *size, dtype=torch.double, requires_grad=True)
    weight = torch.randn(4, 4 // groups, 3, 3, dtype=torch.double, requires_grad=True)
    bias = torch.randn(4, dtype=torch.double, requires_grad=True)
    if transposed:

        def ours(x, weight, bias):
            return differentiable.conv_transpose2d(x, weight, stride=stride, groups=groups)

        def library(x, weight, bias):
            return F.conv_transpose2d(x, weight, stride=stride, groups=groups)

    else:

        def ours(x, weight, bias):
            return differentiable.conv2d(
                x, weight, bias, stride=stride, padding=padding, groups=groups
            )

        def library(x, weight, bias):
            return F.conv2d(x, weight, bias, stride, padding, groups=groups)

    found = []
    for convolve in (ours, library):
        given = (x, weight, bias)[: 2 if transposed else 3]
        y = convolve(x, weight, bias).tanh()
        first = torch.autograd.grad(y.square().sum(), given, create_graph=True)
        second = torch.autograd.grad(sum(g.cos().sum() for g in first), given, create_graph=True)
        third = torch.autograd.grad(sum(g.sin().sum() for g in second), given)
        found.append((y, *first, *second, *third))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [8, 15, 16, 32])
def test_second_derivatives_in_16_bits_are_near_exact_ones(size):
    torch.manual_seed(0)
    x, w = torch.randn(8, 16, size, size).bfloat16(), torch.randn(16, 16, 3, 3).bfloat16()
    along = torch.randn(8, 16, size, size).bfloat16()
    found = []
    for dtype in (torch.bfloat16, torch.double):
        given, weight = x.to(dtype).requires_grad_(), w.to(dtype).requires_grad_()
        y = differentiable.conv2d(given, weight, padding=(1, 1))
        (first,) = torch.autograd.grad((y * along.to(dtype)).sum(), given, create_graph=True)
        (second,) = torch.autograd.grad((first * x.to(dtype)).sum(), weight)
        found.append(second.double())
    assert float((found[0] - found[1]).norm() / found[1].norm()) < 0.01
