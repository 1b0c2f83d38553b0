"""``mammo-synth generator train``."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.progress import SILENT

from .options import AsJson, Device
from .setting_options import make_measure, shown, split, with_settings

if TYPE_CHECKING:
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.gan.distributed import Team
    from mammo_synth.gan.measures import Measure
    from mammo_synth.gan.settings import TrainSettings
    from mammo_synth.gan.train import TrainResult

BOTH = "both"
INTERRUPTED = 130


@with_settings
def train(
    prepared: Annotated[Path, typer.Argument(help="Prepared set (films prepare).")],
    out: Annotated[
        Path | None, typer.Option(help="Run folder; an interrupted run there goes on.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="Which films to learn: cancer, normal, or both (one generator that does not tell "
            "them apart: a start for two that do; or --conditional)."
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="demo (minutes, CPU); film (days, GPU), also film-64 to film-1024; as published: "
            "auto, paper256, paper512, paper1024, stylegan2, cifar. Other options change it."
        ),
    ] = "film",
    resume: Annotated[
        str,
        typer.Option(
            help="auto goes on where the run folder stopped; a run folder, checkpoint, generator "
            "file or imported networks start a new run from their weights and architecture."
        ),
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of weights, order and latents.")] = 0,
    device: Device = "auto",
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            help="Train as so many GPUs would: the preset's batch follows. Default: the processes "
            "of torchrun; fewer processes take the batch in parts.",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processor threads (torch's default).")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check and print everything; with --out save it; stop."),
    ] = False,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Train a generator on the training films of one label, or of both (StyleGAN2-ADA).

    The run folder holds the generator (generator.safetensors), a checkpoint, sample grids, curves
    and the statistics. Interrupt it at any time: the same command goes on, and a finished run is
    left as it is. On several GPUs start it with torchrun (scripts/train-torchrun.sh).
    """
    import torch

    from mammo_synth.gan.devices import resolve_device
    from mammo_synth.gan.distributed import EndedElsewhere, device_of, joined, team_of
    from mammo_synth.gan.train import TrainingDiverged

    team = team_of(os.environ)
    where = device_of(team, resolve_device(device))
    if threads is not None:
        torch.set_num_threads(threads)
    request = _Request(prepared, out, label, preset, resume, seed, gpus, given, dry_run, as_json)
    try:
        with joined(where) as team:
            request.act(team, where)
    except (EndedElsewhere, TrainingDiverged, KeyboardInterrupt) as error:
        if team.leads:
            raise
        # The first process says it for all.
        raise SystemExit(getattr(error, "exit_code", INTERRUPTED)) from error


