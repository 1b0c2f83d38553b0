"""Your own classifier: a class in a file, or one that an installed package offers.

The class is made without arguments and has two methods::

    fit(train, validation)        # .images uint8 [N, S, S], .label int64 [N] (cancer 1)
    predict_proba(images)         # probability of cancer, float [N] in [0, 1]

``fit`` may take ``seed`` too, and ``checkpoint``: a file for what it has learnt so far, from which
a run that was killed goes on. Attributes it may have: ``parameters`` (their number), ``packages``
(distributions whose versions belong into a record), ``device``. The file is the user's own code
and is run as such; the record names it by its sha256, never by its path.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.base import History, Images, Part
from mammo_synth.bench.classifiers.checkpoint import STATE_PREFIX, remove
from mammo_synth.bench.classifiers.epochs import parts_digest, run_digest
from mammo_synth.bench.classifiers.own_source import HINT, OwnSettings, installed
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats
from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError
from mammo_synth.progress import Progress

OWN_STATE = f"{STATE_PREFIX}-own-"
"""How the name of the file begins in which a class keeps what it has learnt so far."""


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
            raise BadInput("The recipe names no classifier of yours.", hint=HINT)
        self._settings = settings
        self._source, self._file = settings.source, files["source"]
        self._point = installed().get(settings.source)
        self._class = self._call("cannot be loaded", self._load, settings.source_sha256)
        for method in ("fit", "predict_proba"):
            if not callable(getattr(self._class, method, None)):
                raise BadInput(
                    f"{self._source} has no method '{method}'.",
                    hint="A classifier has fit(train, validation) and predict_proba(images).",
                )
        taken = inspect.signature(self._class.fit).parameters
        self._takes_seed, self._resumable = "seed" in taken, "checkpoint" in taken
        self._model: Any = None

    @property
    def resumable(self) -> bool:
        """Whether ``fit`` takes ``checkpoint``."""
        return self._resumable

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

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """Make a new object and let it learn.

        Args:
            train: To learn from.
            validation: For early stopping.
            seed: Given to a class that takes it.
            progress: Told of the begin and the end.
            checkpoint: A class that takes it gets a file of its own beside this one, or None.

        Raises:
            BadInput: Its code fails.
        """
        more: dict[str, Any] = {"seed": seed} if self._takes_seed else {}
        kept = None
        if self._resumable:
            kept = self._kept(checkpoint, [train, validation], seed)
            more["checkpoint"] = kept
        hint = None
        if kept is not None and kept.exists():
            progress.say(f"{self._source} may go on from what it kept in '{kept}'.")
            hint = f"Correct the class; or, if what it kept is damaged, remove '{kept}'."
        progress.start(self._source, 1)
        self._model = self._call("cannot be made without arguments", self._class)
        fit = functools.partial(self._model.fit, train, validation, **more)
        history = self._call("fails in fit", fit, hint=hint)
        progress.advance()
        progress.finish()
        return history if isinstance(history, History) else History()

    def _kept(self, checkpoint: Path | None, parts: list[Part], seed: int) -> Path | None:
        """The class's own file beside ``checkpoint``. Its name holds a digest of all that the run
        depends on, so another run has another one; files of others in this place go."""
        if checkpoint is None:
            return None
        package = self._point.dist if self._point else None
        version = f"{package.name} {package.version}" if package else ""
        digest = run_digest(self._settings, seed, None, version, parts_digest(parts))
        kept = checkpoint.absolute().with_name(f"{OWN_STATE}{digest[:16]}")
        for other in kept.parent.glob(f"{OWN_STATE}*"):
            if not other.name.startswith(kept.name):  # what the class writes to first may stay
                remove(other)
        return kept

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

    def _call(
        self, failing: str, function: Callable[..., Any], *given: Any, hint: str | None = None
    ) -> Any:
        """Call the user's code; what it raises becomes one error that names the line."""
        try:
            return function(*given)
        except MammoSynthError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [f.lineno for f in frames if Path(f.filename).name == self._file.name]
            where = f" (line {lines[-1]} of {self._file.name})" if lines else ""
            raise BadInput(
                f"{self._source} {failing}{where}: {type(error).__name__}: {error}",
                hint=hint or "Correct the class; benchmarks/classifiers.md has one that works.",
            ) from error


@functools.cache
def _module(path: Path, digest: str) -> ModuleType:
    """Run the file as a module of its own name; once for each content."""
    name = f"mammo_synth_own_{digest[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"'{path}' cannot be loaded as a Python module.", hint=HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
