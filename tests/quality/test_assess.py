"""Whole quality reports: of pools and of a release, stopped and gone on with, with copies."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.cli.main import main
from mammo_synth.configurations import CANCER, NORMAL
from mammo_synth.errors import BadInput
from mammo_synth.files import write_json
from mammo_synth.manifest import MANIFEST_NAME, check_folder, verify_chain
from mammo_synth.quality.assess import AssessSettings, Tools, assess, check_together
from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.films import HELD_OUT, TRAINING, Learned, films_of, generator_file, learned
from mammo_synth.quality.measures import MEASURES
from mammo_synth.quality.pools import open_pools
from mammo_synth.quality.report import QualityReport, check_content
from tests.conftest import Run, assert_friendly

from .pool_files import again, plant, tiny_pool

FEW = AssessSettings(("frechet", "coverage", "exposure"), resamples=2)


def pixels(**more: object) -> Tools:
    return Tools((make_extractor("pixels"),), device="cpu", **more)


@pytest.fixture()
def here(capsys):
    """Run a command in this process: a tenth of the time."""

    def call(*arguments: object) -> Run:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        said = capsys.readouterr()
        return Run(int(ended.value.code or 0), said.out, said.err)

    return call


def both(folder: Path) -> dict:
    return open_pools([folder / "cancer", folder / "normal"])


@pytest.fixture(scope="module")
def whole(tiny_pools, prepared_set, tmp_path_factory) -> QualityReport:
    """A report with all measures; do not write to it."""
    out = tmp_path_factory.mktemp("whole") / "quality"
    tools = Tools((make_extractor("radiomics"), make_extractor("pixels")), device="cpu")
    return assess(both(tiny_pools), prepared_set, out, AssessSettings(resamples=2), tools)


def test_a_report_holds_every_measure_for_every_label_with_its_floor(whole):
    found = {
        (row["label"], row["name"], row["extractor"]): row for row in whole.content["measures"]
    }
    expected = {
        (label, name, extractor)
        for label in ("pooled", "cancer", "normal")
        for name, measure in MEASURES.items()
        for extractor in (("radiomics", "pixels") if measure.on == "features" else (None,))
    }
    assert set(found) == expected
    for row in found.values():
        assert row["reason"] or (row["interval"] and row["floor"]), row
        assert row["films"] and row["images"]
    assert found["pooled", "frechet", "pixels"]["floor"]["splits"] == 2
    assert found["pooled", "frechet", "pixels"]["held_out"]["films"] > 0


def test_pooled_images_have_the_films_proportions(whole, prepared_set):
    row = next(r for r in whole.content["measures"] if r["label"] == "pooled")
    cancer, normal = (prepared_set.count("train", label) for label in (CANCER, NORMAL))
    assert row["films"] == cancer + normal
    assert row["images"] == round(40 / normal * cancer) + 40


def test_a_report_says_what_was_compared(whole, tiny_pools, prepared_set):
    content = whole.content
    assert content["prepared_manifest"] == prepared_set.manifest.sha256
    for value, label in ((CANCER, "cancer"), (NORMAL, "normal")):
        said = content["pools"][label]
        assert (said["seeds"], said["images"], said["truncation"]) == ("0-39", 40, 1.0)
        assert said["learned_from"] == "these films"
        counts = content["films"][label]
        assert counts["train"]["films"] == prepared_set.count("train", value)
        held = sum(prepared_set.count(role, value) for role in ("val", "real_test"))
        assert counts["held_out"]["films"] == held
        privacy = content["privacy"][label]
        assert privacy["images"] == {
            "synthetic": 40, "training": counts["train"]["films"], "held_out": held,
        }  # fmt: skip
        assert {"pattern", "radiomics", "pixels"} <= set(privacy["membership"])
        assert all("seed" in pair for pair in privacy["closest"])
    assert content["remarks"] == []


def test_numbers_are_those_of_the_measures(whole, tiny_pools, prepared_set):
    """One number by hand: exposure, from the images themselves."""
    pool = open_pools([tiny_pools / "cancer"])["cancer"]
    films = prepared_set.images("train", CANCER)[0]
    measure = MEASURES["exposure"]
    expected = measure.value(measure.rows(films), measure.rows(pool.images[:]))
    row = next(
        row for row in whole.content["measures"]
        if (row["label"], row["name"]) == ("cancer", "exposure")
    )  # fmt: skip
    assert row["value"] == pytest.approx(expected, rel=1e-5)
    curves = whole.content["curves"]["cancer"]
    histogram = measure.rows(films).mean(axis=0).reshape(64, 4).sum(axis=1)
    np.testing.assert_allclose(curves["histogram"]["films"], histogram, atol=1e-6)
    assert len(curves["spectrum"]["frequency"]) == len(curves["spectrum"]["held_out"]) == 16
    assert curves["distances"]["pixels"]["synthetic"] == sorted(
        curves["distances"]["pixels"]["synthetic"]
    )


def test_a_report_is_a_sound_folder_that_leads_back_to_the_films(whole):
    assert check_folder(whole.folder) == []
    kinds = {link.kind for link in verify_chain(whole.folder)}
    assert kinds >= {"quality-report", "prepared-set", "pool", "generator-run"}
    assert not any(link.problems for link in verify_chain(whole.folder))
    names = {path.name for path in (whole.folder / "montages").iterdir()}
    kept = ("random", "realism", "neighbours", "pairs", "truncation", "interpolation")
    assert names == {f"{label}-{name}.png" for label in ("cancer", "normal") for name in kept}
    assert {Path(one["file"]).name for one in whole.content["montages"]} == names
    page = (whole.folder / "report.html").read_text()
    assert "never for diagnosis" in page.lower()
    assert page.count("data:image/png;base64,") >= len(names)
    assert not list(whole.folder.glob(".*"))


def test_a_second_run_finds_the_report_and_other_settings_need_replace(
    tiny_pools, prepared_set, tmp_path
):
    out = tmp_path / "quality"
    first = assess(both(tiny_pools), prepared_set, out, FEW, pixels())
    before = (out / MANIFEST_NAME).stat().st_mtime_ns
    assert assess(both(tiny_pools), prepared_set, out, FEW, pixels()).content == first.content
    assert (out / MANIFEST_NAME).stat().st_mtime_ns == before
    other = replace(FEW, seed=1)
    with pytest.raises(BadInput, match="already holds a result"):
        assess(both(tiny_pools), prepared_set, out, other, pixels())
    second = assess(both(tiny_pools), prepared_set, out, other, pixels(), replace=True)
    assert second.manifest.seed == 1


class Stopped(KeyboardInterrupt):
    pass


class Stops:
    """Progress that is interrupted when a task's name begins so."""

    def __init__(self, at: str) -> None:
        self.at, self.seen = at, []

    def start(self, what: str, total: int) -> None:
        self.seen.append(what)
        if self.at and what.startswith(self.at):
            raise Stopped

    def advance(self, n: int = 1, note: str = "") -> None: ...
    def finish(self) -> None: ...
    def say(self, text: str) -> None: ...


