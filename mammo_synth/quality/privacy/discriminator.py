"""What the discriminator of a training checkpoint says of films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress, counted

from .patterns import ImageSet, blocks

BATCH = 32


def discriminator_scores(
    checkpoint: Path,
    images: ImageSet,
    labels: npt.NDArray[np.int64] | None = None,
    *,
    device: str = "auto",
    progress: Progress = SILENT,
) -> npt.NDArray[np.float64]:
    """Logits of films, float64 ``[N]``; high means real.

    Each film is a group of its own for the minibatch standard deviation, so its score depends on no
    other film.

    Args:
        checkpoint: ``checkpoint.safetensors`` of a run folder.
        images: uint8 ``[N, R, R]`` at the network's resolution.
        labels: ``[N]``, 0 or 1, for a conditional run.

    Raises:
        BadInput: No checkpoint, a damaged one, images of another size, or labels that are missing.
    """
    import torch

    from mammo_synth.gan.checkpoint import checkpoint_settings, load_module, read_checkpoint
    from mammo_synth.gan.devices import resolve_device
    from mammo_synth.gan.settings import network_from_json
    from mammo_synth.gan.state import build_discriminator

    file, place = read_checkpoint(checkpoint), resolve_device(device)
    try:
        settings = network_from_json(dict(checkpoint_settings(file)["network"]))
        with torch.random.fork_rng(devices=[]):
            critic = build_discriminator(settings)
        with torch.no_grad():
            load_module(critic, file.tensors, "D.")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"'{checkpoint}' does not fit the settings it names ({error}).",
            hint="It is damaged: assess the pool without it.",
        ) from error
    critic = critic.to(place).eval().requires_grad_(False)
    critic.b4.mbstd_group = 1
    size = settings.resolution
    if settings.c_dim and (labels is None or len(labels) != len(images)):
        raise BadInput(
            "The discriminator was trained with labels, and the labels of these films are missing.",
            hint="Give one label (0 normal, 1 cancer) for each film.",
        )
    found: list[npt.NDArray[np.float64]] = []
    start = 0
    progress.start("scored by the discriminator", -(-len(images) // BATCH))
    for part in counted(blocks(images, BATCH), progress):
        if part.shape[1:] != (size, size):
            raise BadInput(
                f"The films are {part.shape[2]} x {part.shape[1]} px, the discriminator's images "
                f"{size} x {size}.",
                hint="Take the prepared set that the generator was trained on.",
            )
        pixels = torch.from_numpy(part.astype(np.float32) / 127.5 - 1)[:, None].to(place)
        c = None
        if settings.c_dim and labels is not None:
            these = torch.from_numpy(np.asarray(labels[start : start + len(part)], np.int64))
            c = torch.nn.functional.one_hot(these, settings.c_dim).to(place, torch.float32)
        found.append(critic(pixels, c)[:, 0].double().cpu().numpy())
        start += len(part)
    progress.finish()
    return np.concatenate(found) if found else np.empty(0)
