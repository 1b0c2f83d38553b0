"""The search of a projection: schedules, penalty on noise maps, steps of Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .data import to_uint8
from .drawing import Drawing, draw_rows, map_ws, micro_batch
from .latents import latents
from .networks import Generator
from .perceptual import perceptual_distance, perceptual_features

REPORT_EVERY = 10  # steps; asking an accelerator for a number makes it wait
SMALLEST_MAP = 8
BEYOND = 0.02  # slope of the distance beyond black and white


@dataclass(frozen=True)
class Schedule:
    """Learning rate and noise by the share ``t`` (0 to 1) of the steps done."""

    learning_rate: float
    ramp_up: float
    ramp_down: float
    initial_noise: float
    noise_share: float

    def rate(self, t: float) -> float:
        """Linear ramp up, cosine ramp down to 0."""
        down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / self.ramp_down))
        return self.learning_rate * down * min(1.0, t / self.ramp_up)

    def noise(self, t: float) -> float:
        """Standard deviation of the noise on w, in units of w's spread."""
        return self.initial_noise * max(0.0, 1.0 - t / self.noise_share) ** 2


class Kept(Protocol):
    """Where a search is kept, so that it goes on after its process was killed."""

    def load(self) -> dict[str, Tensor] | None:
        """What was saved last, if anything."""

    def save(self, tensors: Callable[[], dict[str, Tensor]]) -> None:
        """Save now, or not yet."""


@dataclass(frozen=True)
class Projection:
    """What was found for one film.

    Attributes:
        ws: Latents ``[num_ws, w_dim]`` float32, equal in all layers in space ``w``.
        image: The generator's image of them, uint8 ``[R, R]``.
        distance: Perceptual distance between that image and the film.
        start_distance: The same for the mean image, where the search began.
        curve: The distance at each step, with the noise of that step on w.
        noise_maps: The fitted maps ``[r, r]`` float32 of all layers; empty unless fitted.
    """

    ws: Tensor
    image: NDArray[np.uint8]
    distance: float
    start_distance: float
    curve: tuple[float, ...]
    noise_maps: tuple[Tensor, ...]


def spread_of_w(
    network: Generator, device: torch.device, draws: Drawing, samples: int
) -> tuple[Tensor, float]:
    """Mean ``[w_dim]`` of w over the latents of the seeds 0 to ``samples - 1``, and the root mean
    square distance from it."""
    with torch.no_grad():
        ws = torch.cat(
            [
                map_ws(network, part, draws, device)[:, 0]
                for part in latents(range(samples), network.z_dim).split(1000)
            ]
        )
        mean = ws.mean(dim=0)
        return mean, float((ws - mean).square().sum(dim=1).mean().sqrt())