def test_a_stopped_assessment_goes_on_and_ends_the_same(
    tiny_pools, prepared_set, tmp_path, monkeypatch
):
    pools = both(tiny_pools)
    expected = assess(pools, prepared_set, tmp_path / "x" / "quality", FEW, pixels())
    out = tmp_path / "y" / "quality"
    for at in ("features: spectra", "measures", "shortcuts", "aligned", "montages"):
        with pytest.raises(Stopped):
            assess(pools, prepared_set, out, FEW, pixels(), progress=Stops(at))
        assert not out.exists()
    # What was finished is read: nothing of it is made again.
    monkeypatch.setattr("mammo_synth.quality.pictures.privacy_of", None)
    monkeypatch.setattr("mammo_synth.quality.fidelity.measured", None)
    monkeypatch.setattr(type(make_extractor("pixels")), "__call__", None)
    found = assess(pools, prepared_set, out, FEW, pixels())
    assert found.manifest.files == expected.manifest.files


def test_a_cache_outlives_the_report(tiny_pools, prepared_set, tmp_path, monkeypatch):
    tools = pixels(cache=tmp_path / "features")
    assess(both(tiny_pools), prepared_set, tmp_path / "a", FEW, tools)
    monkeypatch.setattr(type(make_extractor("pixels")), "__call__", None)
    assess(both(tiny_pools), prepared_set, tmp_path / "b", replace(FEW, seed=3), tools)
    assert (tmp_path / "b" / "report.html").is_file()
    assert list((tmp_path / "features").rglob("*.safetensors"))


