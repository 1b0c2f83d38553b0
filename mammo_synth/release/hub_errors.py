"""Errors of the Hub's client in words.

Every call of the client goes through `in_words`, so that whatever it raises becomes one sentence
with a hint: `BadInput` where the user must do something first, `HubTrouble` where the same call may
work a little later, and `patiently` makes it again.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from mammo_synth.errors import BadInput, MammoSynthError
from mammo_synth.progress import Progress

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

T = TypeVar("T")

MAIN = "main"
"""The branch that a reader gets who names none."""

ATTEMPTS = 5
"""Tries of one piece of work before it is given up; the client repeats single requests itself."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_QUOTA_STATUS = (402, 413, 507)
_QUOTA_WORDS = ("quota", "storage limit", "storage usage", "storage patterns")
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token from the settings of the Hub."


class HubTrouble(MammoSynthError):
    """The Hub or the way to it failed; the same call may work later (exit code 2)."""


class Overtaken(HubTrouble):
    """Somebody else changed the repository in the meantime: look again, then go on."""


def patiently(
    work: Callable[[], T],
    progress: Progress,
    *,
    done: Callable[[], int] = lambda: 0,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """``work()``, again after a pause when the Hub or the way to it failed.

    Args:
        work: Begins by looking at what is there already, so that it can be repeated.
        progress: Hears of every repetition.
        done: How far the work has come; while that grows, it is not given up.
        sleep: Waits for some seconds.

    Raises:
        HubTrouble: It failed `ATTEMPTS` times without coming any further.
    """
    failures, before = 0, done()
    while True:
        try:
            return work()
        except HubTrouble as trouble:
            if done() > before:
                failures, before = 0, done()
            failures += 1
            if failures >= ATTEMPTS:
                raise HubTrouble(
                    f"{trouble.message} Tried {failures} times.",
                    hint="What was transferred is kept: run the same command again, it goes on.",
                ) from trouble
            wait = min(_FIRST_WAIT_S * 2 ** (failures - 1), _LONGEST_WAIT_S)
            progress.say(f"{trouble.message} Trying again in {wait:.0f} s.")
            sleep(wait)


@contextlib.contextmanager
def in_words(name: str, revision: str = MAIN) -> Iterator[None]:
    """Turn what the client raises about repository ``name`` into one of our errors.

    What is no error of the Hub or the network (a full disk, a defect) passes unchanged.
    """
    try:
        yield
    except MammoSynthError:
        raise
    except Exception as error:
        told = explain(error, name, revision) or _of_the_client(error, name)
        if told is None:
            raise
        raise told from error


def explain(error: BaseException, name: str, revision: str = MAIN) -> MammoSynthError | None:
    """The sentence for a client's error, or None if it is none of the Hub or the network.

    The client wraps errors of an upload into others; the innermost one that says something counts.
    """
    from huggingface_hub import errors

    # The library behind the client has changed its name twice; its base class is in the client's.
    transport = next(b for b in errors.HfHubHTTPError.__mro__ if b.__name__ == "HTTPError")
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    for one in chain:
        if isinstance(one, errors.HfHubHTTPError):
            return _answer(one, name, revision)
        if isinstance(one, errors.OfflineModeIsEnabled):
            return MammoSynthError(
                "The Hub's client is in offline mode (HF_HUB_OFFLINE is set).",
                hint="Unset HF_HUB_OFFLINE, then run the same command again.",
            )
        if isinstance(one, errors.LocalTokenNotFoundError):
            return no_token()
        if isinstance(one, errors.HFValidationError):
            return bad_name(name)
        if isinstance(one, OSError) and one.errno in _DISK_ERRORS:
            return None
        if isinstance(one, transport | ConnectionError | TimeoutError):
            return HubTrouble(
                f"The connection to the Hub failed or was lost ({_short(one)}).",
                hint="Check the network, then run the same command again: it goes on.",
            )
    if _about_quota(str(error)):
        return _quota(name, _short(error))
    return None


def _of_the_client(error: BaseException, name: str) -> MammoSynthError | None:
    """The sentence for what only a call of the client can mean: it wraps what fails in threads, and
    answers that it cannot read, in errors of no class of its own."""
    from huggingface_hub import errors

    text = _short(error)
    if isinstance(error, ValueError) and "Invalid metadata in README.md" in str(error):
        return BadInput(
            f"The Hub does not accept the release's card: {text}",
            hint="Build the release again with this version of mammo-synth.",
        )
    missing = (errors.EntryNotFoundError, errors.FileMetadataError, FileNotFoundError)
    if isinstance(error, (RuntimeError, ValueError, *missing)):
        return HubTrouble(
            f"The transfer from or to '{name}' failed ({text}).",
            hint="Run the same command again: it goes on.",
        )
    return None


def _answer(error: HfHubHTTPError, name: str, revision: str) -> MammoSynthError:
    """The sentence for an answer of the Hub that is an error."""
    from huggingface_hub import errors

    status = error.response.status_code
    said = " ".join((error.server_message or "").split())
    quoted = f' It says: "{said}".' if said else ""
    # Some answers are errors of several kinds; the narrower kind comes first.
    if isinstance(error, errors.GatedRepoError):
        return BadInput(
            f"Data set '{name}' is gated: access is given on request, and not yet to you.",
            hint=f"Ask for it on the page of datasets/{name}, and log in with `hf auth login`.",
        )
    if isinstance(error, errors.DisabledRepoError):
        return BadInput(f"Data set '{name}' was disabled.", hint="Ask its owner or the Hub.")
    if isinstance(error, errors.RevisionNotFoundError):
        return BadInput(
            f"Data set '{name}' has no revision '{revision}'.", hint="Check its tags and branches."
        )
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return BadInput(
            f"A file is missing from '{name}' at '{revision}'.{quoted}",
            hint="Check that it is a release of mammo-synth.",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return not_found(name)
    if status in _QUOTA_STATUS or (status < 500 and _about_quota(said)):
        return _quota(name, said)
    if status == 401:
        return BadInput("The Hub does not accept the token.", hint=_LOG_IN)
    if status == 403:
        return BadInput(
            f"This token may not do that to '{name}'.{quoted}",
            hint="Use a token that may write there, or that may open pull requests there where one "
            "is opened (`leaderboard submit`; `release publish --create-pr`).",
        )
    if status in (409, 412):
        return Overtaken(
            f"'{name}' was changed by somebody else in the meantime.",
            hint="Run the same command again: it looks at what is there and goes on.",
        )
    if status == 429 or status >= 500 or status == 408:
        return HubTrouble(
            f"The Hub answered with error {status}.{quoted}",
            hint="Wait a little, then run the same command again: it goes on.",
        )
    return BadInput(
        f"The Hub refused a request about '{name}' (error {status}).{quoted}",
        hint="If the reason is not clear, update huggingface_hub and try again.",
    )


def no_token() -> BadInput:
    """There is no token, where one is needed."""
    return BadInput("No token for the Hub was found.", hint=_LOG_IN)


def not_found(name: str) -> BadInput:
    """There is no such data set, or this token does not show it."""
    return BadInput(
        f"There is no data set '{name}' on the Hub, or it is private and not shown to you.",
        hint="Check the spelling (ORG/NAME), and log in with `hf auth login` if it is private.",
    )


def bad_name(name: str) -> BadInput:
    return BadInput(
        f"'{name}' is not the name of a repository; ORG/NAME was expected, in letters, digits, "
        "'-', '_' and '.'.",
        hint="For example: my-lab/mammo-synth.",
    )


def _about_quota(text: str) -> bool:
    return any(word in text.lower() for word in _QUOTA_WORDS)


def _quota(name: str, said: str) -> BadInput:
    quoted = f' It says: "{said}".' if said else ""
    return BadInput(
        f"The storage of the owner of '{name}' on the Hub is used up.{quoted}",
        hint="Free or buy storage there. What was uploaded is kept: the same command goes on.",
    )


def _short(error: BaseException) -> str:
    """An error on one line, without the client's advice that follows the first paragraph."""
    text = " ".join(str(error).strip().split("\n\n")[0].split())
    return (text or type(error).__name__)[:200]
