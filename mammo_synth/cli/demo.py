"""``mammo-synth demo``: every step of the flow, small, by the same functions as the commands."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mammo_synth.cli import console
from mammo_synth.configurations import CANCER, CONFIGURATIONS, DEFAULT, LABELS, NORMAL, REFERENCES
from mammo_synth.progress import Progress

if TYPE_CHECKING:
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.release.folder import Release
    from mammo_synth.release.quality import Assessment


SHIPPED_PIXELS = 128


@dataclass(frozen=True)
class DemoSettings:
    """Sizes of the demo: chosen so that two CPU cores need about five minutes.

    Attributes:
        seed: Seed of films, split, generators and classifiers.
        patients: Simulated patients, four films each.
        cancer_patients: Share of them with cancer; higher than in any screening, so that the
            cancer generator has enough films.
        pixels: Side of the films.
        preset: Preset of the generators.
        kimg: Length of their training; None is the preset's.
        size: Images per configuration.
        split: Percent of patients in train, val, real_test.
        configurations: What the classifiers are trained on, beside the real-only baseline and
            its twin; the release has all nine in any case.
        recipes: The classifiers.
        resamples: Draws for each interval of the quality report.
        shipped: Take the generators that come with the package instead of training two.
    """

    seed: int = 0
    patients: int = 320
    cancer_patients: float = 0.5
    pixels: int = 64
    preset: str = "demo"
    kimg: float | None = None
    size: int = 400
    split: tuple[int, int, int] = (60, 10, 30)
    configurations: tuple[str, ...] = tuple(CONFIGURATIONS)
    recipes: tuple[str, ...] = (
        "vgg16-demo",
        "logistic-regression",
        "prior",
        "background-only-demo",
    )
    resamples: int = 20
    shipped: bool = False

    @classmethod
    def with_shipped_generators(cls, seed: int = 0) -> DemoSettings:
        """The settings that fit the shipped generators: their size, and fewer patients, since
        nothing is learned from most of them."""
        return cls(seed=seed, patients=120, pixels=SHIPPED_PIXELS, shipped=True)


@dataclass(frozen=True)
class Step:
    """One step: its title, its usual time on two cores in seconds, and what it does."""

    title: str
    usual_s: float
    act: Callable[[Progress], None]


def run_demo(out: Path, settings: DemoSettings, device: str, *, dry_run: bool = False) -> None:
    """Run the flow into ``out``; finished steps are recognised and skipped."""
    demo = _Demo(out, settings, device)
    prepare = Step("Simulate and prepare films", 25 if settings.shipped else 12, demo.films)
    train = Step("Train two generators, cancer and normal, alike", 300, demo.train)
    steps = [
        *([prepare] if settings.shipped else [prepare, train]),
        Step("Build and verify the release", 25 if settings.shipped else 5, demo.release),
        Step("Assess it: quality, privacy, shortcuts", 40, demo.quality),
        Step("Train and score classifiers on it", 120, demo.bench),
        Step("Recompute every number, render the leaderboard", 25, demo.leaderboard),
    ]
    err = console.err()
    err.print(
        f"The whole flow, small, on simulated films, into '{out}'. {console.NOTICE}", markup=False
    )
    usual = sum(step.usual_s for step in steps)
    if dry_run:
        for number, step in enumerate(steps, start=1):
            console.out().print(f"[{number}/{len(steps)}] {step.title}", markup=False)
        console.out().print(f"About {usual / 60:.0f} minutes on two cores; nothing was written.")
        return
    began, expected = time.monotonic(), 0.0
    for number, step in enumerate(steps, start=1):
        elapsed = time.monotonic() - began
        # The pace of the finished steps tells how fast this machine is; skipped ones do not.
        pace = max(elapsed / expected, 0.3) if expected and elapsed > 5 else 1.0
        left = sum(s.usual_s for s in steps[number - 1 :]) * pace
        err.print(
            f"[{number}/{len(steps)}] {step.title} (up to {left / 60:.1f} min left in all)",
            markup=False,
        )
        step.act(console.ConsoleProgress())
        expected += step.usual_s
    demo.report(time.monotonic() - began)


class _Demo:
    """The steps, which hand each other what they made."""

    def __init__(self, out: Path, settings: DemoSettings, device: str) -> None:
        self.settings, self.device = settings, device
        self.prepared_folder = out / "prepared"
        self.generator_folder = out / "generators"
        self.release_folder = out / "mammo-synth"
        self.quality_folder = out / "quality"
        self.results = out / "results"
        self.board_folder = out / "leaderboard"
        self.board_text = ""

    def films(self, progress: Progress) -> None:
        from mammo_synth.films.phantom import PhantomSettings
        from mammo_synth.films.prepare import PrepareSettings, prepare
        from mammo_synth.films.sources.phantom import PhantomSource
        from mammo_synth.films.split import SplitSettings

        s = self.settings
        # Half as large again as the prepared films: the breast is cropped out of them.
        phantom = replace(
            PhantomSettings(), height=s.pixels * 3 // 2, cancer_patients=s.cancer_patients
        )
        prepare(
            PhantomSource(s.patients, s.seed, phantom),
            self.prepared_folder,
            PrepareSettings(s.pixels, split=SplitSettings(*s.split, seed=s.seed)),
            workers=os.cpu_count() or 1,
            progress=progress,
        )

    def prepared(self) -> PreparedSet:
        from mammo_synth.films.prepared import PreparedSet

        return PreparedSet.open(self.prepared_folder)

    def train(self, progress: Progress) -> None:
        from mammo_synth.gan.parallel import Job, train_runs
        from mammo_synth.gan.sample import resolve_device
        from mammo_synth.gan.settings import preset
        from mammo_synth.gan.train import Origin
        from mammo_synth.manifest import relative_input

        prepared = self.prepared()
        settings = replace(preset(self.settings.preset, prepared.size), seed=self.settings.seed)
        if self.settings.kimg is not None:
            settings = replace(settings, kimg=self.settings.kimg)
        jobs = []
        for label in (CANCER, NORMAL):
            folder = self.generator_folder / LABELS[label]
            origin = Origin.of(prepared, LABELS[label])
            inputs = (relative_input("prepared-set", prepared.folder, folder),)
            jobs.append(Job(prepared.images("train", label)[0], settings, folder, origin, inputs))
        train_runs(
            jobs, device=str(resolve_device(self.device)), progress=progress, clock=time.monotonic
        )

    def generator(self, label: int) -> Path:
        """Run folder or name of the generator of a label."""
        if self.settings.shipped:
            return Path(f"phantom-{LABELS[label]}")
        return self.generator_folder / LABELS[label]

    def release(self, progress: Progress) -> None:
        from mammo_synth.errors import CheckFailed
        from mammo_synth.release.verify import verify_release

        problems = verify_release(self.build(progress), progress=progress)
        if problems:
            raise CheckFailed(problems[0], hint="Remove the release folder and run again.")

    def build(self, progress: Progress, quality: Assessment | None = None) -> Release:
        from mammo_synth.release.build import ReleaseSettings, build_release
        from mammo_synth.release.generators import GeneratorFile

        generators = {
            label: GeneratorFile.open(self.generator(label), self.device)
            for label in (CANCER, NORMAL)
        }
        return build_release(
            self.prepared(),
            generators,
            self.release_folder,
            ReleaseSettings(self.settings.size),
            quality=quality,
            progress=progress,
        )

    def quality(self, progress: Progress) -> None:
        from mammo_synth.quality.assess import AssessSettings, Tools, assess
        from mammo_synth.quality.extractors import DEFAULT, make_extractor
        from mammo_synth.quality.pools import open_pools
        from mammo_synth.release.quality import Assessment

        # A report that fails the gate is shown like any other: it is publishing that it blocks.
        assess(
            open_pools([self.release_folder]),
            self.prepared(),
            self.quality_folder,
            AssessSettings(resamples=self.settings.resamples, seed=self.settings.seed),
            Tools((make_extractor(DEFAULT),), device=self.device),
            progress=progress,
        )
        self.build(progress, Assessment.open(self.quality_folder))

    def bench(self, progress: Progress) -> None:
        from mammo_synth.bench.classifiers.base import Options
        from mammo_synth.bench.grid import Failure, grid_cells
        from mammo_synth.bench.recipes import load_recipe
        from mammo_synth.bench.run import Bench
        from mammo_synth.errors import CheckFailed
        from mammo_synth.release.folder import Release

        recipes = [load_recipe(name) for name in self.settings.recipes]
        names = [*self.settings.configurations, *REFERENCES]
        cells = grid_cells(names, recipes, 1, self.settings.seed)
        bench = Bench(
            Release.open(self.release_folder),
            self.results,
            now=_now,
            options=Options(device=self.device),
        )
        progress.start("runs", len(cells))
        for outcome in bench.grid(cells):
            if isinstance(outcome, Failure):
                raise CheckFailed(
                    f"The run {outcome.cell.name} failed: {outcome.error}",
                    hint="Run the demo again: finished runs are kept.",
                )
            progress.advance(note=outcome.cell.name)
        progress.finish()

    def leaderboard(self, progress: Progress) -> None:
        from mammo_synth.leaderboard import terminal
        from mammo_synth.leaderboard.render import render
        from mammo_synth.leaderboard.verified import verified_by_user

        verified = verified_by_user()
        rendered = render(self.results, self.board_folder, progress, full=True, verified=verified)
        self.board_text = terminal.table(rendered.board)

    def report(self, seconds: float) -> None:
        """What there is now, and what to try next."""
        out = console.out()
        release, parent = self.release_folder, self.release_folder.parent
        out.print(self.board_text, markup=False)
        out.print(f"\nDone in {seconds:.0f} s. {console.NOTICE}", markup=False)
        for what, path in (
            ("nine data sets", release),
            ("films and synthetic films", release / "contact-sheet.png"),
            ("quality and privacy", self.quality_folder / "report.html"),
            ("leaderboard page", self.board_folder / "index.html"),
            ("leaderboard figure", self.board_folder / "leaderboard.png"),
        ):
            out.print(f"  {what + ':':27} {path}", markup=False)
        command = _command()
        python = "python" if command == "mammo-synth" else str(Path(command).with_name("python"))
        python = os.path.relpath(python, parent) if os.sep in python else python
        load = f"print(load_dataset('mammo-synth', '{DEFAULT}'))"
        out.print("\nThree things to try next:")
        out.print(
            f'  (cd {parent} && {python} -c "from datasets import load_dataset; {load}")\n'
            f"  {command} generator sample {self.generator(CANCER)} --seeds 0-15 "
            f"--out {parent / 'samples'}\n"
            f"  {command} verify {release}",
            markup=False,
        )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _command() -> str:
    """How the user can call us again: by name if the shell finds it, else by path."""
    if shutil.which("mammo-synth"):
        return "mammo-synth"
    return os.path.relpath(Path(sys.executable).parent / "mammo-synth")
