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


def _reach(m: Tensor, width: int, height: int) -> Tensor:
    """``[N, 4]``: pixels (left, right, top, bottom) beyond the image that each result looks at."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    corners = torch.tensor(
        [[-cx, -cy, 1], [cx, -cy, 1], [cx, cy, 1], [-cx, cy, 1]], device=m.device
    )
    seen = (m @ corners.t())[:, :2, :]
    reach = torch.stack([-seen.amin(dim=2), seen.amax(dim=2)], dim=2).flatten(1)
    half = torch.tensor([cx, cx, cy, cy], device=m.device)
    most = torch.tensor([width - 1, width - 1, height - 1, height - 1], device=m.device)
    return (reach - half + 2 * _SUPPORT).ceil().clamp(min=0).minimum(most)


def warp(images: Tensor, m: Tensor) -> Tensor:
    """Move ``images [N, C, H, W]`` by the inverse map ``m [N, 3, 3]``.

    Images whose map is the identity are left alone: they are many while p is small.
    """
    height, width = images.shape[2:]
    moved = (m != torch.eye(3, device=m.device)).flatten(1).any(dim=1)
    # One copy to the host for all that it has to know.
    plan = torch.cat([_reach(m, width, height), moved[:, None]], dim=1).tolist()
    chosen = [k for k, row in enumerate(plan) if row[4]]
    if not chosen:
        return images
    rows = [plan[k] for k in chosen]
    margins = [int(max(row[side] for row in rows)) for side in range(4)]
    if len(chosen) == len(images):
        return _resample(images, m, margins)
    index = torch.tensor(chosen, device=images.device)
    return images.index_copy(0, index, _resample(images[index], m[index], margins))


def _resample(images: Tensor, m: Tensor, margins: list[int]) -> Tensor:
    """Reflect beyond the border, upsample by two with a sharp low-pass, sample bilinearly and come
    down again with the mirrored low-pass, so that nothing aliases and the identity is exact."""
    height, width = images.shape[2:]
    left, right, top, bottom = margins
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
    theta = to_unit @ _shift(-lag, -lag) @ m @ _shift(lag, lag) @ to_pixels
    x = sample_bilinear(x, _places(theta, 2 * out_w, 2 * out_h).to(x.dtype))
    return downsample2d(x, f, down=2, padding=-2 * _SUPPORT, flip_filter=True)


def _places(theta: Tensor, width: int, height: int) -> Tensor:
    """``[N, height, width, 2]``: where ``theta [N, 3, 3]`` takes the pixels' centres in [-1, 1]."""
    x = (torch.arange(width, device=theta.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=theta.device) * 2 + 1) / height - 1
    along_x = x[None, None, :, None] * theta[:, None, None, :2, 0]
    along_y = y[None, :, None, None] * theta[:, None, None, :2, 1]
    return along_x + (along_y + theta[:, None, None, :2, 2])
