"""Your own classifier: a class in a file, or one that an installed package offers.

The class is made without arguments and has two methods::

    fit(train, validation)        # .images uint8 [N, S, S], .label int64 [N] (cancer 1)
    predict_proba(images)         # probability of cancer, float [N] in [0, 1]

``fit`` may take ``seed`` too. Attributes it may have: ``parameters`` (their number), ``packages``
(distributions whose versions belong into a record), ``device``. The file is the user's own code
and is run as such; the record names it by its sha256, never by its path.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.base import History, Images, Part
from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats
from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError, did_you_mean
from mammo_synth.files import sha256_file
from mammo_synth.progress import Progress

GROUP = "mammo_synth.classifiers"
"""Entry points of this group are classifiers: name = "package.module:Class"."""
_HINT = "For example --classifier path/to/file.py:MyClassifier; see benchmarks/classifiers.md."


@dataclass(frozen=True, kw_only=True)
class OwnSettings(CommonSettings):
    """Settings of an own classifier.

    Attributes:
        source: ``file.py:MyClassifier``, or the name of an installed classifier.
        source_sha256: Of the file; filled in when the recipe is read, checked if it stands there.
        input_size: Images are brought to this side in px.
        resize_filter: Filter of that.
    """

    source: str = setting()
    source_sha256: str = setting()
    input_size: int = setting(low=4, high=1024)
    resize_filter: str = setting(choices=FILTERS)


def installed() -> dict[str, metadata.EntryPoint]:
    """Classifiers that installed packages offer, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def board_name(settings: OwnSettings) -> str:
    """Name on the leaderboard: the class, or the name of the entry point.

    Raises:
        BadInput: It is the name of a built-in classifier, or no name that a record may have.
    """
    from mammo_synth.bench.classifiers import CLASSIFIERS

    if not settings.source:
        return "own"
    name = settings.source.rpartition(":")[2]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise BadInput(
            f"'{name}' cannot be a classifier's name; letters, digits, '.', '_' and '-' were "
            f"expected, a letter or digit first, at most 80.",
            hint="Rename the class.",
        )
    if name.casefold() in CLASSIFIERS:
        raise BadInput(
            f"'{name}' is the name of a built-in classifier.", hint="Give yours another name."
        )
    return name


