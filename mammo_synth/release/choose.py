"""What somebody asks of a release folder, a configuration and splits, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mammo_synth.configurations import configuration
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.release.folder import SPLITS, Release
from mammo_synth.release.forms import REFERENCED, default_configuration, loadable

CARD = "README.md"
_DAMAGED = (
    "Download or build the release again; `mammo-synth release verify` names every damaged file."
)


@contextmanager
def readable_facts(release: Release) -> Iterator[None]:
    """Turn a manifest whose facts are not those of a release into a BadInput."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadInput(
            f"The manifest of '{release.folder}' is not one of a whole release "
            f"({type(error).__name__}: {error}).",
            hint="It was edited, or an older version wrote it: build or download the release "
            "again.",
        ) from error


def choose_configuration(release: Release, name: str | None) -> str:
    """The configuration called ``name``, or the default one; its train and test are here whole.

    Raises:
        BadInput: There is none of that name, or its real films are not in the folder.
    """
    with readable_facts(release):
        facts = release.manifest.facts
        here = loadable(facts)
        chosen = default_configuration(facts) if name is None else name
        if chosen in here:
            return chosen
        if chosen in facts["configurations"]:
            raise _without_films(release, f"Configuration '{chosen}'", tuple(here))
        configuration(chosen)
        raise BadInput(
            f"Configuration '{chosen}' is not in release {release.version}.",
            hint=f"It has {', '.join(here)}.",
        )


def choose_splits(release: Release, chosen: str, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The splits ``wanted`` of a configuration, or all that it has here.

    Raises:
        BadInput: No such split, or its films are not in the folder.
    """
    with readable_facts(release):
        here = loadable(release.manifest.facts)[chosen]
        for split in wanted:
            if split not in SPLITS:
                raise BadInput(
                    f"There is no split '{split}' in release {release.version}.",
                    hint=did_you_mean(split, here),
                )
            if split not in here and release.manifest.facts["real"] == REFERENCED:
                raise _without_films(release, f"Split '{split}'", here)
            if split not in here:
                raise BadInput(
                    f"Release {release.version} has no films in split '{split}'.",
                    hint=f"It has {', '.join(here)}; build it with more films for the others.",
                )
        return tuple(split for split in here if not wanted or split in wanted)


def shard_files(release: Release, chosen: str, splits: Sequence[str]) -> dict[str, list[Path]]:
    """The shard files of a configuration by split; each is there with its size.

    The sizes are a cheap check, made before anything is read. Digests are not compared.

    Raises:
        BadInput: A file is missing, or of another size than the manifest says.
    """
    with readable_facts(release):
        held = release.manifest.facts["configurations"][chosen]["splits"]
        paths = {split: list(held[split]["shards"]) for split in splits}
        for path in (CARD, *(path for shards in paths.values() for path in shards)):
            _check_size(release, path)
        return {s: [release.folder / path for path in shards] for s, shards in paths.items()}


def _check_size(release: Release, path: str) -> None:
    file, entry = release.folder / path, release.manifest.files.get(path)
    if entry is None or Path(path).is_absolute() or ".." in Path(path).parts:
        raise BadInput(
            f"The manifest of '{release.folder}' does not list '{path}' among its files.",
            hint=_DAMAGED,
        )
    if not file.is_file():
        raise BadInput(f"'{file}' is missing from the release.", hint=_DAMAGED)
    size = file.stat().st_size
    if size != entry.bytes:
        raise BadInput(
            f"'{file}' has {size:,} bytes; the manifest says {entry.bytes:,}.", hint=_DAMAGED
        )


def _without_films(release: Release, what: str, here: Sequence[str]) -> BadInput:
    return BadInput(
        f"{what} needs real films, and their pixels are not in '{release.folder}': the films' "
        "terms do not allow passing them on.",
        hint=f"If you have the films: mammo-synth release rehydrate {release.folder} --films PATH. "
        f"Without them there is {', '.join(here)}.",
    )
