"""The four parts of the training objective (arXiv 1912.04958, sections 3 and appendix B).

Each function returns a scalar to minimise and the values to report. Weights of lazy
regularisation (the interval) belong to the loop and are applied there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from .networks import Discriminator, Generator

Augment = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Part:
    """One part of the objective: ``value`` to minimise, per-sample ``report`` (detached)."""

    value: Tensor
    report: dict[str, Tensor] = field(default_factory=dict)


def unchanged(images: Tensor) -> Tensor:
    """The augmentation that does nothing."""
    return images


def mixed_ws(
    G: Generator, z: Tensor, c: Tensor | None, probability: float, rng: torch.Generator | None
) -> Tensor:
    """Map ``z`` to ``ws [N, num_ws, w_dim]``; with ``probability`` replace the layers after a
    random one by those of other latents (style mixing, arXiv 1812.04948, section 3.1)."""
    ws = G.mapping(z, c)
    if probability <= 0:
        return ws
    dice = torch.rand([2], generator=rng, device=z.device)
    other = torch.randn(z.shape, generator=rng, device=z.device)
    if float(dice[0]) >= probability:
        return ws
    cut = 1 + int(float(dice[1]) * (G.num_ws - 1))
    mixed = G.mapping(other, c, update_w_avg=False)
    return torch.cat([ws[:, :cut], mixed[:, cut:]], dim=1)


def generator_loss(
    G: Generator,
    D: Discriminator,
    z: Tensor,
    *,
    c: Tensor | None = None,
    mixing: float = 0.9,
    noise_mode: str = "random",
    augment: Augment = unchanged,
    rng: torch.Generator | None = None,
) -> Part:
    """Non-saturating logistic loss of the generator: ``mean softplus(-D(G(z)))``."""
    images = G.synthesis(mixed_ws(G, z, c, mixing, rng), noise_mode=noise_mode, rng=rng)
    scores = D(augment(images), c)
    loss = F.softplus(-scores)
    return Part(loss.mean(), {"loss": loss.detach(), "scores_fake": scores.detach()})


def path_length_penalty(
    G: Generator,
    z: Tensor,
    mean: Tensor,
    *,
    c: Tensor | None = None,
    decay: float = 0.01,
    weight: float = 2.0,
    mixing: float = 0.9,
    noise_mode: str = "random",
    directions: Tensor | None = None,
    rng: torch.Generator | None = None,
) -> tuple[Part, Tensor]:
    """Path-length regularisation (arXiv 1912.04958, section 3.2).

    ``mean`` (a scalar) is the running mean of path lengths; the updated one is returned beside
    the part. ``directions``: the random image directions, drawn when absent.
    """
    ws = mixed_ws(G, z, c, mixing, rng)
    images = G.synthesis(ws, noise_mode=noise_mode, rng=rng)
    if directions is None:
        directions = torch.randn(images.shape, generator=rng, device=images.device)
    scale = 1.0 / math.sqrt(images.shape[2] * images.shape[3])
    (slope,) = torch.autograd.grad(
        outputs=(images * directions).sum() * scale, inputs=ws, create_graph=True
    )
    lengths = slope.square().sum(dim=2).mean(dim=1).sqrt()
    mean = mean + decay * (lengths.mean() - mean)
    penalty = (lengths - mean).square()
    report = {"path_length": lengths.detach(), "pl_penalty": penalty.detach()}
    # Biases do not reach the penalty; the zero gives them a gradient of zero, so that the
    # optimizer steps all parameters alike.
    touch = images[:, :1, :1, :1].sum() * 0
    return Part((penalty * weight).mean() + touch, report), mean.detach()


def discriminator_loss(
    G: Generator,
    D: Discriminator,
    z: Tensor,
    reals: Tensor,
    *,
    c: Tensor | None = None,
    c_reals: Tensor | None = None,
    mixing: float = 0.9,
    noise_mode: str = "random",
    augment: Augment = unchanged,
    rng: torch.Generator | None = None,
) -> Part:
    """Logistic loss of the discriminator: ``mean softplus(D(G(z))) + mean softplus(-D(x))``.

    Real and generated images go through the discriminator apart, because the standard deviation
    it looks at must not mix them.
    """
    with torch.no_grad():
        ws = mixed_ws(G, z, c, mixing, rng)
        images = G.synthesis(ws, noise_mode=noise_mode, rng=rng)
    fake = D(augment(images), c)
    real = D(augment(reals), c_reals)
    loss_fake, loss_real = F.softplus(fake), F.softplus(-real)
    report = {
        "loss": (loss_fake + loss_real).detach(),
        "scores_fake": fake.detach(),
        "scores_real": real.detach(),
    }
    return Part(loss_fake.mean() + loss_real.mean(), report)


def r1_penalty(
    D: Discriminator,
    reals: Tensor,
    gamma: float,
    *,
    c: Tensor | None = None,
    augment: Augment = unchanged,
) -> Part:
    """R1 (arXiv 1801.04406): ``gamma / 2 * |d D(x) / d x|^2`` at real images, through the
    augmentations."""
    images = reals.detach().requires_grad_(True)
    scores = D(augment(images), c)
    (slope,) = torch.autograd.grad(outputs=scores.sum(), inputs=images, create_graph=True)
    penalty = slope.square().sum(dim=[1, 2, 3])
    report = {"r1_penalty": penalty.detach(), "scores_real": scores.detach()}
    touch = scores.sum() * 0  # a gradient of zero where the penalty gives none, as above
    return Part((penalty * (gamma / 2)).mean() + touch, report)
