"""The cards: YAML that the Hub's clients read, numbers that are in the shards, warnings always."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput
from mammo_synth.manifest import MANIFEST_NAME, read_manifest
from mammo_synth.release.card import render_card, render_configuration_card
from mammo_synth.release.card_metadata import card_metadata
from mammo_synth.release.documents import documents, refresh
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import loadable
from mammo_synth.resources import resource
from tests.release.variants import FORMS, QUALITY, facts_in, write_release

REHYDRATE = "mammo-synth release rehydrate mammo-synth --films PATH"
KEPT = resource("dataset_cards") / "phantom"


def texts(release: Release, form: str, **changes: Any) -> dict[str, str]:
    return documents(release.manifest.settings, facts_in(release, form, **changes))


def card(release: Release, form: str, **changes: Any) -> str:
    return render_card(release.manifest.settings, facts_in(release, form, **changes))


def front(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_hubs_own_client_reads_the_yaml(small_release: Release, form: str) -> None:
    from huggingface_hub import DatasetCard, DatasetCardData

    text = card(small_release, form)
    data = DatasetCard(text).data
    assert isinstance(data, DatasetCardData)
    assert data.to_dict() == front(text)
    simulated = form in ("phantom", "study")
    assert data.task_categories == ["image-classification"]
    assert data.size_categories == ["n<1K"]
    assert data.language == ["en"]
    found = [] if simulated or form == "referenced" else ["found"]
    assert data.annotations_creators == ["machine-generated", *found]
    assert data.source_datasets == (["original"] if simulated else ["extended|other-mias"])
    assert {"mammography", "medical", "synthetic"} <= set(data.tags)
    assert ("phantom" in data.tags) == ("phantom" in data.pretty_name) == simulated
    assert ("study-protocol" in data.tags) == (form == "study")
    licence = {"phantom": "cc0-1.0", "study": "cc0-1.0", "open": "cc-by-4.0"}.get(form, "other")
    assert data.license == licence
    if licence == "other":
        assert re.fullmatch(r"[a-z0-9.-]+", data.license_name)
        assert data.license_link in texts(small_release, form)
    else:
        assert "license_name" not in data.to_dict()


@pytest.mark.parametrize("form", FORMS)
def test_films_of_patients_ask_before_they_are_given_out(small_release: Release, form: str) -> None:
    fields = {key for key in front(card(small_release, form)) if key.startswith("extra_gated")}
    assert bool(fields) == (form == "open")
    if form == "open":
        gate = front(card(small_release, form))["extra_gated_fields"]
        assert {"extra_gated_prompt", "extra_gated_fields"} <= fields
        kinds = {"text", "country", "checkbox"}
        assert all(isinstance(kind, dict) or kind in kinds for kind in gate.values())
        assert any("diagnosis" in field for field in gate)


@pytest.mark.parametrize("form", ["phantom", "referenced"])
def test_datasets_reads_what_the_folder_holds(
    small_release: Release, offline: Any, tmp_path: Path, form: str
) -> None:
    facts = facts_in(small_release, form)
    folder = str(write_release(small_release, facts, tmp_path))
    offers = loadable(facts)
    names = [name for name in CONFIGURATIONS if form == "phantom" or name.endswith("100syn")]
    splits = ["train", "test"] + (["real_test"] if form == "phantom" else [])
    assert offline.get_dataset_config_names(folder) == list(offers) == names
    default = "50-50-90syn" if form == "phantom" else "50-50-100syn"
    assert offline.load_dataset_builder(folder).config.name == default
    builder = offline.load_dataset_builder(folder, names[-1])
    digest = facts["configurations"][names[-1]]["digest"]
    assert str(builder.info.version) == "1.0.0" and digest[:16] in builder.config.description
    assert list(builder.info.splits) == splits
    data = offline.load_dataset(folder, names[-1])
    for split in splits:
        rows = facts["configurations"][names[-1]]["splits"][split]["rows"]
        assert data[split].num_rows == builder.info.splits[split].num_examples == rows


def test_a_rebuilt_folder_has_another_description(small_release: Release) -> None:
    settings, facts = small_release.manifest.settings, facts_in(small_release, "phantom")

    def descriptions() -> list[str]:
        return [one["description"] for one in card_metadata(settings, facts)["configs"]]

    before = descriptions()
    assert len(set(before)) == 9
    facts["configurations"]["30-70-95syn"]["digest"] = "0" * 64
    differ = [a != b for a, b in zip(before, descriptions(), strict=True)]
    assert differ == [name == "30-70-95syn" for name in CONFIGURATIONS]


def stored_counts(release: Release, name: str) -> dict[tuple[str, int, int], int]:
    """Rows of a configuration by (split, label, origin), counted in the shards themselves."""
    counts: dict[tuple[str, int, int], int] = {}
    for split, entry in release.manifest.facts["configurations"][name]["splits"].items():
        for path in entry["shards"]:
            table = pq.read_table(release.folder / path, columns=["label", "origin"])
            for row in table.to_pylist():
                key = (split, row["label"], row["origin"])
                counts[key] = counts.get(key, 0) + 1
    return counts


def test_the_counts_of_the_cards_are_those_of_the_shards(small_release: Release) -> None:
    text = card(small_release, "phantom")
    for name in CONFIGURATIONS:
        counts = stored_counts(small_release, name)
        (line,) = re.findall(rf"^\| \[`{name}`\].*$", text, flags=re.M)
        shown = [tuple(map(int, pair)) for pair in re.findall(r"(\d+) \+ (\d+)", line)]
        assert shown == [
            (counts.get((split, label, 0), 0), counts.get((split, label, 1), 0))
            for split in ("train", "test")
            for label in (1, 0)
        ]
        assert line.endswith(f"| {sum(map(sum, shown))} |")
        own = texts(small_release, "phantom")[f"cards/{name}.md"]
        for split in ("train", "test", "real_test"):
            for label, word in ((1, "cancer"), (0, "normal")):
                synthetic, real = (counts.get((split, label, origin), 0) for origin in (0, 1))
                row = f"| {split} | {word} | {synthetic} | {real} | {synthetic + real} |"
                assert row in own


def test_chance_levels_are_what_a_constant_answer_gets(small_release: Release) -> None:
    own = texts(small_release, "phantom")["cards/70-30-100syn.md"]
    for split in ("test", "real_test"):
        labels = small_release.rows("70-30-100syn", split).label
        always_normal, prevalence = (labels == 0).mean(), (labels == 1).mean()
        assert always_normal > 0.5
        row = (
            f"| {split} | {always_normal:.3f} (always normal) | 0.500 | 0.500 | {prevalence:.3f} |"
        )
        assert row in own


def test_images_in_common_are_those_of_the_shards(small_release: Release) -> None:
    def ids(name: str) -> set[str]:
        return {
            row["image_id"]
            for split in ("train", "test")
            for row in small_release.records(name, split)
        }

    own = texts(small_release, "phantom")["cards/50-50-90syn.md"]
    for other in set(CONFIGURATIONS) - {"50-50-90syn"}:
        common = len(ids("50-50-90syn") & ids(other))
        (line,) = re.findall(rf"^\| \[`{other}`\].*$", own, flags=re.M)
        assert line.endswith(f"| {common} of 120 |")


@pytest.mark.parametrize("form", FORMS)
def test_every_card_warns_in_both_languages(small_release: Release, form: str) -> None:
    found = texts(small_release, form)
    cards = {name: text for name, text in found.items() if "## Resumen en español" in text}
    assert len(cards) == 10
    for name, text in cards.items():
        english, spanish = text.split("## Resumen en español")
        pairs = {
            "Never for diagnosis": "Nunca para diagnóstico",
            "the films that its generator learned from: an intent": "intención del generador",
            "Two generators leave two fingerprints": "Dos generadores dejan dos huellas",
            "nor about copies of training films": "copias de películas de entrenamiento",
            "shuffle before training": "baraja",
            "films behind this release are simulated": "películas son simuladas",
            '"Cancer" here is any tumour': "cualquier tumor, benigno o maligno",
            "do not publish it": "No publiques esta carpeta",
            "mammo-synth release rehydrate": "mammo-synth release rehydrate",
            "in neither class": "no están en ninguna clase",
        }
        absent = set()
        if form not in ("phantom", "study"):
            absent.add("films behind this release are simulated")
        if form != "study":
            absent.add('"Cancer" here is any tumour')
        else:
            absent.add("in neither class")
        if form != "rehydrated":
            absent.add("do not publish it")
        if form != "referenced":
            absent.add("mammo-synth release rehydrate")
        elif "100syn" not in name and name != "README.md":
            absent.add("shuffle before training")  # there is nothing to load
        for words, palabras in pairs.items():
            flat = english.replace("Such a folder is for you alone: do not publish it.", "")
            assert (words in flat) == (words not in absent), (name, words)
            if words != "shuffle before training":
                assert (palabras in spanish) == (words not in absent), (name, palabras)
        first = english.index("Never for diagnosis")
        assert first < english.index("## "), "the warning stands before anything else"


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_called_real_that_is_simulated(small_release: Release, form: str) -> None:
    for name, text in texts(small_release, form).items():
        assert not re.search(r"real mammogram|\bfree\b|\{\{|\{%|StrictUndefined", text, re.I), name
        assert not re.search(r"\bNone\b(?!: no image)", text), name
        if form in ("phantom", "study"):
            rest = text.replace("one ranking with results on real films", "")
            assert not re.search(r"real films?\b", rest, re.I), name


@pytest.mark.parametrize("form", FORMS)
def test_one_load_line_and_every_link_leads_somewhere(small_release: Release, form: str) -> None:
    found = texts(small_release, form)
    name = "50-50-100syn" if form == "referenced" else "50-50-90syn"
    assert re.findall(r"^.*load_dataset\(.*$", found["README.md"], flags=re.M) == [
        f'data = load_dataset("mammo-synth", "{name}")  # '
        + ("train, test" if form == "referenced" else "train, test, real_test")
    ]
    english = found["README.md"].split("## Resumen")[0]
    assert english.count(REHYDRATE) == (1 if form == "referenced" else 0)
    for path, text in found.items():
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            target = (Path(path).parent / link).as_posix().replace("cards/../", "")
            assert target in found or (small_release.folder / target).is_file(), (path, link)


def test_a_referenced_release_says_what_loads_now(small_release: Release) -> None:
    text = card(small_release, "referenced")
    for name in CONFIGURATIONS:
        (line,) = re.findall(rf"^\| \[`{name}`\].*$", text, flags=re.M)
        assert line.endswith("| yes |" if "100syn" in name else "| with your films |")
    found = texts(small_release, "referenced")
    assert "Does not load from this folder as it is" in found["cards/50-50-95syn.md"]
    assert "Split `real_test` is not in this folder" in found["cards/50-50-100syn.md"]
    assert "load_dataset(" not in found["cards/50-50-95syn.md"]


def test_a_number_of_quality_is_shown_with_its_floor_or_not_at_all(small_release: Release) -> None:
    section = card(small_release, "open", quality=QUALITY).split("## Quality and privacy")[1]
    section = section.split("\n## ")[0]
    assert "| KID × 1000 | cancer | 12.3 | 1.25 | lower |" in section
    assert "| copies found | both | 0 | not measured | lower |" in section
    section = card(small_release, "open").split("## Quality and privacy")[1].split("\n## ")[0]
    assert "Not assessed for this release" in section and not re.search(r"\d", section)


def test_the_shortcut_of_the_files_is_told(small_release: Release) -> None:
    shortcut = {"auroc": 0.53, "low": 0.43, "high": 0.63, "chance": 0.5, "words": "at chance"}
    text = card(small_release, "open", shortcut=shortcut)
    assert "AUROC 0.53 (95 % interval 0.43 to 0.63; chance 0.5; cancer is positive)" in text
    unmeasured = {**shortcut, "auroc": None, "words": "not measured: 3 patients with cancer films"}
    assert "not measured: 3 patients" in card(small_release, "open", shortcut=unmeasured)
    assert "classes away was not measured" in card(small_release, "open")


def test_generators_are_told_from_their_files(small_release: Release) -> None:
    facts = facts_in(small_release, "open")
    facts["generators"]["cancer"] |= {
        "kimg": 1234.5,
        "source": "mias",
        "licence": "on request",
        "before": [{"sha256": "b" * 64, "label": "both", "kimg": "48", "films": "none"}],
    }
    facts["generators"]["normal"] |= {"kimg": None, "prepared_set": ""}
    text = render_card(small_release.manifest.settings, facts)
    cancer, normal = re.findall(r"^- \*\*Generator of .*$", text, flags=re.M)
    digest = small_release.manifest.facts["generators"]["cancer"]["sha256"]
    for words in (digest, "1,234.5 kimg", "source mias", "Licence: on request", "psi 1.0"):
        assert words in cancer
    assert f"Began from networks `{'b' * 16}`, of label both, 48 kimg, which never saw" in cancer
    assert "kimg unknown" in normal and "prepared set unknown" in normal
    assert "Began from" not in normal


def test_the_newest_changes_stand_in_the_card_and_all_in_the_changelog(
    small_release: Release,
) -> None:
    history = [
        {"version": "1.1.0", "kind": "minor", "changes": ["Ten images added."]},
        {"version": "1.0.0", "kind": "first", "changes": ["First release."]},
    ]
    found = texts(small_release, "open", history=history)
    versions = found["README.md"].split("## Versions")[1].split("\n## ")[0]
    assert "**1.1.0** (minor): Ten images added." in versions and "First" not in versions
    for part in ("patch", "minor", "major"):
        assert f"**{part}**:" in versions
    assert re.findall(r"^## (.*)$", found["CHANGELOG.md"], flags=re.M) == [
        "1.1.0 (minor)",
        "1.0.0 (first)",
    ]


def test_documents_are_the_same_from_a_manifest_that_was_written_and_read(
    small_release: Release,
) -> None:
    settings, facts = small_release.manifest.settings, facts_in(small_release, "open")
    again = json.loads(json.dumps(facts, sort_keys=True))
    assert documents(settings, again) == documents(settings, facts)
    old = {k: v for k, v in facts.items() if k not in ("real", "references", "history", "shortcut")}
    assert documents(settings, old) == documents(settings, facts)


def test_an_unknown_configuration_has_no_card(small_release: Release) -> None:
    with pytest.raises(BadInput, match="no configuration '50-50-9syn'"):
        render_configuration_card(
            "50-50-9syn", small_release.manifest.settings, small_release.manifest.facts
        )


def test_documents_are_refreshed_from_a_folder_with_a_manifest(
    small_release: Release, tmp_path: Path
) -> None:
    refresh(small_release.folder, tmp_path / "cards")
    kept = read_manifest(tmp_path / "cards", "release")
    assert kept.sha256 == small_release.sha256
    for name, text in documents(kept.settings, kept.facts).items():
        assert (tmp_path / "cards" / name).read_text(encoding="utf-8") == text
    command = [sys.executable, "-m", "mammo_synth.release.documents"]
    for arguments, words in ((["x"], "Usage:"), ([str(tmp_path / "no"), "x"], "no folder")):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_the_kept_cards_are_those_of_the_kept_manifest() -> None:
    kept = read_manifest(KEPT, "release")
    expected = documents(kept.settings, kept.facts)
    held = {p.relative_to(KEPT).as_posix() for p in KEPT.rglob("*") if p.suffix in (".md", ".json")}
    assert held == {*expected, MANIFEST_NAME}
    for name, text in expected.items():
        assert (KEPT / name).read_text(encoding="utf-8") == text, (
            f"{name} drifted: python -m mammo_synth.release.documents {KEPT} {KEPT}"
        )
