"""`mammo_synth.load_dataset`: the release in a folder or on the Hub, through `datasets`."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammo_synth.configurations import CONFIGURATIONS, configuration
from mammo_synth.errors import BadInput, MammoSynthError, NoSpace, did_you_mean
from mammo_synth.release.choose import choose_configuration, choose_splits, shard_files
from mammo_synth.release.folder import SPLITS, Release

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_ALL = "all"  # what `datasets` calls all splits together


def load_dataset(
    config: str | None = None,
    *,
    split: Any = None,
    name: str | os.PathLike[str] = "mammo-synth",
    revision: str | None = None,
    streaming: bool = False,
    **kwargs: Any,
) -> Any:
    """Load a configuration of a release, as `datasets.load_dataset` does, with clear errors.

    Rows come grouped by class and origin: shuffle them before you train. Label 1 is cancer. The
    images are for research and teaching, never for diagnosis.

    Args:
        config: One of the nine, such as ``50-50-90syn``; None is the release's default.
        split: ``train``, ``test``, ``real_test``, or a part of one as `datasets` writes it
            (``train[:10%]``; not with ``streaming``); None gives a dictionary of all.
        name: Folder of the release, or ``ORG/NAME`` on the Hub. A folder comes first.
        revision: Version of the release (``v1.0.0`` or ``1.0.0``). From the Hub also a branch or a
            commit. A folder must hold this very version.
        streaming: Read rows as they are needed; nothing is written to the disk.
        **kwargs: For `datasets.load_dataset`, as they are (``columns``, ``filters``, ``cache_dir``,
            ``token``, ...).

    Returns:
        What `datasets.load_dataset` gives: a Dataset, a DatasetDict, or their iterable forms. Each
        row has ``image`` (PIL, mode L, S x S), ``label`` (normal 0, cancer 1) and the other columns
        of the card.

    Raises:
        BadInput: No such folder, configuration, split or revision; real films that are not there;
            a damaged folder; the Hub cannot be reached or refuses.
        NoSpace: The disk that holds the cache is full.
    """
    where = os.fspath(name)
    folder = Path(where).expanduser()
    options = {"split": split, "streaming": streaming, **kwargs}
    if folder.is_dir():
        release = Release.open(folder)
        _check_revision(release, revision)
        chosen = choose_configuration(release, config)
        choose_splits(release, chosen, _split_names(split))
        shard_files(release, chosen, choose_splits(release, chosen))
        with _in_words(where, config, "Run `mammo-synth release verify` on the folder."):
            # The whole path: a folder called `csv` would be taken for a kind of data set.
            return _datasets().load_dataset(str(folder.resolve()), chosen, **options)
    if not _HUB_NAME.fullmatch(where):
        raise BadInput(
            f"There is no folder '{where}' here (in '{Path.cwd()}').",
            hint="Give its path as name=, or fetch it with `mammo-synth release download "
            "ORG/NAME`, or make it with `mammo-synth release build`; name='ORG/NAME' reads from "
            "the Hub.",
        )
    if revision is not None and _VERSION.fullmatch(revision):
        revision = f"v{revision}"  # how `release publish` calls its tags
    _check_hub_names(config, split)
    with _in_words(where, config, "Check name=, revision= and the connection, then try again."):
        return _datasets().load_dataset(where, config, revision=revision, **options)


def _datasets() -> Any:
    """The library, imported when it is needed: that takes a second or more."""
    import datasets

    return datasets


def _check_revision(release: Release, revision: str | None) -> None:
    if revision is None or revision.removeprefix("v") == release.version:
        return
    raise BadInput(
        f"'{release.folder}' holds release {release.version}; revision '{revision}' was asked for.",
        hint="Leave revision away to load this one, or fetch the other with `mammo-synth release "
        f"download ORG/NAME --tag {revision}`.",
    )


def _split_names(split: Any) -> list[str]:
    """Names in a split as `datasets` writes it: ``train[:10%]+test`` has train and test."""
    if isinstance(split, str):
        names = [part.split("[")[0].strip() for part in str(split).split("+")]
        return [name for name in names if name != _ALL]
    if isinstance(split, Sequence):
        return [name for one in split for name in _split_names(one)]
    return []  # None, or a ReadInstruction, which `datasets` checks


def _check_hub_names(config: str | None, split: Any) -> None:
    """Names that no release has are refused before the network is asked."""
    if config is not None:
        configuration(config)
    for name in _split_names(split):
        if name not in SPLITS:
            raise BadInput(
                f"There is no split '{name}' in a release.", hint=did_you_mean(name, SPLITS)
            )


@contextmanager
def _in_words(where: str, config: str | None, hint: str) -> Iterator[None]:
    """Errors of `datasets` and its clients as one sentence with what to do."""
    try:
        yield
    except MammoSynthError:
        raise
    except (ValueError, OSError, _datasets().exceptions.DatasetsError, *_of_arrow()) as error:
        raise _translated(error, where, config, hint) from error


def _of_arrow() -> tuple[type[Exception], ...]:
    import pyarrow

    return (pyarrow.ArrowException,)


def _translated(error: Exception, where: str, config: str | None, hint: str) -> MammoSynthError:
    text = str(error)
    reasons = [error, error.__cause__]
    if any(isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT) for e in reasons):
        return NoSpace(
            "The disk that holds the cache of `datasets` is full.",
            hint="Free some space, choose another cache_dir=, or use streaming=True.",
        )
    missing = re.search(r"BuilderConfig '([^']*)' not found. Available: (\[[^\]]*\])", text)
    if missing:
        return _not_on_hub(where, missing[1], ast.literal_eval(missing[2]))
    if "Bad split" in text:
        return BadInput(
            f"{_sentence(text)} A part of a split cannot be streamed.",
            hint="Stream the whole split and use .take(n) or .skip(n) on it, or leave streaming "
            "away.",
        )
    unknown = re.search(r"doesn't have a '([^']*)' key", text)
    if unknown:
        return BadInput(
            f"`datasets.load_dataset` has no option '{unknown[1]}' for a release.",
            hint="Its options are in its documentation; columns= and filters= are two of them.",
        )
    if isinstance(error, ValueError):
        hint = "Check split= and the other options; see the documentation of `datasets`."
    if "Couldn't find cache" in text or "Couldn't reach" in text:
        hint = "Is there a connection? `mammo-synth release download` makes a folder for use " + (
            "without one."
        )
    cause = f" ({_sentence(str(error.__cause__))})" if error.__cause__ else ""
    return BadInput(f"'{where}' could not be loaded: {_sentence(text)}{cause}", hint=hint)


def _not_on_hub(where: str, config: str, available: list[str]) -> BadInput:
    if config in CONFIGURATIONS and set(available) <= set(CONFIGURATIONS):
        return BadInput(
            f"Configuration '{config}' cannot be loaded from '{where}': it needs real films, whose "
            "terms do not allow passing them on.",
            hint=f"Fetch the folder with `mammo-synth release download {where}`, then put your own "
            "films in place: `mammo-synth release rehydrate mammo-synth --films PATH`. Without "
            f"them there is {', '.join(available)}.",
        )
    return BadInput(
        f"'{where}' has no configuration '{config}'.", hint=did_you_mean(config, available)
    )


def _sentence(text: str) -> str:
    """The first line of a library's message, not longer than a reader takes in."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    line = line if len(line) <= 300 else f"{line[:297]}..."
    return line if line.endswith(".") else f"{line}."
