"""What a training run carries from one iteration to the next, and one iteration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from .augment import PIPELINES, augment
from .data import RealImages
from .loss import (
    Part,
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    r1_penalty,
)
from .networks import Discriminator, Generator
from .settings import NetworkSettings, TrainSettings


@dataclass
class TrainState:
    """Networks, optimizers and counters of one run. Mutable: an iteration changes it."""

    G: Generator
    D: Discriminator
    G_ema: Generator
    adam_g: torch.optim.Adam
    adam_d: torch.optim.Adam
    rng: torch.Generator
    pl_mean: Tensor
    signs: Tensor  # [2]: sum of sign(D(real)) and number of them since p last changed
    p: float
    seen: int = 0  # real images shown
    iteration: int = 0
    init: str = ""  # digest of the generator's first weights
    init_from: str | None = None  # digest of the file they came from; None: drawn from the seed
    sums: dict[str, list[Tensor]] = field(default_factory=dict)  # for the next row of stats


def build_generator(settings: NetworkSettings) -> Generator:
    """A generator with fresh weights from torch's current random state."""
    return Generator(
        resolution=settings.resolution,
        image_channels=settings.image_channels,
        z_dim=settings.z_dim,
        w_dim=settings.w_dim,
        c_dim=settings.c_dim,
        mapping_layers=settings.mapping_layers,
        channel_base=settings.channel_base,
        channel_max=settings.channel_max,
        architecture=settings.g_architecture,
        conv_clamp=settings.conv_clamp,
    )


def build_discriminator(settings: NetworkSettings) -> Discriminator:
    """A discriminator with fresh weights from torch's current random state."""
    return Discriminator(
        resolution=settings.resolution,
        image_channels=settings.image_channels,
        c_dim=settings.c_dim,
        channel_base=settings.channel_base,
        channel_max=settings.channel_max,
        architecture=settings.d_architecture,
        conv_clamp=settings.conv_clamp,
        mbstd_group=settings.mbstd_group,
    )


def lazy_adam(
    parameters: Iterable[nn.Parameter], learning_rate: float, interval: int | None
) -> torch.optim.Adam:
    """Adam with betas (0, 0.99), adjusted for regularisation in a step of its own every
    ``interval`` iterations (arXiv 1912.04958, appendix B): rate and betas shrink by
    ``interval / (interval + 1)``. ``None``: there is no such step."""
    ratio = 1.0 if interval is None else interval / (interval + 1)
    return torch.optim.Adam(
        parameters, lr=learning_rate * ratio, betas=(0.0**ratio, 0.99**ratio), eps=1e-8, fused=True
    )


def digest(module: nn.Module) -> str:
    """Hex sha256 of a module's state, names and values."""
    h = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        h.update(name.encode())
        h.update(tensor.detach().to("cpu").contiguous().numpy().tobytes())
    return h.hexdigest()


