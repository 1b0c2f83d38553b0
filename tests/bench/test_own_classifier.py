"""A classifier of one's own: the tutorial as it is printed, the contract, its errors."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers import make_classifier, own_source
from mammo_synth.bench.classifiers.base import Options, Part
from mammo_synth.bench.classifiers.checkpoint import STATE_NAME
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly

TUTORIAL = Path(__file__).parents[2] / "benchmarks" / "classifiers.md"
PART = Part(np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1]))


def _tutorial() -> tuple[str, str, list[str]]:
    """Both code blocks and the command of the tutorial."""
    text = TUTORIAL.read_text("utf-8")
    code, resumable = re.findall(r"```python\n(.*?)```", text, re.S)
    command = re.search(r"^mammo-synth (bench run .*)$", text, re.M)
    assert command is not None
    return code, resumable, command.group(1).split()


def _fit(file: Path, name: str = "Mine") -> Any:
    classifier = make_classifier(load_recipe(f"{file}:{name}"), Options())
    classifier.fit(PART, PART, seed=0, progress=SILENT)
    return classifier


def _write(folder: Path, body: str) -> Path:
    file = folder / "mine.py"
    file.write_text(f"import numpy as np\nclass Mine:\n{body}")
    return file


def test_the_tutorial_adds_a_classifier_in_under_40_lines(
    run: Command, small_release: Release, tmp_path: Path
) -> None:
    code, _, command = _tutorial()
    assert len(code.splitlines()) < 40
    (tmp_path / "nearest_mean.py").write_text(code)
    arguments = [str(small_release.folder) if a == "mammo-synth" else a for a in command]
    more = ["--set", "input_size=32", "--set", "validation_share=0.3", "--json"]
    done = run(*arguments, *more, cwd=tmp_path)
    assert done.code == 0, done.stderr
    record = json.loads(done.stdout)["record"]
    assert record["classifier"] == {
        "name": "NearestMean",
        "role": "classifier",
        "weights": {"origin": "none", "sha256": None},
        "parameters": 6,
    }
    settings = record["recipe"]["settings"]
    assert settings["source"] == "nearest_mean.py:NearestMean"
    assert settings["source_sha256"] == sha256_file(tmp_path / "nearest_mean.py")
    assert str(tmp_path) not in json.dumps(record)
    # the bright spot of the fake films is what it looks at
    assert record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] > 0.8
    assert (tmp_path / "results").is_dir()
    # A changed file is another recipe.
    (tmp_path / "nearest_mean.py").write_text(code + "\n# changed\n")
    assert_friendly(run(*arguments, *more, cwd=tmp_path), "record of other settings")


def test_the_contract_has_defaults_for_all_the_rest(tmp_path: Path) -> None:
    file = _write(
        tmp_path,
        "    def fit(self, train, validation):\n        self.share = train.label.mean()\n"
        "    def predict_proba(self, images):\n        return [self.share] * len(images)\n",
    )
    classifier = _fit(file)
    assert classifier.predict_proba(PART.images).tolist() == [0.5] * 4
    assert classifier.weights == {"origin": "none", "sha256": None}
    assert (classifier.parameters, classifier.device, classifier.packages) == (
        None,
        "cpu",
        ("numpy",),
    )


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ("np.zeros((len(x), 2))", r"the shape \(4, 2\) for 4 images.*p\[:, 1\]"),
        ("np.zeros(len(x) - 1)", r"the shape \(3,\)"),
        ("0.5", r"the shape \(\)"),
        ("np.full(len(x), np.nan)", "4 of 4 scores are NaN"),
        ("np.array([0, 1, 1.5, -2])", "2 of 4 scores are NaN or outside"),
        ("['high'] * 4", "no numbers but list"),
        ("None", "no numbers but NoneType|the shape"),
        ("x / {}", r"fails in predict_proba \(line 6 of mine.py\): TypeError"),
    ],
)
def test_wrong_scores_are_one_clear_error(tmp_path: Path, returns: str, words: str) -> None:
    file = _write(
        tmp_path,
        "    def fit(self, train, validation):\n        pass\n"
        f"    def predict_proba(self, x):\n        return {returns}\n",
    )
    with pytest.raises(BadInput, match=words):
        _fit(file).predict_proba(PART.images)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("class Mine:\n    pass\n", "Mine", "has no method 'fit'"),
        ("class Mine:\n    pass\n", "Mime", "no class 'Mime'.*Did you mean 'Mine'"),
        ("class Mine(:\n", "Mine", "is not Python.*line 1"),
        ("import no_such_module\nclass Mine:\n    pass\n", "Mine", "cannot be loaded.*line 1"),
        (
            "class Mine:\n    def __init__(self, a): pass\n    def fit(self, a, b): pass\n"
            "    def predict_proba(self, a): pass\n",
            "Mine",
            "cannot be made without arguments",
        ),
        ("class Prior:\n    pass\n", "Prior", "the name of a built-in classifier"),
        ("class _Mine:\n    pass\n", "_Mine", "cannot be a classifier's name"),
    ],
)
def test_a_file_that_cannot_serve_is_one_clear_error(
    tmp_path: Path, text: str, name: str, words: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        _fit(file, name)


def test_a_name_that_leads_nowhere_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no file"):
        load_recipe(f"{tmp_path}/none.py:Mine")
    file = _write(tmp_path, "    pass\n")
    with pytest.raises(BadInput, match="names no class"):
        load_recipe(str(file))
    with pytest.raises(BadInput, match="names no classifier of yours"):
        make_classifier(load_recipe("own"), Options())
    with pytest.raises(BadInput, match="the recipe expects 00"):
        load_recipe("own", {"source": f"{file}:Mine", "source_sha256": "00"})


def test_an_installed_classifier_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(
        tmp_path,
        "    def fit(self, train, validation, seed):\n        self.seed = seed\n"
        "    def predict_proba(self, images):\n"
        "        return np.full(len(images), self.seed / 8)\n",
    ).rename(tmp_path / "installed_for_a_test.py")
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("my-net", "installed_for_a_test:Mine", own_source.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    recipe = load_recipe("my-net")
    assert (recipe.classifier, recipe.kind) == ("my-net", "own")
    assert recipe.plain["source_sha256"] == sha256_file(tmp_path / "installed_for_a_test.py")
    classifier = make_classifier(recipe, Options())
    classifier.fit(PART, PART, seed=4, progress=SILENT)
    assert classifier.predict_proba(PART.images).tolist() == [0.5] * 4
    with pytest.raises(BadInput, match="Did you mean 'my-net'"):
        load_recipe("own", {"source": "my-nets"})
    gone = metadata.EntryPoint("gone", "no_such_package.module:Mine", own_source.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [gone])
    with pytest.raises(BadInput, match="'gone' cannot be found"):
        load_recipe("gone")


WATCHED = """
import os, signal
from pathlib import Path

