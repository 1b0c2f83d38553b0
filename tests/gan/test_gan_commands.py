"""The generator commands, from a prepared set to a pool."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mammo_synth.cli.generator import app
from mammo_synth.errors import BadInput
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.gan.sample import load_generator

SMALL = ("--kimg", "0.032", "--batch", "4", "--channel-base", "64", "--channel-max", "8")


def call(*arguments: str | Path, fails: str | None = None) -> str:
    """Run a command; ``fails``: words of the BadInput that it must end with."""
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if fails is not None:
        assert isinstance(done.exception, BadInput), (done.output, done.exception)
        assert fails in str(done.exception)
    elif done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture(scope="module")
def trained(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "run"
    done = call(
        *("train", prepared_set.folder, "--label", "cancer", "--out", folder),
        *("--preset", "demo", "--threads", "1", "--device", "cpu", *SMALL),
    )
    assert "is finished (0.032 kimg)" in done
    return folder


def test_training_again_is_skipped(trained, prepared_set):
    done = call(
        *("train", prepared_set.folder, "--label", "cancer", "--out", trained, "--json"),
        *("--preset", "demo", "--threads", "1", "--device", "cpu", *SMALL),
    )
    facts = json.loads(done)
    assert facts["skipped"] and facts["kimg"] == 0.032 and len(facts["sha256"]) == 64


def test_dry_run_writes_its_plan_alone(prepared_set, tmp_path):
    arguments = ("train", prepared_set.folder, "--label", "normal", "--out", tmp_path / "x")
    shown = call(*arguments, "--dry-run", "--gamma", "7", "--mirror", "--preset", "demo")
    assert "dry run" in shown and "7.0" in shown
    plan = json.loads(call(*arguments, "--dry-run", "--json", "--preset", "demo", "--kimg", "3"))
    assert plan["settings"]["kimg"] == 3 and plan["films"] > 2 and plan["dry_run"]
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["plan.json"]
    assert json.loads((tmp_path / "x" / "plan.json").read_text()) | {"dry_run": True} == plan
    assert plan["updates"] == 750 and plan["precision"] == "fp32" and plan["processes"] == 1
    nowhere = json.loads(call("train", prepared_set.folder, "--conditional", "--dry-run", "--json"))
    assert nowhere["out"] is None and nowhere["films_of"].keys() == {"normal", "cancer"}
    assert nowhere["settings"]["network"]["c_dim"] == 2
    assert nowhere["precision"].startswith("fp32 (the preset's fp16 is for accelerators")
    assert nowhere["generator_parameters"] > nowhere["settings"]["network"]["z_dim"] ** 2


def test_one_process_trains_as_several_would(prepared_set):
    arguments = ("train", prepared_set.folder, "--label", "normal", "--dry-run", "--json")
    plan = json.loads(call(*arguments, "--preset", "auto", "--gpus", "8", "--precision", "bf16"))
    assert plan["settings"]["batch"] == 64 and plan["settings"]["gamma"] == pytest.approx(0.0032)
    assert plan["processes"] == 1 and plan["images_at_once"] == 8 and plan["precision"] == "bf16"


def test_conditional_run_draws_either_label(prepared_set, tmp_path):
    out = tmp_path / "both"
    call(
        *("train", prepared_set.folder, "--conditional", "--out", out, "--preset", "demo"),
        *("--threads", "1", "--device", "cpu", "--measure", "none", *SMALL),
    )
    facts = json.loads(call("info", out, "--json"))
    assert facts["label"] == "both" and facts["training"]["network"]["c_dim"] == 2
    generator = load_generator(out)
    assert json.loads(generator.metadata["classes"]) == ["normal", "cancer"]


def test_help_groups_the_options():
    shown = call("train", "--help")
    for heading in ("Arguments:", "Options:", "Objective and learning:", "Augmentation:"):
        assert heading in shown
    for option in ("--freeze-d", "--subset", "--ada-kimg", "--mapping-layers", "--precision"):
        assert option in shown


def test_info_names_label_films_and_settings(trained, prepared_set):
    facts = json.loads(call("info", trained, "--json"))
    assert facts["label"] == "cancer" and facts["resolution"] == 32
    assert facts["prepared_manifest"] == prepared_set.manifest.sha256
    assert facts["training"]["network"]["channel_max"] == 8
    assert "cancer" in call("info", trained / "generator.safetensors")


def test_one_generator_may_learn_both_labels_without_telling_them_apart(prepared_set, tmp_path):
    train = ("train", prepared_set.folder, "--label", "both", "--preset", "demo", "--dry-run")
    plan = json.loads(call(*train, "--json"))
    assert plan["label"] == "both" and set(plan["films_of"]) == {"cancer", "normal"}
    assert plan["films"] == sum(plan["films_of"].values())
    assert plan["settings"]["network"]["c_dim"] == 0


def test_sampling_writes_one_file_per_seed(trained, tmp_path):
    done = call("sample", trained, "--seeds", "0-2,7", "--out", tmp_path / "png", "--trunc", "0.7")
    assert "4 images drawn" in done
    names = sorted(p.name for p in (tmp_path / "png").glob("*.png"))
    assert names == ["seed00000.png", "seed00001.png", "seed00002.png", "seed00007.png"]
    more = ("sample", trained, "--seeds", "0-9", "--out", tmp_path / "png", "--trunc", "0.7")
    assert json.loads(call(*more, "--json"))["drawn"] == 6
    assert "10 were there already" in call(*more)
    call("sample", trained, "--seeds", "0", "--out", tmp_path / "png", fails="truncation 0.7")


def test_bad_input_is_named(trained, prepared_set, tmp_path):
    out = ("--out", tmp_path / "x")
    call("train", prepared_set.folder, "--label", "benign", *out, fails="no label 'benign'")
    call("train", trained, "--label", "cancer", *out, fails="prepared-set folder was expected")
    train = ("train", prepared_set.folder, "--label", "cancer", *out)
    call(*train, "--preset", "film-256", fails="256 px")
    call(*train, "--preset", "demo", "--resume", "nowhere.safetensors", fails="is not there")
    call(*train, "--preset", "demo", "--device", "tpu", fails="tpu")
    call(*train, "--preset", "demo", "--augment", "bcg", fails="bgc")
    call(*train, "--preset", "demo", "--subset", "999", fails="there are")
    call(*train, "--preset", "demo", "--conditional", fails="as well")
    call(*train, "--preset", "demo", "--gamma", "nan", "--dry-run", fails="--gamma")
    call("train", prepared_set.folder, *out, "--preset", "demo", fails="--conditional for both")
    call("train", prepared_set.folder, "--label", "normal", "--preset", "demo", fails="--out")
    call(*train, "--preset", "demo", "--out", trained / "settings.json", fails="is a file")
    call(*train, "--preset", "demo", "--out", prepared_set.folder, fails="other files")
    call("sample", trained, "--seeds", "9-0", *out, fails="backwards")
    call("info", tmp_path / "missing", fails="not there")
    assert not (tmp_path / "x").exists()