def new_state(settings: TrainSettings, device: torch.device) -> TrainState:
    """The state before the first iteration; weights depend on ``settings.seed`` alone, so two runs
    with equal architecture and seed start from equal weights."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(settings.seed)
        G, D = build_generator(settings.network), build_discriminator(settings.network)
    G = G.to(device, memory_format=torch.channels_last)
    D = D.to(device, memory_format=torch.channels_last)
    G_ema = deepcopy(G).eval().requires_grad_(False)
    rng = torch.Generator(device=device)
    rng.manual_seed(settings.seed)
    g_interval = settings.g_reg_interval if settings.pl_weight > 0 else None
    d_interval = settings.d_reg_interval if settings.gamma > 0 else None
    return TrainState(
        G=G,
        D=D,
        G_ema=G_ema,
        adam_g=lazy_adam(G.parameters(), settings.learning_rate, g_interval),
        adam_d=lazy_adam(D.parameters(), settings.learning_rate, d_interval),
        rng=rng,
        pl_mean=torch.zeros([], device=device),
        signs=torch.zeros([2], device=device),
        p=settings.ada_start,
        init=digest(G),
    )


def _minimise(part: Part, weight: float, optimizer: torch.optim.Adam) -> None:
    optimizer.zero_grad(set_to_none=True)
    (part.value * weight if weight != 1.0 else part.value).backward()
    optimizer.step()


def update_average(average: Generator, G: Generator, beta: float) -> None:
    """Move the running average: ``p_ema = p + beta * (p_ema - p)``; buffers are copied."""
    with torch.no_grad():
        ours = list(average.parameters())
        torch._foreach_lerp_(ours, list(G.parameters()), 1.0 - beta)
        for mine, theirs in zip(average.buffers(), G.buffers(), strict=True):
            mine.copy_(theirs)


def ema_beta(settings: TrainSettings, seen: int) -> float:
    """Decay per iteration: half-life ``ema_kimg``, at most ``ema_rampup`` of what was seen."""
    half_life = settings.ema_kimg * 1000
    if settings.ema_rampup is not None:
        half_life = min(half_life, seen * settings.ema_rampup)
    return float(0.5 ** (settings.batch / max(half_life, 1e-8)))


def adapted_p(settings: TrainSettings, p: float, mean_sign: float) -> float:
    """The next augmentation probability (arXiv 2006.06676, section 3.2): a fixed step up where
    the discriminator is too sure of real images, down where it is not, within [0, ada_max]."""
    step = settings.batch * settings.ada_interval / (settings.ada_kimg * 1000)
    direction = float(mean_sign > settings.ada_target) - float(mean_sign < settings.ada_target)
    return min(max(p + direction * step, 0.0), settings.ada_max)


def iterate(state: TrainState, settings: TrainSettings, data: RealImages) -> None:
    """One iteration: generator, its regularisation, discriminator, its regularisation, average."""
    s, batch, device = settings, settings.batch, state.pl_mean.device
    pipeline = PIPELINES[s.augment]
    mixing, rng = s.style_mixing, state.rng
    change = partial(augment, settings=pipeline, p=state.p, rng=rng)

    def latents(count: int) -> Tensor:
        return torch.randn([count, s.network.z_dim], generator=rng, device=device)

    reals = data.batch(state.seen, batch)
    state.D.requires_grad_(False)
    part = generator_loss(state.G, state.D, latents(batch), mixing=mixing, augment=change, rng=rng)
    _minimise(part, 1.0, state.adam_g)
    _note(state, "loss_g", part.report["loss"])
    if s.pl_weight > 0 and state.iteration % s.g_reg_interval == 0:
        z = latents(max(batch // s.pl_batch_shrink, 1))
        part, state.pl_mean = path_length_penalty(
            state.G,
            z,
            state.pl_mean,
            decay=s.pl_decay,
            weight=s.pl_weight,
            mixing=mixing,
            rng=rng,
        )
        _minimise(part, s.g_reg_interval, state.adam_g)
        _note(state, "path_length", part.report["path_length"])
    state.D.requires_grad_(True)

    state.G.requires_grad_(False)
    part = discriminator_loss(
        state.G, state.D, latents(batch), reals, mixing=mixing, augment=change, rng=rng
    )
    _minimise(part, 1.0, state.adam_d)
    _note(state, "loss_d", part.report["loss"])
    _note(state, "sign_fake", part.report["scores_fake"].sign())
    real_signs = part.report["scores_real"].sign()
    _note(state, "sign_real", real_signs)
    if s.gamma > 0 and state.iteration % s.d_reg_interval == 0:
        part = r1_penalty(state.D, reals, s.gamma, augment=change)
        _minimise(part, s.d_reg_interval, state.adam_d)
        _note(state, "r1_penalty", part.report["r1_penalty"])
    state.G.requires_grad_(True)

    state.seen += batch
    state.iteration += 1
    update_average(state.G_ema, state.G, ema_beta(s, state.seen))
    if pipeline.active:
        state.signs = state.signs + torch.stack(
            [real_signs.sum(), real_signs.new_tensor(real_signs.numel())]
        )
        if state.iteration % s.ada_interval == 0:
            total, count = state.signs.tolist()
            state.p = adapted_p(s, state.p, total / count)
            state.signs = torch.zeros_like(state.signs)


def _note(state: TrainState, name: str, values: Tensor) -> None:
    """Add to the sums of the next row, on the device: nothing waits for it."""
    total, count = state.sums.setdefault(name, [values.new_zeros([]), values.new_zeros([])])
    total += values.sum()
    count += values.numel()


def collect(state: TrainState) -> dict[str, float]:
    """Means since the last call."""
    means = {name: float(total) / float(count) for name, (total, count) in state.sums.items()}
    state.sums.clear()
    return means
