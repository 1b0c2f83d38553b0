"""Geometric augmentations: one composed affine map, executed with one anti-aliased resampling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops import downsample2d, sample_bilinear, setup_filter, upsample2d
from .draws import Draws
from .filters import SYM6_LOWPASS

_SUPPORT = len(SYM6_LOWPASS) // 4  # reach of the x2 low-pass to each side, in image pixels
# The low-pass is not quite symmetric: its centre of mass lies half a sample of the doubled image
# off the middle. Its mirror image takes that back; in between, the picture sits this much off.
_LAG = 0.25  # image pixels
_STEP = 16  # image pixels


def _matrix(rows: list[list[Tensor | float]], like: Tensor) -> Tensor:
    """``[N, 3, 3]`` of entries that are ``[N]`` tensors or numbers."""
    flat = [
        entry if isinstance(entry, Tensor) else torch.full_like(like, float(entry))
        for row in rows
        for entry in row
    ]
    return torch.stack(flat, dim=-1).reshape(-1, 3, 3)


def _scale(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]], x)


def _shift(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[1, 0, x], [0, 1, y], [0, 0, 1]], x)


def _turn(angle: Tensor) -> Tensor:
    cos, sin = torch.cos(angle), torch.sin(angle)
    return _matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], angle)


def inverse_map(draws: Draws, batch: int, width: int, height: int, device: torch.device) -> Tensor:
    """``[N, 3, 3]``: from a place in the result to the place in the image it comes from, in pixels
    from the centre, x right and y down."""
    one = torch.ones(batch, device=device)
    m = torch.eye(3, device=device).expand(batch, 3, 3)
    if draws.xflip is not None:
        m = m @ _scale(1 - 2 * draws.xflip, one)
    if draws.rotate90 is not None:
        m = m @ _turn(draws.rotate90 * (math.pi / 2))
    if draws.xint is not None:
        x, y = torch.round(draws.xint[:, 0] * width), torch.round(draws.xint[:, 1] * height)
        m = m @ _shift(-x, -y)
    if draws.scale is not None:
        m = m @ _scale(1 / draws.scale, 1 / draws.scale)
    if draws.rotate_before is not None:
        m = m @ _turn(draws.rotate_before)
    if draws.aniso is not None:
        m = m @ _scale(1 / draws.aniso, draws.aniso)
    if draws.rotate_after is not None:
        m = m @ _turn(draws.rotate_after)
    if draws.xfrac is not None:
        m = m @ _shift(-draws.xfrac[:, 0] * width, -draws.xfrac[:, 1] * height)
    return m


def _margins(m: Tensor, width: int, height: int) -> tuple[int, int, int, int]:
    """Pixels (left, right, top, bottom) beyond the image that some result looks at."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    corners = torch.tensor(
        [[-cx, -cy, 1], [cx, -cy, 1], [cx, cy, 1], [-cx, cy, 1]], device=m.device
    )
    seen = (m @ corners.t())[:, :2, :]
    reach = torch.stack([-seen[:, 0].min(), seen[:, 0].max(), -seen[:, 1].min(), seen[:, 1].max()])
    half = torch.tensor([cx, cx, cy, cy], device=m.device)
    most = torch.tensor([width - 1, width - 1, height - 1, height - 1], device=m.device)
    need = (reach - half + 2 * _SUPPORT).clamp(min=0)
    # In steps: every new shape costs the processor's library some milliseconds of preparation.
    need = ((need / _STEP).ceil() * _STEP).minimum(most)
    left, right, top, bottom = (int(n) for n in need.tolist())
    return left, right, top, bottom


def warp(images: Tensor, m: Tensor) -> Tensor:
    """Move ``images [N, C, H, W]`` by the inverse map ``m [N, 3, 3]``.

    Reflects beyond the border, upsamples by two with a sharp low-pass, samples bilinearly and
    comes down again with the mirrored low-pass, so that nothing aliases and the identity is exact.
    """
    batch, channels, height, width = images.shape
    if bool((m == torch.eye(3, device=m.device)).all()):
        return images  # nothing was chosen: frequent while p is small
    left, right, top, bottom = _margins(m, width, height)
    x = F.pad(images, (left, right, top, bottom), mode="reflect")
    full_w, full_h = width + left + right, height + top + bottom
    f = setup_filter(SYM6_LOWPASS).to(images.device)
    x = upsample2d(x, f, up=2)

    # From the result's [-1, 1] to pixels from the centre, through the map, to the padded [-1, 1].
    out_w, out_h = width + 2 * _SUPPORT, height + 2 * _SUPPORT
    to_pixels = torch.diag(torch.tensor([out_w / 2, out_h / 2, 1.0], device=m.device))
    to_unit = torch.tensor(
        [
            [2 / full_w, 0, (2 * left + width) / full_w - 1],
            [0, 2 / full_h, (2 * top + height) / full_h - 1],
            [0, 0, 1],
        ],
        device=m.device,
    )
    lag = torch.full([1], _LAG, device=m.device)
    theta = (to_unit @ _shift(-lag, -lag) @ m @ _shift(lag, lag) @ to_pixels)[:, :2, :]
    size = [batch, channels, 2 * out_h, 2 * out_w]
    grid = F.affine_grid(theta, size, align_corners=False)
    x = sample_bilinear(x, grid.to(x.dtype))
    return downsample2d(x, f, down=2, padding=-2 * _SUPPORT, flip_filter=True)
