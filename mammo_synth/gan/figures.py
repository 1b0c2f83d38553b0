"""Grids of images, and how the images of a run changed."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mammo_synth.files import write_bytes
from mammo_synth.png import decode_png, encode_png

GAP = 2  # px between images
STRIP_SEEDS, STRIP_COLUMNS = 6, 10
STRIP_IMAGE, FRAME_SIDE = 160, 640  # px at most, of one image of the strip and of the animation
FRAMES, FRAME_MS, LAST_FRAME_MS = 40, 250, 2000
LINE = 18  # px of height for a line of text


def grid(
    images: NDArray[np.uint8], columns: int | None = None, gap: int = GAP
) -> NDArray[np.uint8]:
    """Images ``[N, H, W]`` on one sheet, row by row, ``gap`` px of mid grey between them."""
    count, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 128, np.uint8)
    for index, image in enumerate(images):
        y, x = divmod(index, columns)
        top, left = y * (height + gap), x * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def save_grid(path: Path, images: NDArray[np.uint8], columns: int | None = None) -> None:
    """Write a grid of ``images`` as PNG, atomically."""
    write_bytes(path, encode_png(grid(images, columns)))


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``count``, evenly spread, the first and the last among
    them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def save_evolution(folder: Path, grids: Sequence[tuple[int, Path]], size: int) -> None:
    """Write ``evolution.png`` (rows are seeds, columns are kimg) and ``evolution.gif`` (the whole
    grid over time) from stored sample grids ``(kimg, path)`` of images of ``size`` px.

    Both are bounded whatever the length of the run: the strip has at most 10 columns of 160 px, the
    animation at most 40 frames of 640 px. Nothing is written before there are two grids.
    """
    if len(grids) < 2:
        return
    _save_strip(
        folder / "evolution.png", [grids[i] for i in spread(len(grids), STRIP_COLUMNS)], size
    )
    _save_animation(folder / "evolution.gif", [grids[i] for i in spread(len(grids), FRAMES)])


def _save_strip(path: Path, chosen: Sequence[tuple[int, Path]], size: int) -> None:
    side = min(size, STRIP_IMAGE)
    columns = []
    for _, file in chosen:
        sheet = decode_png(file.read_bytes())
        across = (sheet.shape[1] + GAP) // (size + GAP)
        step = size + GAP
        cells = [divmod(i, across) for i in range(STRIP_SEEDS)]
        cut = [sheet[y * step : y * step + size, x * step : x * step + size] for y, x in cells]
        columns.append([_resized(image, side) for image in cut if image.shape == (size, size)])
    rows = min(len(column) for column in columns)
    images = np.stack([column[row] for row in range(rows) for column in columns])
    body = grid(images, len(columns))
    sheet = np.full((body.shape[0] + LINE, body.shape[1]), 255, np.uint8)
    sheet[LINE:] = body
    canvas = Image.fromarray(sheet)
    for index, (kimg, _) in enumerate(chosen):
        _write(canvas, index * (side + GAP) + side // 2, f"{kimg:,}" + " kimg" * (index == 0), side)
    write_bytes(path, encode_png(np.asarray(canvas)))


def _save_animation(path: Path, chosen: Sequence[tuple[int, Path]]) -> None:
    frames = []
    for kimg, file in chosen:
        sheet = Image.fromarray(decode_png(file.read_bytes()))
        shrink = min(FRAME_SIDE / max(sheet.size), 1.0)
        width, height = (round(n * shrink) for n in sheet.size)
        frame = Image.new("L", (width, height + LINE), 255)
        frame.paste(sheet.resize((width, height), Image.Resampling.LANCZOS), (0, LINE))
        _write(frame, width // 2, f"{kimg:,} kimg", width)
        frames.append(frame)
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        optimize=False,
    )
    write_bytes(path, buffer.getvalue())


def _resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if image.shape[0] == side:
        return image
    small = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small, np.uint8)


def _write(canvas: Image.Image, centre: int, text: str, room: int) -> None:
    """``text`` in the top line, left out where it is wider than ``room`` px."""
    font = ImageFont.load_default(size=12)
    draw = ImageDraw.Draw(canvas)
    if draw.textlength(text, font=font) > room:
        text = text.removesuffix(" kimg")
    if draw.textlength(text, font=font) <= room:
        draw.text((centre, LINE // 2), text, fill=0, font=font, anchor="mm")