@pytest.fixture()
def copying(tiny_pools, prepared_set, tmp_path) -> Path:
    """A pool of cancer in which seed 7 gives a training film."""
    shutil.copytree(tiny_pools / "cancer", tmp_path / "copying")
    plant(tmp_path / "copying", 7, prepared_set.images("train", CANCER)[0][2])
    return tmp_path / "copying"


def test_a_planted_copy_fails_the_gate_and_is_named(copying, prepared_set, tmp_path, run):
    out = tmp_path / "quality"
    done = run(
        "pool", "assess", copying, prepared_set.folder, "--out", out, "--extractor", "pixels",
        "--measures", "frechet", "--resamples", "2", "--device", "cpu",
    )  # fmt: skip
    assert done.code == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Privacy gate: FAILED." in done.stdout
    report = QualityReport.open(out)
    assert not report.passed
    assert report.manifest.facts["passed"] is False
    assert report.reasons[0].startswith("Cancer: 1 synthetic film has the same pixels")
    first = report.content["privacy"]["cancer"]["closest"][0]
    assert (first["seed"], first["copy"]) == (7, "exact")
    assert first["film"] == prepared_set.images("train", CANCER)[1][2]
    assert any("keep the report to yourself" in said for said in report.content["remarks"])
    page = (out / "report.html").read_text()
    assert first["film"] in page
    assert "same pixels as a training film" in page


def test_one_label_is_compared_with_its_own_films_alone(tiny_pools, prepared_set, tmp_path):
    pools = open_pools([tiny_pools / "cancer"])
    report = assess(pools, prepared_set, tmp_path / "q", FEW, pixels())
    assert report.labels == ("cancer",)
    assert {row["label"] for row in report.content["measures"]} == {"cancer"}
    asked = [p for p in report.content["shortcuts"]["probes"] if p["question"] == "class"]
    assert asked
    assert all(p["reason"] for p in asked if p["of"] == "synthetic")


def test_films_are_in_the_pool_s_order_and_never_of_one_patient_on_both_sides(prepared_set):
    training, held_out = films_of(prepared_set, TRAINING), films_of(prepared_set, HELD_OUT)
    assert not set(training.patients) & set(held_out.patients)
    numbers = np.nonzero(training.labels == CANCER)[0]
    images, ids = prepared_set.images("train", CANCER)
    chosen = training.chosen(numbers)
    assert list(chosen.ids) == ids
    np.testing.assert_array_equal(chosen.images[:], images)
    left = films_of(prepared_set, TRAINING, without={training.patients[0]})
    assert len(left) < len(training)
    assert training.patients[0] not in left.patients


