"""The Ray cluster of a grid: found or started, quiet, and what its machines have."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mammo_synth.errors import BadInput

CONNECT_S = 5.0
"""Seconds in which a host must take a connection."""
ANSWER_S = 30.0
"""Seconds in which a cluster must answer. Ray itself would try for minutes."""
_STORE_BYTES = 128 * 2**20  # records are small; Ray would reserve a third of the memory
_HINT = (
    "Give the address that `ray start --head` named on the head node (its port is 6379 if it was "
    "given no other), from a machine that has joined with `ray start --address HOST:PORT`; or "
    "leave --address out to use this machine alone."
)


@dataclass(frozen=True)
class Machine:
    """One machine of the cluster (Ray: node).

    Attributes:
        node_id: Ray's identity of it.
        name: Its host name or address, for messages.
        cpus: Processor cores that it offers.
        gpus: GPUs that it offers.
    """

    node_id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Share:
    """What one cell gets, and the machines that have so much.

    Attributes:
        cpus: Processor cores.
        gpus: GPUs.
        device: auto, cpu or cuda, for the classifiers.
        machines: That can take a cell; never empty.
    """

    cpus: int
    gpus: float
    device: str
    machines: tuple[Machine, ...]

    @property
    def at_once(self) -> int:
        """How many cells can run at once, if nothing else does."""
        return sum(
            int(min(m.cpus // self.cpus, m.gpus / self.gpus if self.gpus else m.cpus))
            for m in self.machines
        )

    @property
    def words(self) -> str:
        """In one line."""
        n = len(self.machines)
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        return (
            f"Ray: {n} machine{'' if n == 1 else 's'}, {self.at_once} cells at once "
            f"(each {self.cpus} CPU{gpus})."
        )


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The module ``ray``, connected; a connection that was there before is used and kept.

    Args:
        address: As `mammo_synth.bench.ray_engine.RaySettings.address`.

    Raises:
        BadInput: Ray is not installed, or no cluster of this version answers.
    """
    # Read when Ray is imported or starts.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise BadInput(
            f"Ray is not installed ({error}).",
            hint='Install it with pip install "mammo-synth[ray]", or use --engine local.',
        ) from error
    if ray.is_initialized():
        yield ray
        return
    local = address in (None, "local")
    if not local:
        _check_address(str(address))
    start = {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if local else {}
    try:
        ray.init(
            address="local" if local else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **start,
        )
    except Exception as error:  # of many classes: versions that differ, ports, memory, ...
        what = "Ray could not be started here" if local else f"The Ray cluster '{address}' refused"
        raise BadInput(f"{what}: {_first_line(error)}", hint=None if local else _HINT) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse an address where no cluster answers, within a bounded time."""
    missing = BadInput(f"No Ray cluster answers at '{address}'.", hint=_HINT)
    if address != "auto":
        parts = re.fullmatch(r"\[?([^\[\]/]+?)\]?:(\d{1,5})", address)
        if parts is None or not 0 < int(parts[2]) < 2**16:
            raise BadInput(
                f"--address is '{address}'; HOST:PORT, auto or local was expected.", hint=_HINT
            )
        try:
            socket.create_connection((parts[1], int(parts[2])), timeout=CONNECT_S).close()
        except OSError as error:
            raise missing from error
    # Ray's own question, in a process that can be ended: asked here it would not return before
    # minutes are over, and then end this process.
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    command += [] if address == "auto" else ["--address", address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=ANSWER_S, check=False)
        failed, told = done.returncode != 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        failed, told = True, (error.stdout or b"") + (error.stderr or b"")
    if failed and b"Unauthenticated" in told:
        raise BadInput(
            f"The Ray cluster at '{address}' wants another token than this process has.",
            hint="Set RAY_AUTH_MODE=token and the token of the head node (RAY_AUTH_TOKEN, or a "
            "file that RAY_AUTH_TOKEN_PATH names), here and on every machine.",
        )
    if failed:
        raise missing


def machines(ray: Any) -> list[Machine]:
    """The living machines of the cluster."""
    return [
        Machine(
            node["NodeID"],
            str(node.get("NodeManagerHostname") or node["NodeManagerAddress"]),
            float(node["Resources"].get("CPU", 0)),
            float(node["Resources"].get("GPU", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def share_of(machines: Sequence[Machine], cpus: int, gpus: float | None, device: str) -> Share:
    """What each cell gets on these machines.

    Args:
        machines: Of the cluster.
        cpus: Cores of a cell, 1 or more.
        gpus: GPUs of a cell; None is 1 where there are some and ``device`` is not cpu, else 0.
        device: auto, cpu or cuda.

    Raises:
        BadInput: The device and the GPUs contradict each other, or no machine has so much.
    """
    most = max((machine.gpus for machine in machines), default=0.0)
    if gpus is None:
        gpus = 1.0 if device != "cpu" and (most >= 1 or device == "cuda") else 0.0
    if cpus < 1 or gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise BadInput(
            f"{cpus} cores and {gpus:g} GPUs per cell; 1 core or more, and a share of one GPU or a "
            f"whole number were expected.",
            hint="Correct --cpus-per-cell or --gpus-per-cell.",
        )
    if (device == "cuda" and gpus == 0) or (device == "cpu" and gpus > 0):
        raise BadInput(
            f"--device {device} with {gpus:g} GPUs per cell.",
            hint="Leave --gpus-per-cell out, or use --device auto.",
        )
    able = tuple(m for m in machines if m.cpus >= cpus and m.gpus >= gpus)
    if not able:
        has = "; ".join(f"{m.name}: {m.cpus:g} CPU, {m.gpus:g} GPU" for m in machines)
        raise BadInput(
            f"No machine of the Ray cluster has {cpus} CPU and {gpus:g} GPU for a cell ({has}).",
            hint="Ask for less with --cpus-per-cell or --gpus-per-cell, or use --device cpu.",
        )
    return Share(cpus, gpus, "cpu" if gpus == 0 else device, able)


def reason(ray: Any, error: Exception) -> str:
    """Why Ray gave no result, in a sentence."""
    kinds = ray.exceptions
    if isinstance(error, kinds.GetTimeoutError):
        return "it did not answer in time."
    if isinstance(error, kinds.OutOfMemoryError):
        return (
            "The memory of the machine did not suffice. Run fewer cells at once: raise "
            "--cpus-per-cell."
        )
    if isinstance(error, (kinds.WorkerCrashedError, kinds.NodeDiedError)):
        return "Its worker died, and so did those that tried it again."
    if isinstance(error, kinds.RayTaskError):
        lines = str(error).strip().splitlines()
        return lines[-1].strip() if lines else type(error).__name__
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