def watched(epoch, order):
    here = Path(__file__)
    with here.with_name("log").open("a") as log:
        log.write(f"{epoch + 1} ")
    for n, i in enumerate(order):
        if epoch == 1 and n == len(order) // 2 and here.with_name("kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        yield i
"""
RUN = """
import sys
from pathlib import Path
from mammo_synth.release.folder import Release
from tests.bench.test_own_classifier import run_gradient
run_gradient(Release.open(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
"""


def run_gradient(release: Release, file: Path, results: Path, seed: int = 0) -> Path:
    """Measure the tutorial's second class; the folder of its record."""
    bench = Bench(release, results, now=lambda: "2026-01-31T12:00:00Z")
    settings = {"input_size": 32, "validation_share": 0.3}
    cell = Cell("50-50-90syn", load_recipe(f"{file}:Gradient", settings), 0, seed)
    return bench.run(cell).path.parent


def test_a_killed_class_goes_on_from_its_own_file(small_release: Release, tmp_path: Path) -> None:
    _, code, _ = _tutorial()
    assert len(code.splitlines()) < 40
    order = "np.random.default_rng([seed, epoch]).permutation(len(x))"
    assert order in code
    file, log, kill = (tmp_path / name for name in ("gradient.py", "log", "kill"))
    file.write_text(code.replace(order, f"watched(epoch, {order})") + WATCHED)
    kill.touch()
    done = subprocess.run(
        [sys.executable, "-c", RUN, small_release.folder, file, tmp_path / "killed"],
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert log.read_text() == "1 2 "
    kill.unlink()
    folder = run_gradient(small_release, file, tmp_path / "killed")
    assert log.read_text().split() == ["1", "2", *(str(k) for k in range(2, 21))]
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["predictions-real_test.parquet", "predictions-test.parquet", "record.json"]
    straight = run_gradient(small_release, file, tmp_path / "straight")
    for name in left[:2]:
        assert (folder / name).read_bytes() == (straight / name).read_bytes()


KEEPS = """
    def fit(self, train, validation, seed, checkpoint):
        self.given = checkpoint
        if checkpoint is not None:
            self.found = checkpoint.read_text() if checkpoint.exists() else None
            checkpoint.write_text(f"seed {seed}")
            if self.found == "damaged":
                raise ValueError("no number")
    def predict_proba(self, images):
        return np.zeros(len(images))
"""


def test_what_a_class_keeps_is_bound_to_its_run(tmp_path: Path) -> None:
    file, state = _write(tmp_path, KEEPS), tmp_path / "cell" / STATE_NAME
    state.parent.mkdir()

    def fit(part: Part = PART, seed: int = 0, **settings: Any) -> Any:
        recipe = load_recipe(f"{file}:Mine", settings)
        classifier: Any = make_classifier(recipe, Options())
        assert classifier.resumable
        classifier.fit(part, PART, seed=seed, progress=SILENT, checkpoint=state)
        return classifier._model

    assert fit().found is None
    again = fit()
    assert again.found == "seed 0"
    assert again.given.is_absolute()
    # What the class writes to before it puts it in place stays beside it.
    again.given.with_name(f"{again.given.name}.part").touch()
    fit()
    assert len(list(state.parent.iterdir())) == 2
    given = [again.given]
    other_images = Part(PART.images + np.uint8(1), PART.label)
    changes: list[dict[str, Any]] = [
        {"seed": 1},
        {"part": other_images},
        {"part": Part(PART.images, 1 - PART.label)},
        {"input_size": 16},
        {},
    ]
    for change in changes:
        if not change:
            file.write_text(file.read_text() + "# changed\n")
        model = fit(**change)
        assert model.found is None
        assert list(state.parent.iterdir()) == [model.given]  # the other's is gone
        given.append(model.given)
    assert len(set(given)) == len(given)
    given[-1].write_text("damaged")
    with pytest.raises(BadInput, match=r"fails in fit \(line 10 .*no number.*remove '.*own-"):
        fit()


def test_a_class_without_a_place_to_keep_is_told(tmp_path: Path) -> None:
    assert _fit(_write(tmp_path, KEEPS))._model.given is None
    body = "    def fit(self, a, b): pass\n    def predict_proba(self, a): pass\n"
    assert not _fit(_write(tmp_path, body)).resumable
