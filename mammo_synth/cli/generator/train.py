"""``mammo-synth generator train``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput

from .options import AsJson, Device

if TYPE_CHECKING:
    from mammo_synth.gan.settings import TrainSettings


def train(
    prepared: Annotated[Path, typer.Argument(help="Prepared set (films prepare).")],
    label: Annotated[str, typer.Option(help="Which films to learn: cancer or normal.")],
    out: Annotated[Path, typer.Option(help="Run folder; an interrupted run there goes on.")],
    preset: Annotated[
        str,
        typer.Option(
            help="demo (minutes, CPU), film (days, GPU), auto, paper256, ... (published)."
        ),
    ] = "film",
    kimg: Annotated[
        float | None, typer.Option(help="Length: thousands of real images shown.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images per update.")] = None,
    gamma: Annotated[float | None, typer.Option(help="Weight of R1 (larger is calmer).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of Adam.")] = None,
    augment: Annotated[
        str | None, typer.Option(help="Augmentation: film, none, bgc, ... (adaptive).")
    ] = None,
    mirror: Annotated[
        bool | None, typer.Option(help="Show every film mirrored as well (sides get mixed).")
    ] = None,
    channel_base: Annotated[
        int | None, typer.Option(help="Feature maps at r px: base // r, at most --channel-max.")
    ] = None,
    channel_max: Annotated[int | None, typer.Option(help="Most feature maps.")] = None,
    snapshot_kimg: Annotated[
        float | None, typer.Option(help="Checkpoint and sample grid every so many kimg.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and latents.")] = 0,
    resume: Annotated[
        str,
        typer.Option(
            help="auto goes on where the run folder stopped; a run folder, checkpoint, generator "
            "file or imported networks start a new run from their weights and architecture."
        ),
    ] = "auto",
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processor threads (torch's default).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Check everything, print the settings, stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a generator on the training films of one label (StyleGAN2-ADA).

    The run folder holds the generator (generator.safetensors), a checkpoint, sample grids and
    the statistics. Interrupt it at any time: the same command goes on, and a finished run is
    left as it is.
    """
    import time

    import torch

    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.gan import settings as gan_settings
    from mammo_synth.gan.sample import generator_path, resolve_device
    from mammo_synth.gan.train import CHECKPOINT, Origin, train_run
    from mammo_synth.gan.transfer import adopt, check_fits
    from mammo_synth.manifest import relative_input

    number = _label(label)
    films = PreparedSet.open(prepared)
    settings = gan_settings.preset(preset, films.size)
    start = None
    if resume != "auto":
        # Of a run folder take the checkpoint: it has the discriminator as well.
        inside = Path(resume) / CHECKPOINT
        start = inside if inside.is_file() else generator_path(Path(resume))
        settings = dataclasses.replace(settings, network=adopt(settings.network, start))
    settings = _override(
        settings,
        {
            "kimg": kimg,
            "batch": batch,
            "gamma": gamma,
            "learning_rate": learning_rate,
            "augment": augment,
            "mirror": mirror,
            "snapshot_kimg": snapshot_kimg,
            "seed": seed,
        },
        {"channel_base": channel_base, "channel_max": channel_max},
    )
    where = resolve_device(device)
    settings = gan_settings.check(gan_settings.resolve_precision(settings, where.type))
    if start is not None:
        check_fits(settings.network, start)
    images, _ = films.images("train", number)
    plan = {
        "out": str(out),
        "label": label,
        "films": len(images),
        "device": str(where),
        "settings": gan_settings.to_json(settings),
    }
    if dry_run:
        _print_plan(plan, settings, as_json)
        return
    if threads is not None:
        torch.set_num_threads(threads)
    origin = Origin.of(films, label)
    result = train_run(
        images,
        settings,
        out,
        origin,
        inputs=(relative_input("prepared-set", prepared, out),),
        device=str(where),
        start=start,
        progress=console.ConsoleProgress(),
        clock=time.monotonic,
    )
    if as_json:
        console.print_json(
            {
                **plan,
                "generator": str(result.generator),
                "sha256": result.sha256,
                "kimg": result.kimg,
                "skipped": result.skipped,
            }
        )
        return
    word = "was finished already" if result.skipped else "is finished"
    console.out().print(f"The run {word} ({result.kimg:g} kimg): {result.generator}", markup=False)


def _label(label: str) -> int:
    from mammo_synth.configurations import LABEL_VALUES
    from mammo_synth.errors import did_you_mean

    if label not in LABEL_VALUES:
        raise BadInput(
            f"There is no label '{label}'; cancer or normal was expected.",
            hint=did_you_mean(label, LABEL_VALUES),
        )
    return LABEL_VALUES[label]


def _override(
    settings: TrainSettings, run: dict[str, object], network: dict[str, object]
) -> TrainSettings:
    """``settings`` with the options that were given."""
    from mammo_synth.gan.settings import override

    return override(
        settings,
        run={k: v for k, v in run.items() if v is not None},
        network={k: v for k, v in network.items() if v is not None},
    )


def _print_plan(plan: dict[str, object], settings: TrainSettings, as_json: bool) -> None:
    if as_json:
        console.print_json({**plan, "dry_run": True})
        return
    rows = [["films", plan["films"]], ["label", plan["label"]], ["device", plan["device"]]]
    for field in dataclasses.fields(settings):
        if field.name != "network":
            rows.append([field.name, getattr(settings, field.name)])
    for field in dataclasses.fields(settings.network):
        rows.append([f"network {field.name}", getattr(settings.network, field.name)])
    console.print_table("What would be trained (dry run)", ["setting", "value"], rows)
