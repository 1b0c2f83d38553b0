"""``mammo-synth release build``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson
from mammo_synth.configurations import STUDY_SIZE

EPILOG = (
    "Example: mammo-synth release build --prepared prepared --cancer runs/cancer "
    "--normal runs/normal --out mammo-synth --size 2000"
)


def build(
    prepared: Annotated[Path, typer.Option(help="The prepared set.")],
    cancer: Annotated[Path, typer.Option(help="Generator of cancer films: file or run folder.")],
    normal: Annotated[Path, typer.Option(help="Generator of normal films: file or run folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the release.")] = Path("mammo-synth"),
    size: Annotated[int, typer.Option(help="Images per configuration, train + test.")] = STUDY_SIZE,
    version: Annotated[str, typer.Option(help="Semantic version of the release.")] = "1.0.0",
    after: Annotated[
        Path | None,
        typer.Option(
            help="The release that this one follows: tells what changed, and which version that "
            "takes."
        ),
    ] = None,
    truncation: Annotated[
        float, typer.Option("--trunc", help="Truncation psi: 1 is none, 0 the mean image.")
    ] = 1.0,
    date: Annotated[
        str, typer.Option(help="Day of publication for the card: year-month-day.")
    ] = "",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch: Annotated[int, typer.Option(help="Images sampled at once.")] = 16,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a finished release of other settings.")
    ] = False,
    with_films: Annotated[
        bool,
        typer.Option(
            "--with-films",
            help="Put real films in place too where their terms forbid to pass them on: for your "
            "own work, never to be published.",
        ),
    ] = False,
    quality: Annotated[
        Path | None,
        typer.Option(
            help="Quality report of these images (`mammo-synth pool assess`). A release that is "
            "there already takes it over: no image is drawn again.",
            metavar="DIR",
        ),
    ] = None,
    override_privacy: Annotated[
        str | None,
        typer.Option(
            help="Why it may be published although the report's privacy gate was not passed: a "
            "sentence, which the cards show.",
            metavar="REASON",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sample both generators, add the real share, and write the nine configurations."""
    from mammo_synth.configurations import CANCER, NORMAL
    from mammo_synth.errors import BadInput
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.release.build import ReleaseSettings, build_release
    from mammo_synth.release.folder import Release
    from mammo_synth.release.forms import REFERENCED, default_configuration, loadable
    from mammo_synth.release.generators import GeneratorFile
    from mammo_synth.release.quality import ASSESS, Assessment
    from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
    from mammo_synth.step import put_back

    if override_privacy is not None and quality is None:
        raise BadInput(
            "--override-privacy goes with the report whose gate it overrides.",
            hint="Give the report too: --quality DIR.",
        )
    put_back(out)  # --after may be the same folder
    assessment = None if quality is None else Assessment.open(quality, override_privacy)
    settings = ReleaseSettings(size, version, out.resolve().name, truncation, date)
    films = PreparedSet.open(prepared)
    generators = {
        CANCER: GeneratorFile.open(cancer, device, batch),
        NORMAL: GeneratorFile.open(normal, device, batch),
    }
    release = build_release(
        films,
        generators,
        out,
        settings,
        after=None if after is None else Release.open(after),
        quality=assessment,
        replace=replace,
        progress=console.ConsoleProgress(),
    )
    if with_films:
        release = rehydrate(release, PreparedFilms(films), progress=console.ConsoleProgress())
    facts = release.manifest.facts
    privacy = facts.get("privacy")
    _warn_of_privacy(privacy)
    held = sum(shard["rows"] for shard in facts["shards"] if shard["sha256"] is not None)
    listed = {
        name: {split: facts["configurations"][name]["splits"][split]["rows"] for split in splits}
        for name, splits in loadable(facts).items()
    }
    if as_json:
        console.print_json(
            {
                "folder": str(out),
                "sha256": release.sha256,
                "real": facts["real"],
                "privacy": privacy
                and {key: privacy[key] for key in ("passed", "reasons", "warnings", "override")},
                "stored_images": held,
                "configurations": listed,
            }
        )
        return
    console.print_table(
        f"Release {release.version} in {out}",
        ["configuration", "train", "test", "real_test"],
        [
            [name, *(splits.get(split, "-") for split in ("train", "test", "real_test"))]
            for name, splits in listed.items()
        ],
    )
    console.out().print(f"{held} images are stored for all of them. {console.NOTICE}")
    if facts["real"] == REFERENCED:
        console.out().print(
            f"The terms of {release.source} do not let its films be passed on: the release holds "
            f"references to them. The other configurations and real_test come with: mammo-synth "
            f"release rehydrate {out} --films {prepared}",
            markup=False,
        )
    if privacy is None:
        console.out().print(
            f"It was not assessed yet: {ASSESS.format(out=out)}, then the same command again with "
            "--quality DIR. No image is drawn again.",
            markup=False,
        )
    elif privacy["passed"]:
        console.out().print("Privacy gate: passed.")
    console.out().print(
        f'Load it from the folder that holds it: load_dataset("{release.name}", '
        f'"{default_configuration(facts)}")',
        markup=False,
    )


def _warn_of_privacy(privacy: Mapping[str, Any] | None) -> None:
    """Say on stderr that the gate was not passed, and what follows from it."""
    if privacy is None or privacy["passed"]:
        return
    err = console.err()
    err.print("The privacy gate was not passed:", markup=False)
    for reason in privacy["reasons"]:
        err.print(f"  {reason}", markup=False)
    if privacy["override"]:
        err.print(f"It is overridden: {privacy['override']} The cards say so.", markup=False)
    else:
        err.print(
            "The cards say so, and `mammo-synth release publish` will refuse this release.",
            markup=False,
        )
