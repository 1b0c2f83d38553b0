"""A contact sheet: films with the outlines of breast and crop, and beside each what became of
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path
from mammo_synth.films.audit.look import Look
from mammo_synth.films.breast import Breast, Pixels, find_breast
from mammo_synth.films.geometry import crop_box, prepare_pixels, to_eight_bits
from mammo_synth.films.record import Source
from mammo_synth.progress import SILENT, Progress

TILE = 256
COLUMNS = 4
MOST = 24
OUTLINE, CROP, TEXT = (255, 80, 60), (80, 220, 80), (255, 220, 80)


def outlined(pixels: Pixels, breast: Breast, side: int = TILE) -> Image.Image:
    """A film ``[H, W]``, at most ``side`` px, with its breast's outline (red) and crop (green)."""
    height, width = pixels.shape
    scale = side / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    # The whole range of grey: borders and plates that were left out must be seen.
    grey = to_eight_bits(pixels, float(pixels.min()), max(1.0, float(pixels.max())))
    small = Image.fromarray(grey).resize(shape, Image.Resampling.BOX)
    rows, columns = breast.mask.shape
    covered = (0.0, 0.0, width / breast.step, height / breast.step)
    box = (0.0, 0.0, min(covered[2], columns), min(covered[3], rows))
    mask = np.asarray(
        Image.fromarray(breast.mask.astype(np.uint8)).resize(
            shape, Image.Resampling.NEAREST, box=box
        ),
        dtype=bool,
    )
    colours: npt.NDArray[np.uint8] = np.repeat(np.asarray(small)[:, :, None], 3, axis=2)
    colours[mask & ~ndimage.binary_erosion(mask)] = OUTLINE
    drawn = Image.fromarray(colours)
    left, top, right, bottom = (edge * scale for edge in crop_box(breast, width, height))
    frame = (left, top, max(left, right - 1), max(top, bottom - 1))
    ImageDraw.Draw(drawn).rectangle(frame, outline=CROP)
    return drawn


def draw_sheet(
    source: Source,
    looks: Sequence[Look],
    *,
    frame: str = "breast",
    most: int = MOST,
    progress: Progress = SILENT,
) -> Image.Image:
    """At most ``most`` of the usable films of ``looks``, evenly over all of them.

    Raises:
        BadInput: None of the films can be used.
    """
    usable = [look for look in looks if not look.problem]
    if not usable:
        raise BadInput("No film can be drawn: none can be used.", hint="See the page: --page FILE.")
    step = max(1, -(-len(usable) // most))
    chosen = {look.image_id for look in usable[::step]}
    records = [record for record in source.list().records if record.image_id in chosen]
    lines = -(-len(records) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * 2 * (TILE + 4), lines * (TILE + 20)))
    draw = ImageDraw.Draw(sheet)
    progress.start("pictures", len(records))
    for number, record in enumerate(records):
        pixels = source.read(record).pixels
        breast = find_breast(pixels)
        prepared, _ = prepare_pixels(pixels, TILE, frame, breast)
        x = number % COLUMNS * 2 * (TILE + 4)
        y = number // COLUMNS * (TILE + 20)
        sheet.paste(outlined(pixels, breast), (x, y + 14))
        sheet.paste(Image.fromarray(prepared), (x + TILE + 2, y + 14))
        draw.text((x + 2, y + 1), f"{record.image_id}  {record.finding}", fill=TEXT)
        progress.advance()
    progress.finish()
    return sheet


def write_sheet(
    source: Source,
    looks: Sequence[Look],
    path: Path,
    *,
    frame: str = "breast",
    progress: Progress = SILENT,
) -> None:
    """`draw_sheet` as a PNG file."""
    sheet = draw_sheet(source, looks, frame=frame, progress=progress)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")
