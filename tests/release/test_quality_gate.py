"""Quality reports in releases: taken over without an image made again, fitting or refused, told in
every card, held against the privacy gate before anything is published."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mammo_synth.cli import main as command
from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import write_text
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.manifest import check_folder, read_manifest, verify_chain, write_manifest
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.choose import readable_facts
from mammo_synth.release.documents import documents
from mammo_synth.release.download import download_release
from mammo_synth.release.folder import Release
from mammo_synth.release.gate import check_quality
from mammo_synth.release.publish import PLANNED, PUBLISHED
from mammo_synth.release.quality import Assessment
from mammo_synth.release.quality_words import KEYS
from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
from mammo_synth.release.verify import verify_release
from mammo_synth.step import put_back, step_folder
from tests.conftest import FakeGenerator, fake_generators
from tests.hub.fixtures import LoopbackHub
from tests.quality.test_report import write
from tests.release.hub_release import NAME, Publisher, holds
from tests.release.hub_release import here as here
from tests.release.hub_release import phantom_set as phantom_set
from tests.release.quality_reports import COPY, REMARK, WARNING, Change, content_of, report_of
from tests.release.tampering import first, rewrite

REASON = "Both films are of the owner, who asks for it."


class Refusing(FakeGenerator):
    """A generator that must not be asked for an image."""

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        raise AssertionError("an image was drawn again")


@dataclasses.dataclass(frozen=True)
class Flow:
    """What a release is built from, and where to."""

    prepared: PreparedSet
    generators: Mapping[int, FakeGenerator]
    out: Path
    version: str = "1.0.0"

    def build(
        self, quality: Path | None = None, override: str | None = None, **how: Any
    ) -> Release:
        settings = ReleaseSettings(20, self.version)
        report = None if quality is None else Assessment.open(quality, override)
        return build_release(
            self.prepared, self.generators, self.out, settings, quality=report, **how
        )

    def refusing(self) -> Flow:
        """The same, of which no image may be drawn."""
        made = {k: Refusing(**vars(generator)) for k, generator in self.generators.items()}
        return dataclasses.replace(self, generators=made)

    def to(self, name: str, version: str = "1.0.0") -> Flow:
        """The same into a folder beside, as another version."""
        return dataclasses.replace(self, out=self.out.parent / name, version=version)


@pytest.fixture(scope="module")
def built(phantom_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """A finished release of simulated films without a report; do not write to it."""
    folder = tmp_path_factory.mktemp("built")
    flow = Flow(phantom_set, fake_generators(phantom_set, folder), folder / "mammo-synth")
    flow.build()
    return flow


@pytest.fixture
def flow(built: Flow, tmp_path: Path) -> Flow:
    """A copy of it, of which no image may be drawn again."""
    out = tmp_path / "mammo-synth"
    shutil.copytree(built.out, out, copy_function=os.link)
    return dataclasses.replace(built.refusing(), out=out)


def left(folder: Path) -> list[str]:
    """Names of what is hidden in a folder."""
    return [path.name for path in folder.glob(".*")]


# Taking over


def test_a_finished_release_takes_a_report_over(built: Flow, flow: Flow, tmp_path: Path) -> None:
    before = Release.open(flow.out)
    (flow.out / ".notes").mkdir()
    (flow.out / ".notes" / "a").write_text("mine")
    quality = report_of(before, tmp_path / "quality")
    after = flow.build(quality)
    rendered = set(documents(before.manifest.settings, before.manifest.facts))
    assert {name for name, entry in before.manifest.files.items()
            if after.manifest.files[name] != entry} <= rendered  # fmt: skip
    assert after.manifest.files.keys() == before.manifest.files.keys()
    facts = after.manifest.facts
    assert {key: facts[key] for key in facts if key not in KEYS} == before.manifest.facts
    assert facts["privacy"]["passed"] and facts["privacy"]["override"] is None
    assert facts["privacy"]["labels"]["cancer"]["membership"]["pattern"]["auroc"] == 0.53
    assert facts["privacy"]["labels"]["normal"]["closer"]["pattern"]["p"] == 0.37
    assert facts["shortcuts"] == [WARNING] and len(facts["quality"]) == 2
    assert verify_release(after) == [] and left(tmp_path) == []
    links = verify_chain(flow.out)
    assert not any(link.problems for link in links)
    assert "quality-report" in [link.kind for link in links if link.found]
    assert str(tmp_path) not in (flow.out / "manifest.json").read_text()
    assert (flow.out / ".notes" / "a").read_text() == "mine"
    assert check_folder(built.out) == [], "the old files were written into"
    # Again, and without the report: it is current, and the report stays.
    stamp = (flow.out / "manifest.json").stat().st_mtime_ns
    assert flow.build(quality).sha256 == flow.build().sha256 == after.sha256
    assert (flow.out / "manifest.json").stat().st_mtime_ns == stamp


def test_built_at_once_or_in_two_steps_it_is_the_same(
    built: Flow, flow: Flow, tmp_path: Path
) -> None:
    quality = report_of(Release.open(flow.out), tmp_path / "quality")
    adopted = flow.build(quality)
    shutil.rmtree(flow.out)
    at_once = dataclasses.replace(flow, generators=built.generators).build(quality)
    assert at_once.sha256 == adopted.sha256


def test_another_report_replaces_the_first_one(flow: Flow, tmp_path: Path) -> None:
    release = Release.open(flow.out)
    failed = report_of(release, tmp_path / "failed", [COPY])
    assert flow.build(failed, REASON).manifest.facts["privacy"]["override"] == REASON
    assert flow.build().manifest.facts["privacy"]["override"] == REASON
    assert flow.build(failed).manifest.facts["privacy"]["override"] is None
    passed = flow.build(report_of(release, tmp_path / "passed"))
    assert passed.manifest.facts["privacy"]["passed"] and verify_release(passed) == []
    assert passed.manifest.facts["history"] == release.manifest.facts["history"]
    reports = [one for one in passed.manifest.inputs if one.kind == "quality-report"]
    assert [one.path for one in reports] == ["../passed"]


def test_films_that_were_put_in_place_stay(prepared_set: PreparedSet, tmp_path: Path) -> None:
    flow = Flow(prepared_set, fake_generators(prepared_set, tmp_path), tmp_path / "mammo-synth")
    bare = flow.build()
    filled = rehydrate(bare, PreparedFilms(prepared_set))
    assessed = flow.refusing().build(report_of(filled, tmp_path / "quality"))
    assert assessed.manifest.facts["real"] == "rehydrated" and verify_release(assessed) == []
    shards = [one["path"] for one in filled.manifest.facts["shards"]]
    assert all(assessed.manifest.files[one] == filled.manifest.files[one] for one in shards)
    # The other way round.
    other = flow.to("other")
    other.build()
    other.refusing().build(tmp_path / "quality")
    again = rehydrate(Release.open(other.out), PreparedFilms(prepared_set))
    assert again.manifest.facts["privacy"] == assessed.manifest.facts["privacy"]
    assert verify_release(again) == []


def test_nothing_damaged_or_foreign_is_taken_over(flow: Flow, tmp_path: Path) -> None:
    release = Release.open(flow.out)
    quality = report_of(release, tmp_path / "quality")
    (flow.out / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"notes\.txt' is no file of the release"):
        flow.build(quality)
    (flow.out / "notes.txt").unlink()
    shard = first(flow.out, "train/cancer-synthetic")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.unlink()  # a link
    shard.write_bytes(data)
    with pytest.raises(BadInput, match=f"{shard.name}' is not the file that the manifest"):
        flow.build(quality)
    assert Release.open(flow.out).sha256 == release.sha256 and left(tmp_path) == []


# Killed at any moment

CHANGING = {"os.link", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}


def killed_at(moment: int, act: Callable[[], object], told: Path) -> bool:
    """Run ``act`` in a process that is killed (SIGKILL) before it changes the disk for the
    ``moment``-th time; whether it was. Else ``told`` has all that it changed, in order."""
    child = os.fork()
    if child == 0:
        changed: list[str] = []

        def hook(event: str, arguments: Any) -> None:
            written = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if event in CHANGING or written:
                changed.append(f"{event} {arguments[0]}")
                if len(changed) == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            act()
            told.write_text(json.dumps(changed[:]))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_leaves_a_sound_release_or_one_that_is_finished(
    built: Flow, flow: Flow, tmp_path: Path
) -> None:
    quality, told = report_of(Release.open(flow.out), tmp_path / "quality"), tmp_path / "told"
    old = Release.open(flow.out).sha256

    def fresh() -> None:
        shutil.rmtree(flow.out)
        shutil.copytree(built.out, flow.out, copy_function=os.link)

    def adopt() -> object:
        return flow.build(quality)

    assert not killed_at(10**9, adopt, told)
    new, changed = Release.open(flow.out).sha256, json.loads(told.read_text())
    # Before, in and after the exchange of the folders each moment; of the others some.
    folders = [k for k, what in enumerate(changed, 1) if what == f"os.rename {flow.out}"]
    assert new != old and len(folders) == 1
    moments = {*range(folders[0] - 2, folders[0] + 6), *range(1, len(changed), len(changed) // 5)}
    seen = set()
    for moment in sorted(moments):
        fresh()
        assert killed_at(moment, adopt, told), moment
        if flow.out.exists():
            assert check_folder(flow.out) == [] and Release.open(flow.out).sha256 in (old, new)
            seen.add(Release.open(flow.out).sha256)
        else:
            seen.add("between")
        assert flow.build(quality).sha256 == new
        assert check_folder(flow.out) == [] and left(tmp_path) == []
    assert seen == {old, new, "between"}
    assert check_folder(built.out) == []


def test_what_stepped_aside_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with step_folder(out, "one") as work:
        (work / "a").write_text("1")
        write_manifest(work, "pool", settings={})
    out.rename(tmp_path / ".out.replaced")
    put_back(out)
    assert (out / "a").read_text() == "1" and left(tmp_path) == []
    shutil.copytree(out, tmp_path / ".out.replaced")
    put_back(out)  # the new one had come
    assert (out / "a").read_text() == "1" and left(tmp_path) == []
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.name.endswith(".unfinished"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="Input/output"), step_folder(out, "two", replace="pool"):
        pass
    assert (out / "a").read_text() == "1"


# Reports that do not fit


def _set(*path: str, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


def _forget(*path: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            _set("prepared_manifest", value="e" * 64),
            "it compares with prepared set eeeeeeee",
        ),
        (
            _set("pools", "cancer", "generator", value="f" * 64),
            "its cancer images are of generator ffffffffffffffff, those of the release of cccccccc",
        ),
        (
            _set("pools", "normal", "truncation", value=0.7),
            "its normal images have truncation psi 0.7, those of the release 1",
        ),
        (_set("pools", "cancer", "seeds", value="0-2"), "cancer images are not in it (seeds 3-"),
        (_set("pools", "normal", "noise", value="random"), "were drawn with random noise"),
        (_forget("pools", "normal"), "it is not of normal images"),
    ],
)
def test_a_report_of_other_images_is_refused(
    flow: Flow, tmp_path: Path, change: Change, words: str
) -> None:
    release = Release.open(flow.out)

    def changed(content: dict[str, Any]) -> None:
        change(content)
        if "normal" not in content["pools"]:
            del content["privacy"]["normal"]

    quality = report_of(release, tmp_path / "quality", change=changed)
    for refused in (flow, flow.to("new")):
        with pytest.raises(BadInput, match="is not of this release") as error:
            refused.build(quality)
        assert words in error.value.message
        assert "mammo-synth pool assess" in str(error.value.hint)
    assert Release.open(flow.out).sha256 == release.sha256
    assert not (tmp_path / "new").exists() and left(tmp_path) == []


def test_more_images_than_the_release_has_are_no_misfit(flow: Flow, tmp_path: Path) -> None:
    def more(content: dict[str, Any]) -> None:
        content["pools"]["cancer"]["seeds"] += ",9000000-9000100"

    assert flow.build(report_of(Release.open(flow.out), tmp_path / "quality", change=more))


def test_edited_reports_are_refused(flow: Flow, tmp_path: Path) -> None:
    release = Release.open(flow.out)
    quality = report_of(release, tmp_path / "quality", [COPY])
    path = quality / "report.json"
    path.write_text(path.read_text().replace('"passed": false', '"passed": true'))
    with pytest.raises(BadInput, match="sha256 differs"):
        flow.build(quality)
    # Sealed again, it contradicts itself.
    content = content_of(release, [COPY])
    for change in (
        _set("verdict", "passed", value=True),
        _set("verdict", "reasons", value=[]),
        _set("verdict", value={**content["verdict"], "passed": True, "reasons": []}),
        _set("privacy", "cancer", "verdict", value={}),
    ):
        sealed = report_of(release, tmp_path / "sealed", [COPY], change)
        with pytest.raises(BadInput, match=r"contradicts itself|no verdict of a pool"):
            flow.build(sealed)
    for change in (_set("shortcuts", value={}), _forget("privacy", "cancer")):
        lacking = report_of(release, tmp_path / "lacking", (), change)
        with pytest.raises(BadInput, match="lacks what a release takes over"):
            flow.build(lacking)
    assert Release.open(flow.out).sha256 == release.sha256


# Overriding


def test_an_override_is_a_sentence_about_a_failed_gate(flow: Flow, tmp_path: Path) -> None:
    release = Release.open(flow.out)
    passed = report_of(release, tmp_path / "passed")
    failed = report_of(release, tmp_path / "failed", [COPY])
    with pytest.raises(BadInput, match="gate was passed"):
        flow.build(passed, REASON)
    for reason in ("", "ok", " " * 40, "too     short"):
        with pytest.raises(BadInput, match="a sentence was expected"):
            flow.build(failed, reason)
    assert Release.open(flow.out).sha256 == release.sha256
    overridden = flow.build(failed, f"  {REASON.replace(' ', chr(10))} ")
    privacy = overridden.manifest.facts["privacy"]
    assert privacy["override"] == REASON and privacy["reasons"] == [COPY]
    assert not privacy["passed"] and verify_release(overridden) == []


# Cards


def cards_of(release: Release) -> dict[str, str]:
    """The ten cards, by path."""
    found = {path.relative_to(release.folder).as_posix(): path.read_text()
             for path in release.folder.rglob("*.md")}  # fmt: skip
    return {name: text for name, text in found.items() if "## Resumen" in text}


def test_every_card_tells_numbers_with_floors_verdict_and_shortcuts(
    flow: Flow, tmp_path: Path
) -> None:
    release = flow.build(report_of(Release.open(flow.out), tmp_path / "quality"))
    cards = cards_of(release)
    assert len(cards) == 10
    for text in cards.values():
        warnings, rest = text.split("\n## ", 1)
        section = rest.split("## Quality and privacy\n")[1].split("\n## ")[0]
        for line in (
            "| measure | class | this release | floor: films against films | better |",
            r"| KID \| radiomics | cancer | 12.3 | 1.25 (0.9 to 1.6) | lower |",
            "| coverage | pooled | 0.81 | not measured | higher |",
        ):
            assert f"\n{line}\n" in section
        for words in (
            "Features are of `radiomics`.",
            "**Privacy.** The privacy gate was passed",
            "nothing can be found",
            "compared with 40 training films and 40 held-out films",
            "0 exact and 0 near copies of training films were found",
            "pattern 0.51 (one-sided p 0.37)",
            "pattern 0.53 (0.46 to 0.61)",
            "- Warning: normal: few held-out films.",
            f"- {REMARK}",
        ):
            assert words in section, words
        assert f"> **Shortcuts.** {WARNING}\n" in warnings and "Privacy" not in warnings
        assert "ot assessed" not in text and "ni la privacidad" not in text
        assert "se superó el control" in text and "**Atajos:**" in text
        assert "None" not in section
        assert not any(line.startswith("|") and before == ""
                       and line.count("|") != 6 and r"\|" not in line
                       for before, line in zip(section.split("\n"), section.split("\n")[1:],
                                               strict=False))  # fmt: skip
    croissant = json.loads((flow.out / "croissant.json").read_text())
    told = " ".join(croissant["rai:dataLimitations"])
    assert "12.345, floor 1.25" in told and WARNING in told and "gate was passed" in told
    assert "None" not in told


@pytest.mark.parametrize(
    ("found", "facts", "words"),
    [
        (None, None, "Not measured."),
        ({"probes": [{"auroc": None}], "warnings": []}, None, "Not measured."),
        ({"probes": [{"auroc": 0.5}], "warnings": []}, [], "gave no reason for a warning."),
        ({"probes": [{"auroc": 0.9}], "warnings": ["Told."]}, ["Told."], "see the warning above."),
    ],
)
def test_no_warning_is_told_apart_from_no_probe(
    flow: Flow, tmp_path: Path, found: Any, facts: Any, words: str
) -> None:
    change = _set("shortcuts", value=found)
    release = flow.build(report_of(Release.open(flow.out), tmp_path / "quality", change=change))
    assert release.manifest.facts["shortcuts"] == facts
    for text in cards_of(release).values():
        assert f"**Shortcuts in the images.** {words}" in text.replace("Found, ", "").replace(
            "Small probes looked at each image by itself, and ", ""
        )
        assert ("> **Shortcuts.** Told." in text) == bool(facts)


@pytest.mark.parametrize("override", [None, REASON])
def test_every_card_warns_of_a_failed_gate(
    flow: Flow, tmp_path: Path, override: str | None
) -> None:
    quality = report_of(
        Release.open(flow.out), tmp_path / "quality", [COPY], _set("shortcuts", value=None)
    )
    release = flow.build(quality, override)
    for text in cards_of(release).values():
        warnings, rest = text.split("\n## ", 1)
        assert f"> **Privacy.** The privacy gate was not passed. {COPY}" in warnings
        assert f"- Not passed: {COPY}" in rest and "was passed" not in text
        assert "no se superó el control" in text
        assert "Shortcuts" not in warnings and "Not measured." in rest
        assert ("Do not publish it." in warnings) == (override is None)
        assert warnings.count(REASON) == rest.count(REASON) == (override is not None)
    croissant = (flow.out / "croissant.json").read_text()
    assert COPY in croissant and (REASON in croissant) == (override is not None)


def test_without_a_report_every_card_says_so(built: Flow) -> None:
    release = Release.open(built.out)
    assert not set(KEYS) & set(release.manifest.facts)
    for text in cards_of(release).values():
        assert "ot assessed for this release" in text
        assert "**Privacy.**" not in text and "Ni la calidad ni la privacidad" in text


def test_generators_that_learned_from_other_films_are_told(flow: Flow, tmp_path: Path) -> None:
    change = _set("pools", "cancer", "learned_from", value="other films")
    flow.build(report_of(Release.open(flow.out), tmp_path / "quality", change=change))
    told = "the generator learned from other films than these: copies of those were not looked for"
    assert (flow.out / "README.md").read_text().count(told) == 1


# Verification


def reseal(folder: Path, change: Change, inputs: bool = True) -> Release:
    """A release whose facts were edited, with cards and manifest made anew."""
    old = read_manifest(folder)
    facts = json.loads(json.dumps(old.facts))
    change(facts)
    for name, text in documents(old.settings, facts).items():
        write_text(folder / name, text)
    kept = old.inputs if inputs else old.inputs[:-1]
    write_manifest(folder, "release", settings=old.settings, inputs=kept, facts=facts)
    return Release.open(folder)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    ("change", "words", "needs_report"),
    [
        (_set("privacy", "passed", value=True), "says two things", False),
        (
            lambda facts: facts["privacy"].update(passed=True, reasons=[]),
            "2 cancer images are exact copies, where 0 are allowed",
            False,
        ),
        (_set("quality_report", "pools", "cancer", "seeds", value="0-2"), "not in it", False),
        (_set("quality_report", "prepared_manifest", value="e" * 64), "prepared set eee", False),
        (_set("privacy", "reasons", value=["normal: other."]), "under 'privacy'", True),
        (_set("quality", value=[]), "under 'quality'", True),
        (_set("shortcuts", value=[]), "under 'shortcuts'", True),
        (_forget("shortcuts"), "no 'shortcuts' from it", False),
        (_forget("quality_report"), "no quality report that it comes from", False),
        (_forget("privacy", "labels", "cancer"), "under 'privacy'", True),
    ],
)
def test_edited_facts_are_found(
    flow: Flow, tmp_path: Path, change: Change, words: str, needs_report: bool, beside: bool
) -> None:
    quality = report_of(Release.open(flow.out), tmp_path / "quality", [COPY])
    assert list(check_quality(flow.build(quality))) == []
    if not beside:
        shutil.rmtree(quality)
        assert list(check_quality(Release.open(flow.out))) == []
    edited = reseal(flow.out, change)
    if beside or not needs_report:
        with readable_facts(edited):
            assert words in " ".join(check_quality(edited))


def test_verification_holds_facts_against_the_report(flow: Flow, tmp_path: Path) -> None:
    flow.build(report_of(Release.open(flow.out), tmp_path / "quality", [COPY]))
    problems = verify_release(reseal(flow.out, _set("quality", value=[])))
    assert problems == [
        "What the manifest says under 'quality' is not what the quality report says."
    ]
    damaged = reseal(flow.out, _set("quality", value=[]))
    facts = {**damaged.manifest.facts, "quality": [{"label": "cancer"}]}
    old = damaged.manifest
    write_manifest(flow.out, "release", settings=old.settings, inputs=old.inputs, facts=facts)
    assert any("No card can be made" in one for one in verify_release(Release.open(flow.out)))


def test_a_report_that_is_not_among_the_inputs_is_found(flow: Flow, tmp_path: Path) -> None:
    flow.build(report_of(Release.open(flow.out), tmp_path / "quality"))
    edited = reseal(flow.out, lambda facts: None, inputs=False)
    assert any("does not name its quality report" in one for one in verify_release(edited))


def test_an_edited_card_is_found(flow: Flow, tmp_path: Path) -> None:
    release = flow.build(report_of(Release.open(flow.out), tmp_path / "quality", [COPY], None))
    card = flow.out / "cards" / "30-70-90syn.md"
    write_text(card, card.read_text().replace("was not passed", "was passed"))
    assert any("30-70-90syn.md" in one for one in verify_release(release))


# Publishing


def test_a_failed_gate_blocks_before_anything_is_sent(
    hub: LoopbackHub, flow: Flow, tmp_path: Path, here: None
) -> None:
    release = flow.build(report_of(Release.open(flow.out), tmp_path / "quality", [COPY]))
    hows: list[dict[str, Any]] = [{}, {"dry_run": True}, {"create_pr": True}]
    for how in hows:
        with pytest.raises(CheckFailed, match=r"was not passed\. cancer: 2 synthetic") as refused:
            Publisher(hub)(release, **how)
        assert refused.value.exit_code == 1 and "--override-privacy" in str(refused.value.hint)
    assert hub.log() == []
    done = hub.run(
        ["-m", "mammo_synth", "release", "publish", str(flow.out), NAME, "--dry-run"],
        tmp_path / "home",
        check=False,
    )
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert COPY in done.stderr and hub.log() == []


def test_an_override_is_said_when_it_is_published(
    hub: LoopbackHub, flow: Flow, tmp_path: Path, here: None
) -> None:
    quality = report_of(Release.open(flow.out), tmp_path / "quality", [COPY])
    release = flow.build(quality, REASON)
    arguments = ["-m", "mammo_synth", "release", "publish", str(flow.out), NAME]
    done = hub.run([*arguments, "--dry-run"], tmp_path / "home")
    assert f"Privacy gate: not passed, and overridden. {REASON}" in done.stdout
    assert COPY in done.stderr
    publisher = Publisher(hub)
    assert publisher(release).state == PUBLISHED
    assert any(COPY in said for said in publisher.notes.said)
    assert REASON in publisher.repository().read("README.md", "v1.0.0").decode()
    # Fetched elsewhere, far from its report, it is as sound and says the same.
    out = tmp_path / "elsewhere" / "mammo-synth"
    fetched = download_release(publisher.repository(), out, sleep=lambda _: None).release
    assert fetched.sha256 == release.sha256 and verify_release(fetched) == []
    assert fetched.manifest.facts["privacy"]["override"] == REASON


def test_films_of_patients_are_assessed_first(
    hub: LoopbackHub, prepared_set: PreparedSet, tmp_path: Path, here: None
) -> None:
    flow = Flow(prepared_set, fake_generators(prepared_set, tmp_path), tmp_path / "mammo-synth")
    release = flow.build()
    for dry_run in (True, False):
        with pytest.raises(CheckFailed, match="never assessed for privacy") as refused:
            Publisher(hub)(release, dry_run=dry_run)
        assert f"mammo-synth pool assess {flow.out} PREPARED" in str(refused.value.hint)
    assert hub.log() == []
    assessed = flow.refusing().build(report_of(release, tmp_path / "quality"))
    publisher = Publisher(hub)
    assert publisher(assessed).state == PUBLISHED and holds(
        publisher.repository(), "v1.0.0", assessed
    )
    assert not any("gate" in said or "assess" in said for said in publisher.notes.said)
    # A gate sees only the films that it was given: that is said.
    change = _set("pools", "normal", "learned_from", value="unknown")
    unseen = flow.refusing().build(report_of(release, tmp_path / "unseen", change=change))
    publisher(unseen, "author/other", dry_run=True)
    assert any("the generator of normal learned from other" in x for x in publisher.notes.said)


def test_a_phantom_release_may_go_unassessed_and_says_so(
    hub: LoopbackHub, built: Flow, here: None
) -> None:
    publisher = Publisher(hub)
    assert publisher(Release.open(built.out), dry_run=True).state == PLANNED
    assert any("was not assessed for quality and privacy" in said for said in publisher.notes.said)


def test_facts_that_are_none_are_refused(hub: LoopbackHub, flow: Flow, here: None) -> None:
    old = read_manifest(flow.out)
    facts = {**old.facts, "privacy": {"passed": False}}
    write_manifest(flow.out, "release", settings=old.settings, inputs=old.inputs, facts=facts)
    with pytest.raises(BadInput, match="not one of a whole release"):
        Publisher(hub)(Release.open(flow.out))
    assert hub.log() == []


# Versions


def test_a_report_alone_is_a_patch_and_is_told(built: Flow, flow: Flow, tmp_path: Path) -> None:
    before = Release.open(flow.out)
    quality = report_of(before, tmp_path / "quality")
    patch = flow.to("patch", "1.0.1").build(quality, after=before)
    entry = patch.manifest.facts["history"][0]
    told = "Quality and privacy were assessed: the privacy gate was passed."
    assert entry == {"version": "1.0.1", "kind": "patch", "changes": [told]}
    assert f"- {told}" in (patch.folder / "CHANGELOG.md").read_text()
    shards = [one["path"] for one in before.manifest.facts["shards"]]
    assert all(patch.manifest.files[one] == before.manifest.files[one] for one in shards)
    assert verify_release(patch) == []
    # The same in two steps: first the version, then its report.
    later = flow.to("later", "1.0.1")
    later.build(after=before)
    assert "Card or metadata only" in later.build().manifest.facts["history"][0]["changes"][0]
    hows: list[dict[str, Any]] = [{"after": before}, {}]
    for how in hows:
        shutil.copytree(later.out, tmp_path / "copy" / "later", dirs_exist_ok=True)
        copy = dataclasses.replace(later, out=tmp_path / "copy" / "later")
        assert copy.build(quality, **how).manifest.facts["history"][0] == entry
        shutil.rmtree(tmp_path / "copy")
    # Another report, an override, none any more.
    failed = report_of(before, tmp_path / "failed", [COPY])
    second = flow.to("second", "1.0.2").build(failed, after=patch)
    (told,) = second.manifest.facts["history"][0]["changes"]
    assert "Another report" in told and "was not passed (before: passed)" in told
    third = flow.to("third", "1.0.3").build(failed, REASON, after=second)
    assert third.manifest.facts["history"][0]["changes"] == [
        "Privacy gate: not passed → not passed, and overridden."
    ]
    assert [one["version"] for one in third.manifest.facts["history"]] == [
        "1.0.3", "1.0.2", "1.0.1", "1.0.0",
    ]  # fmt: skip
    fourth = flow.to("fourth", "1.0.4").build(after=third)
    assert fourth.manifest.facts["history"][0]["changes"] == [
        "Quality and privacy are not assessed any more."
    ]


def test_damaged_images_of_the_version_before_are_not_borrowed(
    built: Flow, flow: Flow, tmp_path: Path
) -> None:
    before = Release.open(flow.out)
    shard = first(flow.out, "train/cancer-synthetic")
    data = shard.read_bytes()
    shard.unlink()
    shard.write_bytes(data)
    rewrite(shard, lambda rows: rows[0].update(seed=5))
    with pytest.raises(AssertionError, match="drawn again"):
        flow.to("patch", "1.0.1").build(after=before)
    drawing = dataclasses.replace(flow, generators=built.generators)
    patch = drawing.to("patch", "1.0.1").build(after=before)
    assert verify_release(patch) == []


# The command


@pytest.fixture
def call(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`mammo-synth release build` in this process, with generators that must not draw."""
    by_label = {LABELS[label]: one for label, one in flow.generators.items()}
    monkeypatch.setattr(
        "mammo_synth.release.generators.GeneratorFile.open",
        lambda path, device, batch: by_label[str(path)],
    )

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        own = ["--prepared", flow.prepared.folder, "--cancer", "cancer", "--normal", "normal"]
        given = [*own, "--size", "20", "--out", flow.out, *arguments]
        with pytest.raises(SystemExit) as done:
            command.main(["release", "build", *map(str, given)])
        told = capsys.readouterr()
        code = done.value.code
        return int(code) if isinstance(code, int) else 0, told.out, " ".join(told.err.split())

    return run


