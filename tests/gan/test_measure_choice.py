"""The measure that is chosen by name drives the best generator, the stop, warnings and curve."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.gan.checkpoint import read_checkpoint
from mammo_synth.gan.curve import save_curve
from mammo_synth.gan.judge import Judge, Looks
from mammo_synth.gan.measures import MEASURES, Measure, floor
from mammo_synth.gan.measures.choice import Choice, check_name, split_name
from mammo_synth.gan.monitor import Limits, findings
from mammo_synth.gan.parallel import Job, train_runs
from mammo_synth.gan.rows import Row, read_rows, with_value
from mammo_synth.gan.sample import load_generator
from mammo_synth.gan.settings import TrainSettings
from mammo_synth.gan.watch import Memory
from mammo_synth.manifest import check_folder, read_manifest
from mammo_synth.quality.extractors import EXTRACTORS, FAMILIES, make_extractor
from mammo_synth.quality.measures import MEASURES as OF_QUALITY
from mammo_synth.quality.measures import MIXED_UNITS, standardised
from tests._shared import shared_path
from tests.gan.gan_runs import ORIGIN, TINY, blobs, run, start_processes
from tests.gan.test_gan_commands import SMALL, call
from tests.gan.test_gan_watch import Listener, files_of

FRECHET = "frechet:radiomics"
SHORT = replace(TINY, kimg=0.072, snapshot_kimg=0.024, tick_kimg=0.012)
JUDGED = replace(SHORT, kimg=0.048, network=replace(TINY.network, resolution=32), measure=FRECHET)
SQUEEZENET = "data/weights/squeezenet1.1_notop_tf_dim_ordering_tf_kernels.h5"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run that frechet:radiomics judged."""
    folder = tmp_path_factory.mktemp("judged")
    run(folder, JUDGED)
    return folder


def rows_of(folder: Path) -> list[Row]:
    return read_rows(folder / "stats.jsonl")


def memory_of(folder: Path) -> dict:
    return json.loads(read_checkpoint(folder / "checkpoint.safetensors").metadata["watch"])


def script(monkeypatch: pytest.MonkeyPatch, values: list[float], **more: object) -> None:
    """A measure in place of texture: these values, one for each snapshot; 1 between films."""
    left = iter([1.0, *values])
    fake = Measure(
        "texture", "scripted", MEASURES["texture"].features, lambda real, fake: next(left), **more
    )
    monkeypatch.setitem(MEASURES, "texture", fake)


# Names


def test_names_are_cut_at_the_first_colon():
    assert split_name("frechet:keras:ResNet50") == ("frechet", "keras:ResNet50")
    assert split_name("texture") == ("texture", None) and split_name("kid:") == ("kid", "")


@pytest.mark.parametrize("name", ["texture", "none", *OF_QUALITY])
def test_every_measure_can_be_chosen_and_keeps_its_direction(name):
    takes = name in OF_QUALITY and OF_QUALITY[name].on == "features"
    full = f"{name}:pixels" if takes else name
    check_name(full)
    made = Choice(full).make()
    if name == "none":
        assert made is None
        return
    assert made.name == full and made.better == (
        OF_QUALITY[name].better if name in OF_QUALITY else "lower"
    )
    images = blobs(24, 32)
    films, fakes = made.features(images[:12]), made.features(images[12:])
    assert films.shape[0] == 12 and np.isfinite(made.distance(films, fakes))


@pytest.mark.parametrize("extractor", [*EXTRACTORS, *(f"{family}:x" for family in FAMILIES)])
def test_every_extractor_has_a_name_here(extractor):
    check_name(f"coverage:{extractor}")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("textur", "no measure 'textur'", "'texture'"),
        ("frechte:radiomics", "no measure 'frechte'", "'frechet'"),
        ("", "no measure ''", "texture, none"),
        ("frechet", "no extractor was named", "frechet:radiomics"),
        ("kid:", "no extractor was named", "keras:NAME"),
        ("spectrum:radiomics", "takes none", "Write spectrum"),
        ("texture:radiomics", "takes none", "Write texture"),
        ("none:", "takes none", "Write none"),
        ("frechet:radiomix", "no extractor 'radiomix'", "'radiomics'"),
        ("frechet:hg:x/y", "no extractor 'hg:x/y'", "hf:NAME"),
    ],
)
def test_names_that_mean_nothing_are_refused_before_training(name, message, hint, tmp_path):
    with pytest.raises(BadInput) as refusal:
        run(tmp_path / "run", replace(SHORT, measure=name))
    assert message in refusal.value.message and hint in refusal.value.hint
    assert not (tmp_path / "run").exists()


