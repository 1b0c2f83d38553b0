"""Presets against the published table, checks, options."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.gan.figures import grid
from mammo_synth.gan.settings import (
    PRESETS,
    check,
    first_difference,
    network_from_json,
    override,
    preset,
    to_json,
)
from tests.gan.gan_golden import FOLDER

TABLE = [
    row
    for row in json.loads((FOLDER / "cfg_table.json").read_text())
    if row["cfg"] == "auto" and row["gpus"] == 1 and row["res"] >= 64
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row["res"]))
def test_film_presets_equal_the_published_rules(row):
    s = preset(f"film-{row['res']}", row["res"])
    ours = {
        "batch_size": s.batch,
        "mbstd": s.network.mbstd_group,
        "channel_base": s.network.channel_base,
        "channel_max": s.network.channel_max,
        "map_layers": s.network.mapping_layers,
        "lr": s.learning_rate,
        "r1_gamma": pytest.approx(s.gamma),
        "ema_kimg": s.ema_kimg,
        "ema_rampup": s.ema_rampup,
        "total_kimg": s.kimg,
        "ada_target": s.ada_target,
        "pl_weight": s.pl_weight,
        "style_mixing_prob": s.style_mixing,
        "D_architecture": s.network.d_architecture,
        "conv_clamp": s.network.conv_clamp,
    }
    assert ours == {key: row[key] for key in ours}
    assert s.augment == "film" and not s.mirror and s.network.image_channels == 1


def test_every_preset_passes_its_own_check():
    for name in PRESETS:
        size = 64 if name == "demo" else int(name.removeprefix("film-"))
        assert check(preset(name, size)).preset == name
    assert preset("auto", 128) == preset("film-128", 128)


def test_what_follows_from_the_batch_follows_it():
    s = override(preset("film-256", 256), run={"batch": 32}, network={"channel_max": 128})
    assert s.gamma == pytest.approx(0.4096) and s.ema_kimg == 10.0
    assert s.network.channel_max == 128
    assert override(s, run={"batch": 16, "gamma": 3.0}, network={}).gamma == 3.0


@pytest.mark.parametrize(
    ("name", "size", "word"),
    [
        ("film-128", 64, "128 px"),
        ("flim-64", 64, "film-64"),
        ("demo", 60, "power of two"),
        ("demo", 4, "power of two"),
        ("demo", 0, "power of two"),
        ("auto", 2048, "power of two"),
    ],
)
def test_unknown_or_unfit_presets_are_refused(name, size, word):
    with pytest.raises(BadInput) as refusal:
        preset(name, size)
    assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kimg": 0.0}, "kimg"),
        ({"kimg": float("nan")}, "kimg"),
        ({"learning_rate": -1.0}, "learning-rate"),
        ({"batch": 0}, "batch"),
        ({"batch": 6}, "--batch 4"),
        ({"augment": "flim"}, "film"),
        ({"gamma": -1.0}, "gamma"),
        ({"ada_start": 0.9}, "ADA"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, word):
    with pytest.raises(BadInput) as refusal:
        check(replace(preset("demo", 64), **change))
    assert word in str(refusal.value)


def test_too_few_channels_are_refused():
    s = preset("demo", 64)
    with pytest.raises(BadInput, match="no feature map"):
        check(replace(s, network=replace(s.network, channel_base=32)))


def test_settings_round_trip_and_differences_are_named():
    s = preset("film-64", 64)
    text = json.loads(json.dumps(to_json(s)))
    assert network_from_json(text["network"]) == s.network
    assert first_difference(text, text) is None
    longer = json.loads(json.dumps(to_json(replace(s, kimg=1.0))))
    assert first_difference(text, longer) is None
    wider = replace(s, network=replace(s.network, w_dim=64))
    assert first_difference(text, to_json(wider)) == "network.w_dim is 64 now and was 512"


def test_grid_places_images_row_by_row():
    images = np.stack([np.full((3, 4), k, np.uint8) for k in range(5)])
    sheet = grid(images, columns=3)
    assert sheet.shape == (3 * 2 + 2, 4 * 3 + 2 * 2)
    assert sheet[0, 0] == 0 and sheet[0, 6] == 1 and sheet[5, 6] == 4 and sheet[5, 12] == 128
