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

from .distributed import WHOLE, Share
from .networks import Discriminator, Generator

Augment = Callable[[Tensor], Tensor]
Images = Callable[..., Tensor]  # a synthesis network, or what torch.compile made of it
Critic = Callable[[Tensor, Tensor | None], Tensor]  # a discriminator, or what it made of that


@dataclass(frozen=True)
class Part:
    """One part of the objective: ``value`` to minimise, per-sample ``report`` (detached)."""

    value: Tensor
    report: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Fakes:
    """How fake images are made, for the part of a batch that a process works on.

    Latents and labels are those of the whole batch, and everything random is drawn for the whole
    of it; ``share`` says which images are made of it. ``track_w``: the running average of w sees
    the batch (it must do so once, however many shares one process works on).
    """

    G: Generator
    mixing: float = 0.9
    noise_mode: str = "random"
    rng: torch.Generator | None = None
    share: Share = WHOLE
    track_w: bool = True
    synthesis: Images | None = None

    def ws(self, z: Tensor, c: Tensor | None) -> Tensor:
        """``ws`` of the share of ``z [N, z_dim]``, styles mixed."""
        return self.share.of(mixed_ws(self.G, z, c, self.mixing, self.rng, track_w=self.track_w))

    def images(self, ws: Tensor, whole: int) -> Tensor:
        """The images of ``ws``, which are a share of a batch of ``whole``."""
        drawn: list[Tensor] = []
        if self.noise_mode == "random":
            noise = self.G.synthesis.draw_noise(whole, ws.device, self.rng)
            drawn = [self.share.of(layer) for layer in noise]
        make = self.G.synthesis if self.synthesis is None else self.synthesis
        return make(ws, noise_mode=self.noise_mode, drawn=drawn)


def unchanged(images: Tensor) -> Tensor:
    """The augmentation that does nothing."""
    return images


def mixed_ws(
    G: Generator,
    z: Tensor,
    c: Tensor | None,
    probability: float,
    rng: torch.Generator | None,
    *,
    track_w: bool = True,
) -> Tensor:
    """Map ``z`` to ``ws [N, num_ws, w_dim]``; with ``probability`` replace the layers after a
    random one by those of other latents (style mixing, arXiv 1812.04948, section 3.1)."""
    ws: Tensor = G.mapping(z, c, update_w_avg=track_w)
    if probability <= 0:
        return ws
    dice = torch.rand([2], generator=rng, device=z.device)
    other = torch.randn(z.shape, generator=rng, device=z.device)
    mixed: Tensor = G.mapping(other, c, update_w_avg=False)
    # Decided on the device: looking at the dice would make the processor wait for it.
    cut = 1 + (dice[1] * (G.num_ws - 1)).floor()
    layers = torch.arange(G.num_ws, device=z.device)
    return torch.where(((layers >= cut) & (dice[0] < probability))[:, None], mixed, ws)


def _part_of(labels: Tensor | None, share: Share) -> Tensor | None:
    return None if labels is None else share.of(labels)


def generator_loss(
    fakes: Fakes,
    D: Critic,
    z: Tensor,
    *,
    c: Tensor | None = None,
    augment: Augment = unchanged,
) -> Part:
    """Non-saturating logistic loss of the generator: ``mean softplus(-D(G(z)))``."""
    images = fakes.images(fakes.ws(z, c), len(z))
    scores = D(augment(images), _part_of(c, fakes.share))
    loss = F.softplus(-scores)
    return Part(loss.sum() / len(z), {"loss": loss.detach(), "scores_fake": scores.detach()})


