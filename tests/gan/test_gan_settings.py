"""Presets against the published table, checks, options."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.gan.figures import grid
from mammo_synth.gan.settings import (
    FILM_RESOLUTIONS,
    PRESETS,
    TrainSettings,
    check,
    first_difference,
    network_from_json,
    override,
    preset,
    resolve_precision,
    to_json,
)
from tests.gan.gan_golden import FOLDER

TABLE = json.loads((FOLDER / "cfg_table.json").read_text())


def _ids(row: dict) -> str:
    return f"{row['cfg']}-{row['res']}-{row['gpus']}"


def _as_published(s: TrainSettings, gpus: int) -> dict:
    """Settings under the names of the published table."""
    return {
        "batch_size": s.batch,
        "batch_gpu": s.batch_gpu or s.batch // gpus,
        "mbstd": s.network.mbstd_group,
        "channel_base": s.network.channel_base,
        "channel_max": s.network.channel_max,
        "map_layers": s.network.mapping_layers,
        "lr": s.learning_rate,
        "r1_gamma": pytest.approx(s.gamma, rel=1e-12),
        "ema_kimg": s.ema_kimg,
        "ema_rampup": s.ema_rampup,
        "total_kimg": s.kimg,
        "ada_target": s.ada_target,
        "pl_weight": s.pl_weight,
        "style_mixing_prob": s.style_mixing,
        "D_architecture": s.network.d_architecture,
        "num_fp16_res": s.low_precision_resolutions if s.precision == "fp16" else 0,
        "conv_clamp": s.network.conv_clamp,
    }


@pytest.mark.parametrize("row", TABLE, ids=_ids)
def test_presets_equal_the_published_table(row):
    s = preset(row["cfg"], row["res"], row["gpus"])
    assert check(s, row["gpus"]) == s
    assert _as_published(s, row["gpus"]) == {
        key: value for key, value in row.items() if key not in ("cfg", "res", "gpus", "desc")
    }
    assert s.preset == row["cfg"] and s.augment == "bgc" and s.network.image_channels == 1


@pytest.mark.parametrize(
    "row", [r for r in TABLE if r["cfg"] == "auto" and r["res"] in FILM_RESOLUTIONS], ids=_ids
)
def test_film_presets_differ_from_auto_by_augmentation_and_patience_alone(row):
    name = f"film-{row['res']}"
    s, auto = (preset(n, row["res"], row["gpus"]) for n in (name, "auto"))
    assert s == replace(auto, preset=name, augment="film", patience_kimg=2000.0)
    assert not s.mirror


def test_every_preset_passes_its_own_check():
    sizes = {"demo": 64, "film": 8, "auto": 16, "paper256": 256, "paper512": 512, "cifar": 32}
    for name in PRESETS:
        size = sizes.get(name, 1024)
        if name.startswith("film-"):
            size = int(name.removeprefix("film-"))
        s = preset(name, size)
        assert check(s).preset == (f"film-{size}" if name == "film" else name)
    assert preset("film", 128) == preset("film-128", 128)


def test_a_processor_computes_in_32_bits_unless_asked():
    s = preset("film-64", 64)
    assert s.precision == "fp16" and resolve_precision(s, "cuda") == s
    assert resolve_precision(s, "cpu") == replace(s, precision="fp32")


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
        ("film", 2048, "power of two"),
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
        ({"d_learning_rate": 0.0}, "--d-learning-rate"),
        ({"ema_rampup": float("inf")}, "ema_rampup"),
        ({"pl_weight": -1.0}, "pl_weight"),
        ({"style_mixing": 1.5}, "style_mixing"),
        ({"augment_p": 1.1}, "augment_p"),
        ({"ada_target": 2.0}, "ada_target"),
        ({"ada_max": 21.8}, "ADA"),
        ({"subset": 1}, "subset"),
        ({"freeze_d": 5}, "4 resolutions"),
        ({"conditional": True}, "conditional"),
        ({"precision": "fp61"}, "fp16"),
        ({"measure": "textur"}, "texture"),
        ({"patience_kimg": 0.0}, "--patience-kimg"),
        ({"keep_snapshots": -1}, "keep_snapshots"),
        ({"batch": 16, "batch_gpu": 6}, "--batch-gpu"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, word):
    with pytest.raises(BadInput) as refusal:
        check(replace(preset("demo", 64), **change))
    assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"g_architecture": "skp"}, "skip"),
        ({"mapping_layers": 0}, "mapping_layers"),
        ({"conv_clamp": 0.0}, "conv_clamp"),
        ({"c_dim": 2}, "not conditional"),
    ],
)
def test_networks_that_cannot_work_are_refused(change, word):
    s = preset("demo", 64)
    with pytest.raises(BadInput) as refusal:
        check(replace(s, network=replace(s.network, **change)))
    assert word in str(refusal.value)


def test_a_batch_is_dealt_out_in_whole_groups():
    s = replace(preset("demo", 64), batch=16)
    assert check(s, 4) == s and check(replace(s, batch_gpu=4), 2)
    with pytest.raises(BadInput, match="8 processes in groups of 4") as refusal:
        check(s, 8)
    assert "--batch 32" in str(refusal.value)
    with pytest.raises(BadInput, match="gpus is 0"):
        preset("auto", 64, 0)


def test_a_conditional_run_gets_its_label_input():
    s = override(preset("demo", 64), run={"conditional": True}, network={})
    assert check(s).network.c_dim == 2


def test_band_filters_on_tiny_images_are_refused():
    with pytest.raises(BadInput, match="needs images of 32 px; these have 16"):
        check(replace(preset("demo", 16), augment="bgcf"))


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
    earlier = {k: v for k, v in text.items() if k not in ("precision", "freeze_d", "compile")}
    assert first_difference(earlier, {**text, "precision": "fp32"}) is None
    assert first_difference(earlier, {**text, "freeze_d": 2}) == "freeze_d is 2 now and was 0"
    wider = replace(s, network=replace(s.network, w_dim=64))
    assert first_difference(text, to_json(wider)) == "network.w_dim is 64 now and was 512"


def test_grid_places_images_row_by_row():
    images = np.stack([np.full((3, 4), k, np.uint8) for k in range(5)])
    sheet = grid(images, columns=3)
    assert sheet.shape == (3 * 2 + 2, 4 * 3 + 2 * 2)
    assert sheet[0, 0] == 0 and sheet[0, 6] == 1 and sheet[5, 6] == 4 and sheet[5, 12] == 128
