"""One iteration: generator, its regularisation, discriminator, its regularisation, average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn

from .augment import PIPELINES, Draws, apply, draw
from .data import RealImages
from .distributed import ALONE, Share, Team
from .loss import (
    Augment,
    Fakes,
    Part,
    discriminator_loss,
    generator_loss,
    moved_mean,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from .settings import TrainSettings
from .state import TrainState, adapted_p, ema_beta, note, trainable, update_average


@dataclass(frozen=True)
class _Turn:
    """One share of a phase: which images, and whether it is the first that this process does."""

    share: Share
    first: bool


class _Work:
    """How this process does its part of a phase: one share after the other, from equal random
    states, gradients summed over its shares and over the processes."""

    def __init__(self, state: TrainState, settings: TrainSettings, team: Team) -> None:
        self.state, self.settings, self.team = state, settings, team
        each = settings.batch // team.size
        rounds = each // min(settings.batch_gpu or each, each)
        parts = team.size * rounds
        self.turns = [_Turn(Share(team.rank + team.size * k, parts), k == 0) for k in range(rounds)]

    def each(self, act: Callable[[_Turn], None]) -> None:
        """``act`` for every share, with the same random numbers: those of the whole batch."""
        rng = self.state.rng
        start = rng.get_state() if len(self.turns) > 1 else None
        for turn in self.turns:
            if start is not None:
                rng.set_state(start)
            act(turn)

    def minimise(
        self,
        part_of: Callable[[_Turn], Part],
        parameters: Sequence[nn.Parameter],
        optimizer: torch.optim.Adam,
        noted: dict[str, str],
        weight: float = 1.0,
    ) -> list[Part]:
        """One step of ``optimizer``. ``noted``: row name by name in the report."""
        parts: list[Part] = []

        def backward(turn: _Turn) -> None:
            part = part_of(turn)
            (part.value * weight).backward()
            parts.append(Part(part.value.detach(), part.report))

        optimizer.zero_grad(set_to_none=True)
        self.each(backward)
        self.team.sum_gradients(parameters, finite=self.settings.precision == "fp16")
        optimizer.step()
        for part in parts:
            for name, reported in noted.items():
                note(self.state, name, part.report[reported])
        return parts


def share_of_draws(draws: Draws, share: Share) -> Draws:
    """The draws of a share of the batch that ``draws`` is for."""
    values = {f.name: getattr(draws, f.name) for f in fields(draws)}
    return replace(draws, **{k: share.of(v) for k, v in values.items() if v is not None})


def _augmentation(state: TrainState, settings: TrainSettings, share: Share) -> Augment:
    pipeline, p = PIPELINES[settings.augment], state.p

    def change(images: Tensor) -> Tensor:
        if p <= 0 or not pipeline.active:
            return images
        shape = (settings.batch, *(int(n) for n in images.shape[1:]))
        draws = draw(pipeline, shape, p, rng=state.rng, device=images.device)
        return apply(images, share_of_draws(draws, share))

    return change


def iterate(
    state: TrainState, settings: TrainSettings, data: RealImages, team: Team = ALONE
) -> None:
    """One iteration over ``settings.batch`` real images, of which each process sees its share."""
    s, device, rng = settings, state.pl_mean.device, state.rng
    work = _Work(state, s, team)
    g_parameters = list(state.G.parameters())
    d_parameters = trainable(state.D, s.freeze_d)

    def latents(count: int) -> tuple[Tensor, Tensor | None]:
        z = torch.randn([count, s.network.z_dim], generator=rng, device=device)
        return z, data.draw_labels(count, rng)

    def fakes(turn: _Turn, *, compiled: bool = True) -> Fakes:
        made = state.synthesis if compiled else None
        return Fakes(
            state.G,
            mixing=s.style_mixing,
            rng=rng,
            share=turn.share,
            track_w=turn.first,
            synthesis=made,
        )

    shown = data.sampler.take(s.batch)
    reals = {turn: data.at(shown[turn.share.index :: turn.share.parts]) for turn in work.turns}

    def generator(turn: _Turn) -> Part:
        z, c = latents(s.batch)
        change = _augmentation(state, s, turn.share)
        return generator_loss(fakes(turn), state.critic, z, c=c, augment=change)

    state.D.requires_grad_(False)
    work.minimise(generator, g_parameters, state.adam_g, {"loss_g": "loss"})
    if s.pl_weight > 0 and state.iteration % s.g_reg_interval == 0:
        _regularise_paths(work, latents, fakes, g_parameters)

    def discriminator(turn: _Turn) -> Part:
        z, c = latents(s.batch)
        images, labels = reals[turn]
        change = _augmentation(state, s, turn.share)
        return discriminator_loss(
            fakes(turn), state.critic, z, images, c=c, c_reals=labels, augment=change
        )

    def smooth(turn: _Turn) -> Part:
        images, labels = reals[turn]
        change = _augmentation(state, s, turn.share)
        return r1_penalty(state.D, images, s.gamma, s.batch, c=labels, augment=change)

    state.G.requires_grad_(False)
    for parameter in d_parameters:
        parameter.requires_grad_(True)
    parts = work.minimise(discriminator, d_parameters, state.adam_d, {"loss_d": "loss"})
    real_signs = torch.cat([part.report["scores_real"] for part in parts]).sign()
    note(state, "sign_real", real_signs)
    note(state, "sign_fake", torch.cat([part.report["scores_fake"] for part in parts]).sign())
    if s.gamma > 0 and state.iteration % s.d_reg_interval == 0:
        noted = {"r1_penalty": "r1_penalty"}
        work.minimise(smooth, d_parameters, state.adam_d, noted, s.d_reg_interval)
    state.G.requires_grad_(True)
    state.D.requires_grad_(True)

    state.seen += s.batch
    state.iteration += 1
    update_average(state.G_ema, state.G, ema_beta(s, state.seen))
    _adapt(state, s, team.sum_(real_signs.sum()))


def _regularise_paths(
    work: _Work,
    latents: Callable[[int], tuple[Tensor, Tensor | None]],
    fakes: Callable[..., Fakes],
    parameters: Sequence[nn.Parameter],
) -> None:
    """Path-length regularisation. The mean length of the whole batch enters every share's part, so
    with several shares in one process the lengths are measured once before."""
    state, s, team = work.state, work.settings, work.team
    count = max(s.batch // s.pl_batch_shrink, 1)
    sums: list[Tensor] = []

    def measure(turn: _Turn) -> None:
        z, c = latents(count)
        made = replace(fakes(turn, compiled=False), track_w=False)
        sums.append(path_lengths(made, z, c=c, create_graph=False)[0].sum())

    if len(work.turns) > 1:
        start = state.rng.get_state()
        work.each(measure)
        state.rng.set_state(start)
    means: list[Tensor] = []

    def penalty(turn: _Turn) -> Part:
        z, c = latents(count)
        lengths, images = path_lengths(fakes(turn, compiled=False), z, c=c)
        if not means:
            here = sums or [lengths.detach().sum()]
            means.append(team.sum_(torch.stack(here).sum()) / count)
        return path_length_penalty(
            lengths,
            images,
            state.pl_mean,
            means[0],
            count,
            decay=s.pl_decay,
            weight=s.pl_weight,
        )

    noted = {"path_length": "path_length"}
    work.minimise(penalty, parameters, state.adam_g, noted, s.g_reg_interval)
    state.pl_mean = moved_mean(state.pl_mean, means[0], s.pl_decay)


def _adapt(state: TrainState, settings: TrainSettings, signs: Tensor) -> None:
    """Adapt the augmentation's strength by the signs of the whole batch."""
    if settings.augment_p is not None or not PIPELINES[settings.augment].active:
        return
    state.signs = state.signs + torch.stack([signs, signs.new_tensor(settings.batch)])
    if state.iteration % settings.ada_interval == 0:
        total, count = state.signs.tolist()
        state.p = adapted_p(settings, state.p, total / count)
        state.signs = torch.zeros_like(state.signs)