def noise_penalty(maps: Sequence[Tensor]) -> Tensor:
    """Penalty ``[N]`` on what noise maps ``[N, 1, r, r]`` tell beside noise (arXiv 1912.04958,
    appendix D): squared correlation with themselves one pixel along each axis, summed over all
    maps and, for each, its halvings down to 8 px, which are scaled to keep unit variance."""
    total = torch.zeros(maps[0].shape[0], device=maps[0].device)
    for one in maps:
        x = one
        while True:
            for axis in (2, 3):
                total = total + (x * x.roll(1, axis)).mean(dim=(1, 2, 3)).square()
            if x.shape[-1] <= SMALLEST_MAP:
                break
            n, _, r, _ = x.shape
            x = x.reshape(n, 1, r // 2, 2, r // 2, 2).sum(dim=(3, 5)) / 2
    return total


def search(
    network: Generator,
    device: torch.device,
    films: NDArray[np.uint8],
    mean: Tensor,
    spread: float,
    *,
    size: int,
    per_layer: bool,
    noise: str,
    steps: int,
    schedule: Schedule,
    penalty: float,
    seed: int,
    advance: Callable[[int, float], None],
    kept: Kept | None = None,
) -> list[Projection]:
    """Project ``films [n, R, R]`` uint8, at most ``size``; the network sees exactly ``size``.

    Each film has its own latents and loss, and all get equal noise, so none depends on the others.
    ``advance`` receives film steps done and the mean distance. A search that was ``kept`` goes on,
    to the same result bit for bit.
    """
    count = len(films)
    padded = np.concatenate([films, np.repeat(films[-1:], size - count, axis=0)])
    target = _as_images(padded, device)
    with torch.no_grad():
        goal = perceptual_features(target)
    rng = torch.Generator().manual_seed(seed)
    processor = torch.device("cpu")
    maps: list[Tensor] = []
    if noise == "fitted":
        drawn = network.synthesis.draw_noise(1, processor, rng)
        maps = [one.repeat(size, 1, 1, 1).to(device).requires_grad_(True) for one in drawn]
    layers = network.num_ws if per_layer else 1
    w = mean.to(device).repeat(size, layers, 1).requires_grad_(True)
    start = _draw(network, device, w.detach(), noise, maps)
    adam = torch.optim.Adam([w, *maps], lr=0.0)
    curve: list[Tensor] = []
    moving = {"w": w, **{f"noise.{i:02d}": one for i, one in enumerate(maps)}}
    held = None if kept is None else kept.load()
    if held is not None:
        _restore(moving, adam, held)
        rng.set_state(held["rng"])
        curve = [*held["curve"].to(device)]
        advance(len(curve) * count, float(curve[-1].mean()))
    for step in range(len(curve), steps):
        t = step / steps
        adam.param_groups[0]["lr"] = schedule.rate(t)
        shake = torch.randn([1, layers, network.w_dim], generator=rng).to(device)
        shaken = w + shake * (schedule.noise(t) * spread)
        image = _synthesize(network, shaken, noise, maps)
        squared = (perceptual_features(_within(image)) - goal).square().sum(dim=1)
        loss = squared.sum()
        if maps:
            loss = loss + penalty * noise_penalty(maps).sum()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        with torch.no_grad():
            for one in maps:
                one -= one.mean(dim=(1, 2, 3), keepdim=True)
                one *= one.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        curve.append(squared.detach().sqrt()[:count])
        done = step + 1
        if done % REPORT_EVERY == 0 or done == steps:
            fresh = REPORT_EVERY if done % REPORT_EVERY == 0 else done % REPORT_EVERY
            advance(fresh * count, float(curve[-1].mean()))
            if kept is not None and done < steps:
                kept.save(partial(_state, moving, adam, rng, tuple(curve)))
    end = _draw(network, device, w.detach(), noise, maps)
    distances = [_distances(images, target) for images in (start, end)]
    curves = torch.stack(curve, dim=1).cpu().tolist()
    ws = w.detach().expand(-1, network.num_ws, -1).cpu()
    return [
        Projection(
            ws[i].clone(),
            end[i],
            distances[1][i],
            distances[0][i],
            tuple(curves[i]),
            tuple(one.detach()[i, 0].cpu().clone() for one in maps),
        )
        for i in range(count)
    ]


def _state(
    moving: dict[str, Tensor],
    adam: torch.optim.Adam,
    rng: torch.Generator,
    curve: Sequence[Tensor],
) -> dict[str, Tensor]:
    """What moves, Adam's moments of it, and where the search is."""
    tensors = {name: value.detach() for name, value in moving.items()}
    tensors |= {"rng": rng.get_state(), "curve": torch.stack([*curve])}
    for name, value in moving.items():
        tensors |= {f"{name}.{key}": moment for key, moment in adam.state[value].items()}
    return tensors


def _restore(moving: dict[str, Tensor], adam: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    """What moves, as :func:`_state` had it."""
    with torch.no_grad():
        for name, value in moving.items():
            value.copy_(tensors[name])
            adam.state[value] = {
                "step": tensors[f"{name}.step"].clone(),
                "exp_avg": torch.empty_like(value).copy_(tensors[f"{name}.exp_avg"]),
                "exp_avg_sq": torch.empty_like(value).copy_(tensors[f"{name}.exp_avg_sq"]),
            }


def _within(image: Tensor) -> Tensor:
    """Values beyond black and white as the pixels show them, but with a slope that leads back."""
    shown = image.clamp(-1, 1)
    return shown + BEYOND * (image - shown)


def _synthesize(network: Generator, w: Tensor, noise: str, maps: Sequence[Tensor]) -> Tensor:
    ws = w.expand(-1, network.num_ws, -1)
    mode = "random" if noise == "fitted" else noise
    image: Tensor = network.synthesis(ws, noise_mode=mode, drawn=maps)
    return image


def _draw(
    network: Generator, device: torch.device, w: Tensor, noise: str, maps: Sequence[Tensor]
) -> NDArray[np.uint8]:
    """The images themselves: without fitted noise as a sample of these latents would be drawn."""
    if noise == "fitted":
        with torch.no_grad():
            return to_uint8(_synthesize(network, w, noise, maps))
    size = micro_batch(network.resolution, device)
    ws = w.expand(-1, network.num_ws, -1)
    return np.concatenate(
        [draw_rows(network, device, part, size, noise) for part in ws.split(size)]
    )


def _as_images(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1.0)[:, None].to(device)


def _distances(images: NDArray[np.uint8], target: Tensor) -> list[float]:
    found: list[float] = perceptual_distance(_as_images(images, target.device), target).tolist()
    return found
