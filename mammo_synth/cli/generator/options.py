"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
GeneratorPath = Annotated[
    Path, typer.Argument(help="Generator file, its run folder, or phantom-cancer / -normal.")
]
Truncation = Annotated[
    float, typer.Option("--trunc", help="Truncation psi: 1 none, towards 0 the mean image.")
]
Cutoff = Annotated[
    int | None, typer.Option("--trunc-cutoff", help="Truncate only the first so many layers.")
]
ClassName = Annotated[
    str | None,
    typer.Option("--class", help="cancer or normal, for a conditional generator only."),
]
Precision = Annotated[str, typer.Option(help="fp32, bf16 or fp16 (the four highest resolutions).")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processor threads; default: all cores.")
]