@dataclass(frozen=True)
class _Request:
    """What the user asked for, as one process of the run carries it out."""

    prepared: Path
    out: Path | None
    label: str | None
    preset: str
    resume: str
    seed: int
    gpus: int | None
    given: dict[str, Any]  # options of the settings and beside them; None where left out
    dry_run: bool
    as_json: bool

    def act(self, team: Team, device: Any) -> None:
        """Plan, then print the plan or train."""
        import time

        from mammo_synth.films.pixels import map_pixels
        from mammo_synth.films.prepared import PreparedSet
        from mammo_synth.gan.train import Origin, train_run
        from mammo_synth.manifest import relative_input

        progress = console.ConsoleProgress() if team.leads else SILENT

        def planned() -> tuple[PreparedSet, TrainSettings, Path | None, dict[str, Any]]:
            films = PreparedSet.open(self.prepared)
            settings, start = self.settings(films, team, device)
            return films, settings, start, self.plan(films, settings, team, device)

        def measuring() -> Measure | None:
            if not team.leads:
                return None
            count = min(plan["films"], settings.measure_images)
            return make_measure(self.given, settings, count, device, trial=self.dry_run)

        films, settings, start, plan = team.together(planned, device)
        measure = team.together(measuring, device)
        if measure is not None and measure.facts:
            plan["judge"] = dict(measure.facts)
        if self.dry_run:
            if team.leads:
                self.show(plan)
            return
        out = self.out
        if out is None:
            raise BadInput("No run folder was named.", hint="Give --out FOLDER, or --dry-run.")
        numbers = _labels(str(plan["label"]))

        def mapped() -> Any:
            return map_pixels(films, "train", numbers, spare=out, progress=progress)

        if team.size > 1:  # one process on each machine decodes, the others find it done
            team.together(lambda: mapped() if team.local_rank == 0 else None, device)
        pixels = team.together(mapped, device)
        result = train_run(
            pixels.images,
            settings,
            out,
            Origin.of(films, str(plan["label"])),
            labels=pixels.labels,
            inputs=(relative_input("prepared-set", self.prepared, out),),
            device=str(device),
            team=team,
            start=start,
            measure=measure,
            progress=progress,
            clock=time.monotonic,
        )
        if team.leads:
            self.report(result, plan)

    def settings(
        self, films: PreparedSet, team: Team, device: Any
    ) -> tuple[TrainSettings, Path | None]:
        """The settings that follow from preset, options, processes and device; the file to start
        from, if any."""
        from mammo_synth.gan import settings as gan_settings
        from mammo_synth.gan.sample import generator_path
        from mammo_synth.gan.train import CHECKPOINT
        from mammo_synth.gan.transfer import adopt, check_fits

        gpus = self.gpus or team.size
        if gpus % team.size:
            raise BadInput(
                f"{team.size} processes cannot train as {gpus} GPUs would.",
                hint=f"Give --gpus a multiple of {team.size}, or leave it out.",
            )
        settings = gan_settings.preset(self.preset, films.size, gpus)
        run, network = split(self.given)
        start = None
        if self.resume != "auto":
            # Of a run folder take the checkpoint: it has the discriminator as well.
            inside = Path(self.resume) / CHECKPOINT
            start = inside if inside.is_file() else generator_path(Path(self.resume))
            settings = replace(settings, network=adopt(settings.network, start))
        settings = gan_settings.override(settings, run={**run, "seed": self.seed}, network=network)
        if "precision" not in run:
            settings = gan_settings.resolve_precision(settings, device.type)
        if gpus > team.size and settings.batch_gpu is None and settings.batch % gpus == 0:
            settings = replace(settings, batch_gpu=settings.batch // gpus)
        gan_settings.check(settings, team.size)
        if start is not None:
            check_fits(settings.network, start)
        return settings, start

    def plan(
        self, films: PreparedSet, settings: TrainSettings, team: Team, device: Any
    ) -> dict[str, Any]:
        """Everything that would be done."""
        from mammo_synth.gan.data import check_count
        from mammo_synth.gan.settings import preset, to_json
        from mammo_synth.gan.state import count_parameters
        from mammo_synth.gan.train import refuse_foreign_run

        label = _label(self.label, conditional=settings.conditional)
        if self.out is not None:
            refuse_foreign_run(self.out)
        counts = {name: films.count("train", n) for name, n in zip(*_names(label), strict=True)}
        check_count(min(counts.values()), None)
        check_count(sum(counts.values()), settings.subset)
        wished = preset(self.preset, films.size).precision
        each = settings.batch // team.size
        part = min(settings.batch_gpu or each, each)
        plan = {
            "out": str(self.out) if self.out else None,
            "label": label,
            "films": settings.subset or sum(counts.values()),
            "films_of": counts,
            "device": str(device),
            "precision": settings.precision,
            "processes": team.size,
            "images_per_process": each,
            "images_at_once": part,
            "updates": -(-round(settings.kimg * 1000) // settings.batch),
            **count_parameters(settings.network),
            "settings": to_json(settings),
        }
        if wished != settings.precision and "precision" not in split(self.given)[0]:
            plan["precision"] = (
                f"{settings.precision} (the preset's {wished} is for accelerators; --precision "
                f"{wished} asks for it)"
            )
        return plan

    def show(self, plan: dict[str, Any]) -> None:
        """Print the plan, and save it where a folder was named."""
        from mammo_synth.files import write_json
        from mammo_synth.gan.train import PLAN

        if self.out is not None:
            write_json(self.out / PLAN, plan)
        if self.as_json:
            console.print_json({**plan, "dry_run": True})
            return
        apart = ("settings", "judge")
        rows = [[name, value] for name, value in plan.items() if name not in apart]
        rows += [[f"judge: {name}", shown(value)] for name, value in plan.get("judge", {}).items()]
        settings = dict(plan["settings"])
        network = settings.pop("network")
        rows += [[name, value] for name, value in settings.items()]
        rows += [[f"network {name}", value] for name, value in network.items()]
        console.print_table("What would be trained (dry run)", ["setting", "value"], rows)

    def report(self, result: TrainResult, plan: dict[str, Any]) -> None:
        """Say where the generator is."""
        if self.as_json:
            facts = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(result).items()}
            console.print_json({**plan, **facts})
            return
        word = "was finished already" if result.skipped else "is finished"
        text = f"The run {word} ({result.kimg:g} kimg): {result.generator}"
        console.out().print(text, markup=False)


def _label(label: str | None, *, conditional: bool) -> str:
    from mammo_synth.configurations import LABEL_VALUES

    if conditional:
        if label not in (None, BOTH):
            raise BadInput(
                f"A conditional run learns both labels; --label {label} was given as well.",
                hint="Leave out --label, or --conditional.",
            )
        return BOTH
    if label is None:
        raise BadInput(
            "Which films to learn was not said.",
            hint="Give --label cancer or --label normal, or --conditional for both.",
        )
    if label not in (*LABEL_VALUES, BOTH):
        raise BadInput(
            f"There is no label '{label}'; cancer, normal or both was expected.",
            hint=did_you_mean(label, (*LABEL_VALUES, BOTH)),
        )
    return label


def _labels(label: str) -> list[int]:
    from mammo_synth.configurations import LABEL_VALUES

    return sorted(LABEL_VALUES.values()) if label == BOTH else [LABEL_VALUES[label]]


def _names(label: str) -> tuple[list[str], list[int]]:
    from mammo_synth.configurations import LABELS

    numbers = _labels(label)
    return [LABELS[n] for n in numbers], numbers
