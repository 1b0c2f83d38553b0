"""``mammo-synth generator``: train, look at and sample generators. One module per command."""

from __future__ import annotations

import typer

from .explore import interpolate, mix, sweep
from .importing import import_command
from .info import info
from .project import project
from .sample import sample
from .setting_options import GroupedCommand
from .train import train

app = typer.Typer(
    help="Train generators of synthetic films and draw images from them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command(
    epilog="Example: mammo-synth generator train prepared --label cancer --out runs/cancer "
    "--preset demo",
    cls=GroupedCommand,
)(train)
app.command(
    "import",
    epilog="Example: mammo-synth generator import cancer_generator.pkl --ema-only --label cancer "
    "--out cancer.safetensors",
)(import_command)
app.command(epilog="Example: mammo-synth generator info runs/cancer/generator.safetensors")(info)
app.command(
    epilog="Example: mammo-synth generator sample runs/cancer --seeds 0-9999 --out pool-cancer "
    "--format parquet"
)(sample)
app.command(
    epilog="Example: mammo-synth generator mix runs/cancer --rows 0-3 --columns 10-14 "
    "--layers 0-3 --out mix.png"
)(mix)
app.command(epilog="Example: mammo-synth generator sweep runs/cancer --seeds 0-3 --out sweep.png")(
    sweep
)
app.command(
    epilog="Example: mammo-synth generator interpolate runs/cancer --seeds 0,7,3 --space z "
    "--out way.png --gif way.gif"
)(interpolate)
app.command(epilog="Example: mammo-synth generator project runs/cancer film.png --out projected")(
    project
)