def test_the_command_says_what_the_report_means(
    call: Callable[..., tuple[int, str, str]], flow: Flow, tmp_path: Path
) -> None:
    release = Release.open(flow.out)
    passed = report_of(release, tmp_path / "passed")
    failed = report_of(release, tmp_path / "failed", [COPY])
    code, out, err = call()
    assert code == 0 and f"mammo-synth pool assess {flow.out} PREPARED" in out and "gate" not in err
    code, out, err = call("--quality", failed)
    assert code == 0 and COPY in err and "publish` will refuse this release" in err
    code, out, err = call("--quality", failed, "--override-privacy", REASON, "--json")
    assert code == 0 and f"It is overridden: {REASON}" in err
    assert json.loads(out)["privacy"] == {
        "passed": False,
        "reasons": [COPY],
        "warnings": ["normal: few held-out films."],
        "override": REASON,
    }
    code, out, err = call("--quality", passed)
    assert code == 0 and "Privacy gate: passed." in out and "gate" not in err
    for arguments, words in (
        (["--override-privacy", REASON], "Give the report too: --quality DIR."),
        (["--quality", passed, "--override-privacy", REASON], "nothing to override"),
        (["--quality", failed, "--override-privacy", "ok"], "a sentence was expected"),
        (["--quality", tmp_path / "none"], "no folder"),
        (["--quality", flow.out], "is a release folder; a quality-report folder"),
    ):
        code, out, err = call(*arguments)
        assert code == 2 and words in err and out == ""
    # Killed between two renames, the release stands aside: the same command brings it back.
    flow.out.rename(tmp_path / ".mammo-synth.replaced")
    assert call("--quality", passed)[0] == 0
    assert verify_release(Release.open(flow.out)) == [] and left(tmp_path) == []


def test_reports_of_the_helper_follow_the_schema(built: Flow, tmp_path: Path) -> None:
    report = Assessment.open(write(tmp_path / "q", content_of(Release.open(built.out))))
    assert report.report.labels == LABELS
