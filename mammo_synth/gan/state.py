"""What a training run carries from one iteration to the next."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mammo_synth.errors import BadInput

from .distributed import ALONE, Team
from .loss import Critic, Images
from .networks import Discriminator, Generator, set_precision
from .sampler import Sampler
from .settings import NetworkSettings, TrainSettings


@dataclass
class TrainState:
    """Networks, optimizers and counters of one run. Mutable: an iteration changes it.

    ``synthesis`` and ``critic`` are the networks as the main phases call them: themselves, or what
    ``torch.compile`` made of them. (A second derivative, which the regularisers need, does not go
    through it.)
    """

    G: Generator
    D: Discriminator
    G_ema: Generator
    adam_g: torch.optim.Adam
    adam_d: torch.optim.Adam
    synthesis: Images
    critic: Critic
    rng: torch.Generator
    pl_mean: Tensor
    signs: Tensor  # [2]: sum of sign(D(real)) and number of them since p last changed
    p: float
    sampler: Sampler | None = None  # of the real images; set when they are known
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
        mapping_layers=settings.d_mapping_layers,
        mbstd_group=settings.mbstd_group,
    )


def count_parameters(settings: NetworkSettings) -> dict[str, int]:
    """How many numbers generator and discriminator learn."""
    with torch.random.fork_rng(devices=[]):
        networks = (build_generator(settings), build_discriminator(settings))
    names = ("generator_parameters", "discriminator_parameters")
    counts = (sum(p.numel() for p in network.parameters()) for network in networks)
    return dict(zip(names, counts, strict=True))


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


def _check_compiler(device: torch.device) -> None:
    """Raise :class:`BadInput` where ``torch.compile`` has nothing to compile with."""
    names = [os.environ.get("CXX"), "g++", "clang++", "c++"]
    if device.type == "cpu" and not any(shutil.which(name) for name in names if name):
        raise BadInput(
            "Compiling for a processor needs a C++ compiler, and there is none on this machine.",
            hint="Install g++, or train without --compile.",
        )


def trainable(D: Discriminator, frozen: int) -> list[nn.Parameter]:
    """The parameters of ``D`` that learn: all but those of its ``frozen`` highest resolutions, at
    the image's side (arXiv 2002.10964)."""
    still = [f"b{size}." for size in D.resolutions[:frozen]]
    return [p for name, p in D.named_parameters() if not name.startswith(tuple(still))]


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
    for network in (G, D):
        set_precision(network, settings.precision, settings.low_precision_resolutions)
    synthesis, critic = G.synthesis, D
    if settings.compile:
        _check_compiler(device)
        synthesis, critic = torch.compile(synthesis), torch.compile(critic)
    d_rate = settings.d_learning_rate or settings.learning_rate
    return TrainState(
        G=G,
        D=D,
        G_ema=G_ema,
        adam_g=lazy_adam(G.parameters(), settings.learning_rate, g_interval),
        adam_d=lazy_adam(trainable(D, settings.freeze_d), d_rate, d_interval),
        synthesis=synthesis,
        critic=critic,
        rng=rng,
        pl_mean=torch.zeros([], device=device),
        signs=torch.zeros([2], device=device),
        p=settings.ada_start if settings.augment_p is None else settings.augment_p,
        init=digest(G),
    )


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


def note(state: TrainState, name: str, values: Tensor) -> None:
    """Add to the sums of the next row, on the device: nothing waits for it."""
    total, count = state.sums.setdefault(name, [values.new_zeros([]), values.new_zeros([])])
    total += values.sum()
    count += values.numel()


def collect(state: TrainState, team: Team = ALONE) -> dict[str, float]:
    """Means since the last call, over all processes."""
    if not state.sums:
        return {}
    names = sorted(state.sums)
    both = torch.stack([torch.stack(state.sums[name]).to(torch.float32) for name in names])
    state.sums.clear()
    return {
        name: total / count
        for name, (total, count) in zip(names, team.sum_(both).tolist(), strict=True)
    }