def locate(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
    """Settings with the file's name and digest in place of its path; and the file. Nothing of the
    file is run.

    Raises:
        BadInput: No such file, it is not Python, has another sha256, or has no such class.
    """
    given = dict(values)
    source = given.get("source")
    if not isinstance(source, str) or not source:
        return given, {}  # refused when it is made: the recipe itself may be listed
    points = installed()
    if source in points:
        path = _file_of(points[source])
    else:
        path, name = _split(source, points)
        _check_class(path, name)
        given["source"] = f"{path.name}:{name}"
    digest = sha256_file(path)
    if given.get("source_sha256") not in ("", digest):
        raise BadInput(
            f"'{path}' has the sha256 {digest}; the recipe expects {given.get('source_sha256')}.",
            hint="Use the file that the recipe means, or change source_sha256.",
        )
    given["source_sha256"] = digest
    return given, {"source": path}


def _split(source: str, points: Mapping[str, Any]) -> tuple[Path, str]:
    """``path/to/file.py:Name`` in two."""
    file, colon, name = source.rpartition(":")
    if not colon or not file.endswith(".py"):
        if source.endswith(".py"):
            raise BadInput(f"'{source}' names no class.", hint=_HINT)
        others = f" {did_you_mean(source, points)}" if points else ""
        raise BadInput(f"There is no installed classifier '{source}'.", hint=_HINT + others)
    path = Path(file)
    if not path.is_file():
        raise BadInput(f"There is no file '{file}'.", hint=_HINT)
    return path, name


def _check_class(path: Path, name: str) -> None:
    """Look for ``name`` at the top of the file without running it."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise BadInput(
            f"'{path}' is not Python ({getattr(error, 'msg', error)}{line}).", hint="Correct it."
        ) from error
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if name not in classes:
        raise BadInput(
            f"'{path}' has no class '{name}' at its top.",
            hint=did_you_mean(name, classes) if classes else _HINT,
        )


def _file_of(point: metadata.EntryPoint) -> Path:
    """The file behind an entry point."""
    try:
        spec = importlib.util.find_spec(point.module)
    except Exception as error:  # the package that holds the module is run to find it
        raise BadInput(
            f"The installed classifier '{point.name}' cannot be found "
            f"({type(error).__name__}: {error}).",
            hint=f"Mend or reinstall the package that offers it ({point.value}).",
        ) from error
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise BadInput(
            f"The installed classifier '{point.name}' points to '{point.value}', which is not "
            f"there.",
            hint="Reinstall the package that offers it.",
        )
    return Path(spec.origin)


class OwnClassifier:
    """Makes the user's class anew for every fit, and checks what it gives.

    Args:
        settings: Which class.
        files: ``source``: where its file lies, as from `locate`.

    Raises:
        BadInput: No class was named, its file fails, or it lacks a method.
    """

    backend: str | None = None
    features_cached: bool | None = None
    weights: Weights = {"origin": "none", "sha256": None}  # noqa: RUF012

    def __init__(self, settings: OwnSettings, files: Mapping[str, Path]) -> None:
        if "source" not in files:
            raise BadInput("The recipe names no classifier of yours.", hint=_HINT)
        self._source, self._file = settings.source, files["source"]
        self._point = installed().get(settings.source)
        self._class = self._call("cannot be loaded", self._load, settings.source_sha256)
        for method in ("fit", "predict_proba"):
            if not callable(getattr(self._class, method, None)):
                raise BadInput(
                    f"{self._source} has no method '{method}'.",
                    hint="A classifier has fit(train, validation) and predict_proba(images).",
                )
        self._takes_seed = "seed" in inspect.signature(self._class.fit).parameters
        self._model: Any = None

    @property
    def parameters(self) -> int | None:
        """What the object says of itself; None if it says nothing."""
        found = getattr(self._model, "parameters", None)
        return int(found) if isinstance(found, (int, np.integer)) else None

    @property
    def device(self) -> str:
        """What the object says of itself; else cpu."""
        return str(getattr(self._model, "device", "cpu"))

    @property
    def packages(self) -> tuple[str, ...]:
        """What the object names, numpy, and the distribution of an installed classifier."""
        named = getattr(self._model, "packages", ())
        own = (self._point.dist.name,) if self._point and self._point.dist else ()
        return ("numpy", *own, *([named] if isinstance(named, str) else map(str, named)))

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Make a new object and let it learn.

        Raises:
            BadInput: Its code fails.
        """
        progress.start(self._source, 1)
        self._model = self._call("cannot be made without arguments", self._class)
        more = {"seed": seed} if self._takes_seed else {}
        history = self._call("fails in fit", self._model.fit, train, validation, **more)
        progress.advance()
        progress.finish()
        return history if isinstance(history, History) else History()

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N].

        Raises:
            BadInput: Its code fails, or gives another shape, NaN, or values outside [0, 1].
        """
        if self._model is None:
            raise CheckFailed("predict_proba was called before fit.")
        given = self._call("fails in predict_proba", self._model.predict_proba, images)
        try:
            p = np.asarray(given, np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"{self._source}: predict_proba gave no numbers but {type(given).__name__}.",
                hint="It must return one probability of cancer per image, float [N].",
            ) from error
        if p.shape != (len(images),):
            raise BadInput(
                f"{self._source}: predict_proba gave the shape {p.shape} for {len(images)} images; "
                f"({len(images)},) was expected.",
                hint="It must return one probability of cancer per image. Of scikit-learn's two "
                "columns that is the second: p[:, 1].",
            )
        wrong = int((~((p >= 0) & (p <= 1))).sum())
        if wrong:
            raise BadInput(
                f"{self._source}: {wrong} of {len(p)} scores are NaN or outside [0, 1].",
                hint="Return probabilities: a sigmoid of the score, for example.",
            )
        return p

    def _load(self, digest: str) -> Any:
        if self._point is not None:
            return self._point.load()
        return getattr(_module(self._file, digest), self._source.rpartition(":")[2])

    def _call(self, failing: str, function: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Call the user's code; what it raises becomes one error that names the line."""
        try:
            return function(*given, **more)
        except MammoSynthError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [f.lineno for f in frames if Path(f.filename).name == self._file.name]
            where = f" (line {lines[-1]} of {self._file.name})" if lines else ""
            raise BadInput(
                f"{self._source} {failing}{where}: {type(error).__name__}: {error}",
                hint="Correct the class; benchmarks/classifiers.md has one that works.",
            ) from error


@functools.cache
def _module(path: Path, digest: str) -> ModuleType:
    """Run the file as a module of its own name; once for each content."""
    name = f"mammo_synth_own_{digest[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"'{path}' cannot be loaded as a Python module.", hint=_HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