def path_lengths(
    fakes: Fakes,
    z: Tensor,
    *,
    c: Tensor | None = None,
    directions: Tensor | None = None,
    create_graph: bool = True,
) -> tuple[Tensor, Tensor]:
    """How fast images change with w in random directions (arXiv 1912.04958, section 3.2):
    ``[share of N]``, and the images ``[share of N, C, R, R]``. ``directions``: of the whole batch,
    drawn when absent."""
    ws = fakes.ws(z, c)
    images = fakes.images(ws, len(z))
    if directions is None:
        shape = [len(z), *images.shape[1:]]
        directions = torch.randn(shape, generator=fakes.rng, device=images.device)
    scale = 1.0 / math.sqrt(images.shape[2] * images.shape[3])
    (slope,) = torch.autograd.grad(
        outputs=(images * fakes.share.of(directions)).sum() * scale,
        inputs=ws,
        create_graph=create_graph,
    )
    return slope.square().sum(dim=2).mean(dim=1).sqrt(), images


def moved_mean(mean: Tensor, batch_mean: Tensor, decay: float) -> Tensor:
    """The running mean of path lengths after a batch."""
    return mean + decay * (batch_mean - mean)


def path_length_penalty(
    lengths: Tensor,
    images: Tensor,
    mean: Tensor,
    batch_mean: Tensor,
    whole: int,
    *,
    decay: float = 0.01,
    weight: float = 2.0,
) -> Part:
    """Path-length regularisation (arXiv 1912.04958, section 3.2) of a share of a batch.

    ``mean`` (a scalar) is the running mean of path lengths so far; lengths are compared with the
    one moved by ``batch_mean`` of the ``whole`` batch. The gradient flows through that move too:
    with ``m = mean + decay * (batch_mean - mean)`` the derivative of ``mean_i (l_i - m)^2`` by m is
    ``-2 (batch_mean - m)``, which needs no more of the other shares than their mean.
    """
    mean = moved_mean(mean, batch_mean, decay)
    penalty = (lengths - mean).square()
    through_mean = -2.0 * (batch_mean - mean) * decay * (lengths - lengths.detach())
    report = {"path_length": lengths.detach(), "pl_penalty": penalty.detach()}
    # Biases do not reach the penalty; the zero gives them a gradient of zero, so that the
    # optimizer steps all parameters alike.
    touch = images[:, :1, :1, :1].sum() * 0
    value = ((penalty + through_mean) * weight).sum() / whole
    return Part(value + touch, report)


def discriminator_loss(
    fakes: Fakes,
    D: Critic,
    z: Tensor,
    reals: Tensor,
    *,
    c: Tensor | None = None,
    c_reals: Tensor | None = None,
    augment: Augment = unchanged,
) -> Part:
    """Logistic loss of the discriminator: ``mean softplus(D(G(z))) + mean softplus(-D(x))``.

    ``reals`` and ``c_reals`` are a share already. Real and generated images go through the
    discriminator apart, because the standard deviation it looks at must not mix them.
    """
    with torch.no_grad():
        images = fakes.images(fakes.ws(z, c), len(z))
    fake = D(augment(images), _part_of(c, fakes.share))
    real = D(augment(reals), c_reals)
    loss_fake, loss_real = F.softplus(fake), F.softplus(-real)
    report = {
        "loss": (loss_fake + loss_real).detach(),
        "scores_fake": fake.detach(),
        "scores_real": real.detach(),
    }
    return Part((loss_fake.sum() + loss_real.sum()) / len(z), report)


def r1_penalty(
    D: Discriminator,
    reals: Tensor,
    gamma: float,
    whole: int,
    *,
    c: Tensor | None = None,
    augment: Augment = unchanged,
) -> Part:
    """R1 (arXiv 1801.04406): ``gamma / 2 * |d D(x) / d x|^2`` at real images, a share of ``whole``,
    through the augmentations."""
    images = reals.detach().requires_grad_(True)
    scores = D(augment(images), c)
    (slope,) = torch.autograd.grad(outputs=scores.sum(), inputs=images, create_graph=True)
    penalty = slope.square().sum(dim=[1, 2, 3])
    report = {"r1_penalty": penalty.detach(), "scores_real": scores.detach()}
    touch = scores.sum() * 0  # a gradient of zero where the penalty gives none, as above
    return Part((penalty * (gamma / 2)).sum() / whole + touch, report)