def test_what_a_generator_learned_from_is_its_own_account(tiny_pools, prepared_set):
    pool = open_pools([tiny_pools / "cancer"])["cancer"]
    ours, theirs = prepared_set.manifest.sha256, "0" * 64
    there = learned(pool, prepared_set, generator_file(pool))
    assert there == Learned("these films", ("cancer",))
    for said, expected in (
        ({"prepared_set": ours, "label": "both"}, ("these films", ("normal", "cancer"))),
        ({"prepared_set": theirs, "label": "cancer"}, ("other films", ("cancer",))),
        (
            {
                "prepared_set": ours,
                "label": "cancer",
                "before": [{"prepared_manifest": ours, "label": "both"}],
            },
            ("these films", ("normal", "cancer")),
        ),
        (
            {
                "prepared_set": theirs,
                "label": "cancer",
                "before": [{"prepared_manifest": ours, "label": "normal"}],
            },
            ("these films", ("normal", "cancer")),
        ),
    ):
        found = learned(replace(pool, described_generator=said), prepared_set)
        assert (found.films, found.labels) == expected
    assert learned(pool, prepared_set) == Learned("unknown", ("cancer",))


def test_a_release_is_assessed_whole_and_is_no_input_of_its_report(
    small_release, prepared_set, tmp_path
):
    pools = open_pools([small_release.folder])
    report = assess(pools, prepared_set, tmp_path / "q", FEW, pixels())
    content = report.content
    assert set(report.labels) == {"normal", "cancer"}
    assert all(one["learned_from"] == "these films" for one in content["pools"].values())
    assert {i.kind for i in report.manifest.inputs} <= {"prepared-set", "file"}
    # The stand-in files are no generators: what they would draw is said to be missing.
    assert sum("truncation" in sentence for sentence in content["remarks"]) == 2
    settings = report.manifest.settings["pools"]
    assert all(set(one) >= {"seeds", "content"} for one in settings.values())


def test_a_generator_that_is_gone_is_said(tiny_runs, prepared_set, tmp_path):
    run = shutil.copytree(tiny_runs / "cancer", tmp_path / "run")
    pool = tiny_pool(run, tmp_path / "pool", range(12))
    kept = shutil.move(run / "generator.safetensors", tmp_path / "kept.safetensors")
    pools = open_pools([pool])
    report = assess(pools, prepared_set, tmp_path / "a", FEW, pixels())
    assert report.content["pools"]["cancer"]["learned_from"] == "unknown"
    assert any("not known" in sentence for sentence in report.content["remarks"])
    assert any("--generator" in sentence for sentence in report.content["remarks"])
    tools = pixels(generators={"cancer": Path(kept)})
    again_there = assess(pools, prepared_set, tmp_path / "b", FEW, tools)
    assert len(again_there.content["montages"]) == len(report.content["montages"]) + 2
    assert again_there.content["pools"]["cancer"]["learned_from"] == "these films"


def test_a_discriminator_is_asked_which_films_it_knows(
    tiny_runs, tiny_pools, prepared_set, tmp_path
):
    tools = pixels(discriminators={"cancer": tiny_runs / "cancer" / "checkpoint.safetensors"})
    report = assess(open_pools([tiny_pools / "cancer"]), prepared_set, tmp_path / "q", FEW, tools)
    found = report.content["privacy"]["cancer"]["membership"]["discriminator"]
    assert 0 <= found["low"] <= found["auroc"] <= found["high"] <= 1


def test_too_few_images_stand_without_interval(tiny_runs, prepared_set, tmp_path):
    pool = tiny_pool(tiny_runs / "cancer", tmp_path / "pool", range(5))
    report = assess(open_pools([pool]), prepared_set, tmp_path / "q", FEW, pixels())
    for row in report.content["measures"]:
        assert row["value"] is not None
        assert row["interval"] is None
        assert "5 synthetic images" in row["reason"]
    assert report.content["card"] == []


def test_the_real_side_is_withheld_where_the_terms_say_so(tiny_pools, prepared_set, tmp_path):
    assert not prepared_set.terms["redistributable"]
    report = assess(
        open_pools([tiny_pools / "cancer"]), prepared_set, tmp_path / "q", FEW, pixels()
    )
    texts = {one["name"]: one["text"] for one in report.content["montages"]}
    assert "withheld" in texts["cancer-pairs"]
    assert "withheld" in texts["cancer-neighbours"]