def test_weights_and_caches_go_with_an_extractor(tmp_path):
    with pytest.raises(BadInput, match="needs its weights") as refusal:
        Choice("kid:inception").make()
    assert "--measure-weights" in refusal.value.hint
    with pytest.raises(BadInput, match="no file of weights"):
        Choice("kid:squeezenet", weights=str(tmp_path / "absent.h5")).make()
    with pytest.raises(BadInput, match="has no weights") as refusal:
        Choice(FRECHET, weights="x.h5").make()
    assert refusal.value.hint == "Leave --measure-weights away."
    for choice in (Choice("texture", weights="x.h5"), Choice("spectrum", cache=tmp_path)):
        with pytest.raises(BadInput, match="has no extractor"):
            choice.make()


def test_help_names_all_measures_and_extractors():
    shown = " ".join(call("train", "--help").replace("frechet_\n", "frechet_").split())
    known = [*OF_QUALITY, *EXTRACTORS, *(f"{family}:NAME" for family in FAMILIES)]
    for name in (*MEASURES, "none", *known, "--measure-weights", "--measure-cache"):
        assert name in shown.replace("- ", "-"), name


def test_training_with_texture_does_not_enter_the_room_of_quality():
    code = (
        "import sys\nimport mammo_synth.gan.train, mammo_synth.gan.settings as s\n"
        "from mammo_synth.gan.measures.choice import Choice\n"
        "s.check(s.preset('demo', 64)); Choice('texture').make(); Choice('none').make()\n"
        "sys.exit(str([m for m in sys.modules if m.startswith('mammo_synth.quality')] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


# The measure itself


def test_features_of_mixed_units_are_compared_in_deviations_of_the_films():
    films, fakes = blobs(24, 32), blobs(48, 32)[24:] // 2
    raw = OF_QUALITY["frechet"].value
    assert "radiomics" in MIXED_UNITS
    for name in ("radiomics", "pixels"):
        made, extractor = Choice(f"frechet:{name}").make(), make_extractor(name)
        real, fake = (np.float64(extractor(images)) for images in (films, fakes))
        assert np.array_equal(made.features(films), real)
        mixed = name in MIXED_UNITS
        expected = raw(*standardised(real, fake)) if mixed else raw(real, fake)
        assert made.distance(real, fake) == expected
        assert made.facts["standardised"] is mixed
        assert made.digest == extractor.digest


def test_few_films_are_refused_and_few_halves_have_no_floor():
    images = blobs(24, 32)
    choice = Choice("density:pixels").make()
    settings = replace(JUDGED, measure=choice.name)
    with pytest.raises(BadInput, match="would look at 7 films; 8 or more") as refusal:
        Judge(images[:7], settings, choice)
    assert "--measure texture" in refusal.value.hint
    with pytest.raises(BadInput, match="look at 5 films"):
        Judge(images, replace(settings, measure_images=5), choice)
    assert Judge(images[:8], settings, choice).floor is None  # halves of 4: no fifth neighbour
    judge = Judge(images, settings, choice)
    assert judge.floor == pytest.approx(floor(choice, choice.features(images[judge.chosen])))
    with pytest.raises(BadInput, match="too little texture"):
        Judge(blobs(), replace(SHORT, measure=FRECHET), Choice(FRECHET).make())


def test_a_judge_sees_the_same_however_images_come():
    images, made = blobs(24, 32), Choice("kid:pixels").make()
    judge = Judge(images, JUDGED, made)
    verdicts = []
    for size, batch in ((5, 96), (24, 96), (7, 10)):
        looks = Looks(replace(made, batch=batch))
        for start in range(0, 24, size):
            looks.add(255 - images[start : start + size])
        verdicts.append(judge.verdict(looks))
    assert verdicts[0] == verdicts[1] == verdicts[2]
    # Inverted, what differs between films differs as much.
    assert verdicts[0].variety == pytest.approx(1, abs=1e-3) and verdicts[0].value > 0


def test_films_are_read_from_the_cache_and_generated_images_are_not_kept(tmp_path):
    images = blobs(24, 32)
    first = Judge(images, JUDGED, Choice(FRECHET, cache=tmp_path).make())
    shards = sorted(tmp_path.rglob("*.safetensors"))
    assert shards
    made = Choice(FRECHET, cache=tmp_path).make()

    def no_use(images: np.ndarray) -> np.ndarray:
        raise AssertionError("computed again")

    looks = Looks(made)
    looks.add(255 - images)
    assert first.verdict(looks).value > 0
    assert sorted(tmp_path.rglob("*.safetensors")) == shards
    extractor = type(make_extractor("radiomics"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extractor, "__call__", lambda self, images: no_use(images))
        assert Judge(images, JUDGED, made).floor == first.floor


# Direction


def test_improvement_has_a_direction():
    lower = MEASURES["texture"]
    higher = replace(lower, better="higher")
    assert lower.improves(1.0, 2.0) and not lower.improves(2.0, 1.0)
    assert higher.improves(2.0, 1.0) and not higher.improves(1.0, 2.0)
    for measure in (lower, higher):
        assert measure.improves(0.0, None) and not measure.improves(1.0, 1.0)
        assert not measure.improves(None, 1.0) and not measure.improves(None, None)


@pytest.mark.parametrize(("better", "best_kimg"), [("higher", 0.016), ("lower", 0.008)])
def test_best_and_patience_follow_the_direction(tmp_path, monkeypatch, better, best_kimg):
    script(monkeypatch, [0.2, 0.6, 0.5, 0.6, 0.4, 0.3, 0.3, 0.3], better=better)
    listener = Listener()
    patient = replace(SHORT, kimg=5.0, snapshot_kimg=0.008, patience_kimg=0.024)
    assert run(tmp_path, patient, progress=listener).kimg == pytest.approx(best_kimg + 0.024)
    assert listener.said[0].endswith(f"texture has not improved since {best_kimg:g} kimg.")
    best = load_generator(tmp_path / "best.safetensors")
    assert best.kimg == best_kimg
    assert float(best.metadata["measure_value"]) == {"higher": 0.6, "lower": 0.2}[better]
    assert memory_of(tmp_path)["best_kimg"] == best_kimg


def test_values_that_are_not_finite_are_said_and_never_best(tmp_path, monkeypatch):
    inf = float("inf")
    script(monkeypatch, [inf, 0.4, inf, 0.3, 0.3], better="higher")
    listener = Listener()
    run(tmp_path, replace(SHORT, kimg=0.096), progress=listener)
    rows = [row for row in rows_of(tmp_path) if "texture" in row]
    assert [row["texture"] for row in rows] == [None, 0.4, None, 0.3]
    warned = [text for text in listener.said if "not finite" in text]
    assert len(warned) == 2 and warned[0].startswith("Warning: At 0.024 kimg: texture")
    assert load_generator(tmp_path / "best.safetensors").kimg == 0.048
    for name in ("curve.png", "generator.safetensors"):
        assert (tmp_path / name).is_file()


def test_a_measure_that_is_never_finite_stops_the_run_and_says_so(tmp_path, monkeypatch):
    script(monkeypatch, [float("nan")] * 9, better="higher")
    listener = Listener()
    result = run(tmp_path, replace(SHORT, kimg=5.0, patience_kimg=0.048), progress=listener)
    assert result.kimg == 0.048
    assert "has not improved since 0 kimg" in listener.said[-1]
    assert not (tmp_path / "best.safetensors").exists()
    facts = read_manifest(tmp_path, "generator-run").facts
    assert facts["best"] is None and check_folder(tmp_path) == []


def diverges(values: list[float], better: str, floor: float | None, since: float = 0.0) -> bool:
    rows = [
        {"kimg": k + 1, "m": value, "floor": floor, "variety": 1.0}
        for k, value in enumerate(values)
    ]
    limits = Limits(measure="m", better=better, since=since)
    return "divergence" in [finding.name for finding in findings(rows, limits)]


def test_divergence_of_a_measure_that_is_to_rise():
    up = [0.1, 0.3, 0.5, 0.6, 0.8, 0.7]
    assert not diverges(up, "higher", 0.9)
    assert not diverges([*up, 0.3], "higher", 0.9)  # one bad snapshot
    assert diverges([*up, 0.3, 0.2], "higher", 0.9)
    assert diverges([*up, 0.3, 0.2], "higher", None)
    assert not diverges([*up, 0.3, 0.5], "higher", 0.9)
    assert diverges([*up, 0.3, 0.2], "lower", 0.01) is False  # that would be progress
    # Noise is varied: what was above the films is not lost. And what never began cannot fall.
    assert not diverges([3.0, 2.0, 1.5, 1.1, 0.9, 0.9], "higher", 1.0)
    assert diverges([3.0, 2.0, 1.5, 1.1, 0.4, 0.4], "higher", 1.0)
    assert not diverges([0.05, 0.02, 0.04, 0.01, 0.0, 0.0], "higher", 0.9)
    text = findings(
        [{"kimg": k + 1, "m": v, "floor": 0.9} for k, v in enumerate([*up, 0.3, 0.2])],
        Limits(measure="m", better="higher"),
    )[0].text
    assert "m is 0.2 and was 0.8 at 5 kimg" in text


def test_divergence_of_a_measure_without_bias():
    """Near the films it is a little below 0, and so may the floor be."""
    near = [0.5, 0.1, 0.01, -0.001, 0.0, -0.002, 0.001, 0.001]
    assert not diverges(near, "lower", -0.004)
    assert diverges([*near, 0.1, 0.1], "lower", -0.004)


def test_values_before_another_measure_began_do_not_count():
    values = [0.1] * 6 + [5.0, 5.0, 4.0, 4.0, 3.0, 3.0]
    assert diverges(values[:8], "lower", 0.01)
    assert not diverges(values, "lower", 0.01, since=6)
    rows = [{"kimg": 1.0, "m": 1.0}, {"kimg": 2.0, "m": None}, {"kimg": 3.0, "m": 2.0}]
    assert [row["kimg"] for row in with_value(rows, "m")] == [1, 3]
    assert [row["kimg"] for row in with_value(rows, "m", 1.0)] == [3]


@pytest.mark.parametrize(
    ("better", "since", "best"),
    [("higher", 0.0, (0.5, 0.7)), ("lower", 0.0, (0.0, 0.2)), ("higher", 0.5, (1.5, 0.4))],
)
def test_curve_marks_the_best_in_either_direction(tmp_path, monkeypatch, better, since, best):
    axes = pytest.importorskip("matplotlib.axes").Axes
    stars, plot = [], axes.plot

    def noted(self, *given, **more):
        if "*" in given:
            stars.append(given[:2])
        return plot(self, *given, **more)

    monkeypatch.setattr(axes, "plot", noted)
    usual = {"hours": None, "p": 0.1, "loss_d": 1.0, "loss_g": 1.0, "floor": 0.9, "variety": 1.0}
    long = "frechet_infinity:keras:InceptionResNetV2"
    rows = [{"kimg": k / 2, long: v, **usual} for k, v in enumerate((0.2, 0.7, None, 0.4))]
    save_curve(
        tmp_path / "curve.png", rows, long, OF_QUALITY["frechet_infinity"].text, better, since
    )
    assert stars == [best]
    with Image.open(tmp_path / "curve.png") as image:
        assert image.size == (800, 780)


# Whole runs


def test_run_says_what_judged_it(finished):
    assert check_folder(finished) == []
    rows = [row for row in rows_of(finished) if FRECHET in row]
    assert [row["kimg"] for row in rows] == [0.024, 0.048]
    assert all(row[FRECHET] > row["floor"] > 0 and "texture" not in row for row in rows)
    best = min(rows, key=lambda row: row[FRECHET])
    extractor = make_extractor("radiomics")
    expected = {
        "measure": "frechet",
        "better": "lower",
        "extractor": "radiomics",
        "extractor_digest": extractor.digest,
        "weights": None,
        "standardised": True,
    }
    manifest = read_manifest(finished, "generator-run")
    assert manifest.settings["judge"] == expected and manifest.settings["measure"] == FRECHET
    assert manifest.facts["measure"] == FRECHET and manifest.facts["best"] == best[FRECHET]
    assert json.loads((finished / "settings.json").read_text())["judge"] == expected
    for name in ("generator.safetensors", "best.safetensors"):
        generator = load_generator(finished / name)
        assert json.loads(generator.metadata["judge"]) == expected
        assert generator.describe()["training"]["measure"] == FRECHET
    metadata = load_generator(finished / "best.safetensors").metadata
    assert metadata["measure"] == FRECHET
    assert float(metadata["measure_value"]) == pytest.approx(best[FRECHET], rel=1e-5)
    memory = memory_of(finished)
    assert memory["digest"] == extractor.digest and "since" not in memory
    # The value is that of the images which the best generator draws.
    films = Judge(blobs(size=32), JUDGED, Choice(FRECHET).make())
    assert films.floor == rows[0]["floor"]


def test_judging_does_not_touch_the_training(finished, tmp_path):
    run(tmp_path, replace(JUDGED, measure="none"))
    blind, seen = (load_generator(f).network.state_dict() for f in (tmp_path, finished))
    assert all(torch.equal(value, seen[name]) for name, value in blind.items())


def test_killed_run_ends_in_the_same_bytes(finished, tmp_path):
    folder = tmp_path / "killed"
    settings = {"resolution": 32, "measure": FRECHET, "snapshot_kimg": 0.024, "tick_kimg": 0.012}
    (process,) = start_processes(1, folder, kimg=JUDGED.kimg, **settings)
    with process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (folder / "checkpoint.safetensors").exists() and len(rows_of(folder)) >= 3:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not run(folder, JUDGED).skipped
    assert files_of(folder) == files_of(finished)
    assert run(folder, JUDGED).skipped


def test_the_measure_may_change_and_begins_anew(finished, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, replace(JUDGED, measure="texture"), progress=Listener(8))
    old = memory_of(tmp_path)
    assert set(old) == {"measure", "images", "best", "best_kimg", "floor", "hours"}
    assert "judge" not in json.loads((tmp_path / "settings.json").read_text())
    seen = int(read_checkpoint(tmp_path / "checkpoint.safetensors").metadata["seen"]) / 1000
    run(tmp_path, JUDGED)
    memory = memory_of(tmp_path)
    assert memory["measure"] == FRECHET and memory["since"] == seen
    assert memory["best_kimg"] > seen
    assert rows_of(tmp_path)[1]["texture"] and rows_of(tmp_path)[-1][FRECHET]
    ours, theirs = (f / "generator.safetensors" for f in (tmp_path, finished))
    assert sha256_file(ours) == sha256_file(theirs)


def test_other_weights_are_said_and_begin_anew(tmp_path):
    def judged(digest: str) -> Measure:
        return replace(Choice("kid:pixels").make(), digest=digest, facts={"weights": digest})

    settings = replace(SHORT, measure="kid:pixels")
    first, second = Listener(8), Listener()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, settings, measure=judged("a" * 64), progress=first)
    run(tmp_path, settings, measure=judged("b" * 64), progress=second)
    assert not any("other weights" in text for text in first.said)
    assert "kid:pixels has other weights" in second.said[0]
    memory = memory_of(tmp_path)
    assert memory["digest"] == "b" * 64 and memory["best_kimg"] > memory["since"] == 0.024
    # Another one is another run, equal ones are not.
    assert run(tmp_path, settings, measure=judged("b" * 64)).skipped
    assert not run(tmp_path, settings, measure=judged("c" * 64)).skipped


def test_checkpoints_from_before_go_on(tmp_path):
    """They have neither a digest nor a beginning, and their settings no judge."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SHORT, progress=Listener(8))
    before = memory_of(tmp_path)
    assert "digest" not in before and "since" not in before
    assert Memory.from_json(json.dumps(before)).best == before["best"]
    run(tmp_path, SHORT)
    after = memory_of(tmp_path)
    assert set(after) == set(before) and after["best"] <= before["best"]


def test_another_measure_than_the_settings_name_is_refused(tmp_path):
    with pytest.raises(BadInput, match="'kid:pixels' was given; the settings say 'texture'"):
        run(tmp_path / "run", SHORT, measure=Choice("kid:pixels").make())
    assert not (tmp_path / "run").exists()


def test_images_and_shares_drive_a_run_too(tmp_path):
    short = replace(JUDGED, kimg=0.008)
    run(tmp_path / "spectrum", replace(short, measure="spectrum"))
    assert rows_of(tmp_path / "spectrum")[-1]["spectrum"] > 0
    settings = read_manifest(tmp_path / "spectrum", "generator-run").settings
    assert settings["judge"]["extractor"] is None
    run(tmp_path / "share", replace(short, measure="coverage:pixels"))
    assert 0 <= rows_of(tmp_path / "share")[-1]["coverage:pixels"] <= 1


def test_two_processes_judge_once_and_skip_together(tmp_path):
    """The first one alone knows the measure, and whether the run is finished."""
    options = {"resolution": 32, "measure": FRECHET, "batch": 8, "snapshot_kimg": 0.008}
    processes = start_processes(2, tmp_path / "two", kimg=0.016, twice=True, **options)
    try:
        said = [process.communicate(timeout=90)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum(FRECHET in row for row in rows_of(tmp_path / "two")) == 2
    assert check_folder(tmp_path / "two") == []


def test_a_job_makes_its_own_measure(finished, tmp_path):
    choice = Choice(FRECHET, cache=tmp_path / "cache")
    assert pickle.loads(pickle.dumps(choice)) == choice
    job = Job(blobs(size=32), JUDGED, tmp_path / "run", ORIGIN, measure=choice)
    (result,) = train_runs([job])
    assert result.sha256 == sha256_file(finished / "generator.safetensors")
    assert list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_network_judges_with_weights_of_a_file(tmp_path):
    weights = shared_path(SQUEEZENET)
    name = "kid:squeezenet"
    made = Choice(name, weights=str(weights)).make()
    settings = replace(JUDGED, kimg=0.008, measure=name)
    run(tmp_path / "run", settings, measure=made)
    row = rows_of(tmp_path / "run")[-1]
    assert row[name] > abs(row["floor"])
    header = load_generator(tmp_path / "run").metadata
    facts = json.loads(header["judge"])
    assert facts["weights"]["sha256"] == sha256_file(weights) and not facts["standardised"]
    assert str(weights.parent) not in header["judge"]
    with pytest.raises(BadInput, match="needs its weights"):
        run(tmp_path / "other", settings)
    blind = run(tmp_path / "blind", replace(settings, measure="none")).generator
    ours = load_generator(tmp_path / "run").network.state_dict()
    theirs = load_generator(blind).network.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


# The command


def test_dry_run_shows_the_judge(prepared_set: PreparedSet, tmp_path):
    train = ("train", prepared_set.folder, "--label", "normal", "--preset", "demo", "--dry-run")
    shown = call(*train, "--measure", "coverage:radiomics", "--device", "cpu")
    assert "coverage:radiomics" in shown and "judge: better" in shown and "higher" in shown
    plan = json.loads(call(*train, "--measure", "coverage:radiomics", "--json"))
    assert plan["judge"]["extractor"] == "radiomics"
    assert plan["settings"]["measure"] == "coverage:radiomics"
    assert "judge" not in json.loads(call(*train, "--json"))
    assert not any(word in str(plan["settings"]) for word in ("weights", "cache"))


def test_the_command_trains_and_refuses(prepared_set: PreparedSet, tmp_path):
    out = tmp_path / "run"
    train = ("train", prepared_set.folder, "--label", "normal", "--preset", "demo", *SMALL)
    train = (*train, "--threads", "1", "--device", "cpu", "--out", out)
    for options, words in (
        (("--measure", "frechet"), "no extractor was named"),
        (("--measure", "kid:inception"), "needs its weights"),
        (("--measure", FRECHET, "--measure-images", "4"), "would look at 4 films"),
        (("--measure-weights", "x.h5"), "has no extractor"),
        (("--measure", "frechet:squeezenet", "--measure-weights", "absent.h5"), "no file"),
    ):
        call(*train, *options, fails=words)
    assert not out.exists()
    cache = ("--measure-cache", tmp_path / "cache")
    done = call(*train, "--measure", "histogram", *cache, fails="has no extractor")
    done = call(*train, "--measure", FRECHET, *cache, "--measure-images", "24", "--json")
    assert json.loads(done)["judge"]["measure"] == "frechet"
    assert list((tmp_path / "cache").rglob("*.safetensors"))
    assert float(load_generator(out / "best.safetensors").metadata["measure_value"]) > 0


def test_settings_hold_the_name_alone():
    names = {"measure", "measure_images"}
    fields = TrainSettings.__dataclass_fields__
    assert {name for name in fields if name.startswith("measure")} == names
