"""Several processes that train one generator: each takes a share of every batch.

Every process draws the latents, noise, labels and augmentations of the *whole* batch from equal
random states and works on its share, every n-th image. So the shares together are the batch of one
process, image by image; and because the discriminator compares image i with those of equal
``i mod groups``, its groups are those of one process too. Gradients are sums over shares, weights
and random states stay equal everywhere, and only the first process writes files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mammo_synth.errors import BadInput, MammoSynthError

T = TypeVar("T")
# The others wait while the first process decodes films, measures or writes a checkpoint.
_PATIENCE = timedelta(hours=2)
_MESSAGE_BYTES = 4096


class EndedElsewhere(MammoSynthError):
    """Another process has the error and says it; this one only ends, with its exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("Another process of this run failed.")
        self.exit_code = exit_code


class TeamBroken(MammoSynthError):
    """Another process ended in the middle of the work (exit code 1)."""

    exit_code = 1


@contextlib.contextmanager
def _meeting() -> Iterator[None]:
    """Name what happens when another process does not come, because it ended."""
    try:
        yield
    except RuntimeError as error:
        raise TeamBroken(
            "Another process of this run ended, so this one cannot go on. "
            f"({str(error).splitlines()[0][:200]})",
            hint="See what the other one said; the same command goes on from the last checkpoint.",
        ) from error


@dataclass(frozen=True)
class Share:
    """Images ``index, index + parts, index + 2 * parts, ...`` of a batch."""

    index: int = 0
    parts: int = 1

    def of(self, values: Tensor) -> Tensor:
        """This share of ``values [N, ...]``."""
        return values if self.parts == 1 else values[self.index :: self.parts]


WHOLE = Share()


@dataclass(frozen=True)
class Team:
    """The processes of one run, as one of them (``rank`` of ``size``) sees them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among those on the same machine

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and speaks to the user."""
        return self.rank == 0

    def sum_(self, values: Tensor) -> Tensor:
        """Replace ``values`` by their sum over all processes, equal bits everywhere."""
        if self.size > 1:
            with _meeting():
                dist.all_reduce(values)
        return values

    def sum_gradients(self, parameters: Iterable[nn.Parameter], *, finite: bool = False) -> None:
        """Sum the gradients over all processes, in one message. ``finite``: what overflowed 16-bit
        numbers becomes a large number instead, or 0 where it is none."""
        grads = [p.grad for p in parameters if p.grad is not None]
        if not grads or (self.size == 1 and not finite):
            return
        flat = torch.cat([g.reshape(-1) for g in grads])
        self.sum_(flat)
        if finite:
            torch.nan_to_num(flat, nan=0.0, posinf=1e5, neginf=-1e5, out=flat)
        for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view(grad.shape))

    def decide(self, value: bool, device: torch.device) -> bool:
        """The first process's ``value``, known to all."""
        if self.size == 1:
            return value
        told = torch.tensor([float(value and self.leads)], device=device)
        return bool(self.sum_(told) > 0)

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.size > 1:
            with _meeting():
                dist.barrier()

    def together(self, act: Callable[[], T], device: torch.device) -> T:
        """``act()`` in every process; where it fails in one, all end.

        Raises:
            MammoSynthError: In the first process: the first error of any. In the others:
                :class:`EndedElsewhere`.
        """
        if self.size == 1:
            return act()
        result: T | None = None
        error: MammoSynthError | None = None
        try:
            result = act()
        except MammoSynthError as failure:
            error = failure
        found = self._first_error(error, device)
        if found is None:
            return result  # type: ignore[return-value]  # there was no error, so there is a result
        if not self.leads:
            raise EndedElsewhere(found.exit_code)
        raise error or found

    def _first_error(
        self, error: MammoSynthError | None, device: torch.device
    ) -> MammoSynthError | None:
        text = json.dumps([error.exit_code, error.message, error.hint]) if error else ""
        mine = text.encode()[:_MESSAGE_BYTES].ljust(_MESSAGE_BYTES)
        all_of_them = torch.zeros([self.size, _MESSAGE_BYTES], dtype=torch.uint8, device=device)
        all_of_them[self.rank] = torch.frombuffer(bytearray(mine), dtype=torch.uint8).to(device)
        for rank, row in enumerate(self.sum_(all_of_them).cpu()):
            said = bytes(row.numpy()).strip()
            if said:
                code, message, hint = json.loads(said)
                first = MammoSynthError(f"{message} (Process {rank} of {self.size}.)", hint=hint)
                first.exit_code = code
                return first
        return None


ALONE = Team()


def team_of(environment: Mapping[str, str]) -> Team:
    """The team that ``torchrun`` describes in the environment, or :data:`ALONE`.

    Raises:
        BadInput: Variables are missing or no numbers.
    """
    if "WORLD_SIZE" not in environment or "RANK" not in environment:
        return ALONE
    try:
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        team = Team(rank, size, int(environment.get("LOCAL_RANK", rank)))
    except ValueError as error:
        raise _no_torchrun("RANK, WORLD_SIZE or LOCAL_RANK is not a number") from error
    if not 0 <= team.rank < team.size or team.local_rank < 0:
        raise _no_torchrun(f"RANK is {team.rank} and WORLD_SIZE {team.size}")
    if team.size > 1 and not {"MASTER_ADDR", "MASTER_PORT"} <= set(environment):
        raise _no_torchrun("MASTER_ADDR or MASTER_PORT is missing")
    return team


def _no_torchrun(found: str) -> BadInput:
    return BadInput(
        f"The environment does not describe processes that train together: {found}.",
        hint="Start them with torchrun (scripts/train-torchrun.sh), or unset RANK and WORLD_SIZE.",
    )


def device_of(team: Team, device: torch.device) -> torch.device:
    """The accelerator of this process: the one with its number on this machine.

    Raises:
        BadInput: There are more processes than accelerators on this machine.
    """
    if device.type != "cuda" or team.size == 1:
        return device
    count = torch.cuda.device_count()
    if team.local_rank >= count:
        raise BadInput(
            f"Process {team.local_rank} of this machine has no GPU: there are {count}.",
            hint=f"Start torchrun with --nproc-per-node {count}.",
        )
    return torch.device("cuda", team.local_rank)


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """Join the processes that ``torchrun`` started, over NCCL or, on processors, gloo.

    On an error nobody is waited for: this process leaves, and ``torchrun`` ends the others.
    """
    team = team_of(os.environ)
    if team.size == 1:
        yield team
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise _no_torchrun(f"they cannot meet ({str(error).splitlines()[0]})") from error
    try:
        yield team
        team.wait()
    except BaseException:
        # A process that ends with gloo's threads still running is aborted by the C++ runtime, in
        # one of ten runs. NCCL would wait here for what the others never send; it ends alone.
        if backend == "gloo":
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()