def test_pools_and_films_that_do_not_fit_are_refused(tiny_pools, prepared_set, tmp_path):
    pool = tmp_path / "pool"
    shutil.copytree(tiny_pools / "cancer", pool)
    again(pool, resolution=64)
    with pytest.raises(BadInput, match="are 64 px, the prepared films 32 px"):
        check_together(open_pools([pool]), prepared_set, {})
    release = replace(open_pools([tiny_pools / "cancer"])["cancer"], prepared_manifest="0" * 64)
    with pytest.raises(BadInput, match="not from the prepared set"):
        check_together({"cancer": release}, prepared_set, {})


def test_an_image_that_cannot_be_read_leaves_nothing_behind(tiny_pools, prepared_set, tmp_path):
    pool = shutil.copytree(tiny_pools / "cancer", tmp_path / "pool")
    (pool / "seed00003.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match="Image 3 is no PNG"):
        assess(open_pools([pool]), prepared_set, tmp_path / "q", FEW, pixels())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pool"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--measures", "frechte"), ("no measure 'frechte'", "Did you mean 'frechet'")),
        (("--resamples", "1"), ("1 resamples",)),
        (("--extractor", "inceptoin"), ("no extractor 'inceptoin'", "inception")),
        (("--extractor", "inception"), ("needs its weights",)),
        (("--weights", "x"), ("NAME=FILE",)),
        (("--weights", "inception=x.pth"), ("was not asked for", "--extractor inception")),
        (("--generator", "nothing"), ("nothing",)),
        (("--discriminator", "nothing"), ("nothing",)),
        (("--also", "nothing"), ("no folder 'nothing'",)),
    ],
)
def test_wrong_options_are_one_clear_error(here, tiny_pools, prepared_set, tmp_path, more, words):
    pool = tiny_pools / "cancer"
    done = here("pool", "assess", pool, prepared_set.folder, "--out", tmp_path / "q", *more)
    assert_friendly(done, *words)
    assert not list(tmp_path.iterdir())


def test_a_generator_of_another_pool_is_refused(
    here, tiny_pools, tiny_runs, prepared_set, tmp_path
):
    for option in ("--generator", "--discriminator"):
        done = here(
            "pool", "assess", tiny_pools / "cancer", prepared_set.folder,
            "--out", tmp_path / "q", option, tiny_runs / "normal",
        )  # fmt: skip
        assert_friendly(done, "is not what the images were sampled from")


def test_a_dry_run_says_what_would_be_compared_and_writes_nothing(
    here, tiny_pools, prepared_set, tmp_path
):
    done = here(
        "pool", "assess", tiny_pools / "cancer", prepared_set.folder,
        "--also", tiny_pools / "normal", "--out", tmp_path / "q", "--dry-run",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "40 synthetic normal images of 32 px" in done.stdout
    assert "Nothing was written" in done.stdout
    assert not list(tmp_path.iterdir())


def test_json_on_stdout_and_progress_on_stderr(here, tiny_pools, prepared_set, tmp_path):
    done = here(
        "pool", "assess", tiny_pools / "cancer", prepared_set.folder, "--out", tmp_path / "q",
        "--extractor", "pixels", "--measures", "frechet,exposure", "--resamples", "2", "--json",
        "--device", "cpu",
    )  # fmt: skip
    assert done.code in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["passed"] is (done.code == 0)
    assert {row["name"] for row in found["card"]} == {"frechet", "exposure"}
    assert "features: pixels" in done.stderr


def test_an_edited_report_is_found(whole, tmp_path):
    folder = shutil.copytree(whole.folder, tmp_path / "q")
    content = json.loads((folder / "report.json").read_text())
    content["verdict"]["passed"] = True
    content["card"] = []
    check_content(content, "it")
    write_json(folder / "report.json", content)
    with pytest.raises(BadInput, match="sha256 differs"):
        QualityReport.open(folder)
