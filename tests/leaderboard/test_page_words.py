"""English and Spanish: the same names, placeholders and numbers, and every word translated."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, replace
from html import unescape

import pytest

from mammo_synth.bench.subgroups import DENSITY_CLASSES, NO_SUBGROUPS
from mammo_synth.leaderboard import words, words_es
from mammo_synth.leaderboard.groups import NOT_VERIFIED
from mammo_synth.leaderboard.model import Board, Estimate, ImageForImage, Missing, Table
from mammo_synth.leaderboard.render import Rendered
from mammo_synth.leaderboard.words_page_en import ENGLISH
from mammo_synth.leaderboard.words_page_es import SPANISH

OTHER_FORMS = {"PHANTOM", "POSITIVE", "SHORT_WHY_AUROC", "SUMMARY_ES", "REREAD"}
"""Names of `words` that no page uses."""
ALIKE = {"seed", "normal", "roc", "no", "sha256"}


def _public(module: object) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.isclass(value)
        and not inspect.ismodule(value)
        and name not in ("annotations", "BASELINE", "TWIN", "SOURCE_NAMES", "NUMBERS")
    }


def _parameters(value: object) -> list[str]:
    return list(inspect.signature(value).parameters)  # type: ignore[arg-type]


def test_both_modules_say_the_same_things() -> None:
    english, spanish = _public(words), _public(words_es)
    assert english.keys() - spanish.keys() - OTHER_FORMS == set()
    assert spanish.keys() - english.keys() == set()
    for name, value in english.items():
        if isinstance(value, str) and name in spanish and len(value) > 3:
            assert spanish[name] != value, name
        if inspect.isfunction(value) and name in spanish:
            assert _parameters(value) == _parameters(spanish[name]), name
        if isinstance(value, dict) and name in spanish:
            assert value.keys() == spanish[name].keys(), name  # type: ignore[attr-defined]


def test_rules_have_the_same_numbers_in_both() -> None:
    def numbers(text: str) -> list[str]:
        return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d)[,\u202f](?=\d)", "", text)))

    english, spanish = words.rules(2000), words_es.rules(2000)
    assert spanish.pop() == words_es.NUMBERS
    assert [numbers(text) for text in english] == [numbers(text) for text in spanish]
    assert "2000" in numbers(english[1]) and "0.500" in numbers(spanish[3])


def test_sentences_of_rows_say_the_same_in_both(phantom: Table) -> None:
    first, *_ = phantom.of_kind("ranked")
    series = first.series
    estimates = [Estimate(-0.1), Estimate(0.0, -0.1, 0.1)]
    estimates += [Estimate(0.2, 0.1, 0.3), Estimate(-0.2, -0.3, -0.1)]
    table = replace(
        phantom,
        image_for_image=tuple(ImageForImage(series, one) for one in estimates),
        missing=(Missing(series, ("50-50-90syn", "real"), (("50-50-95syn", 1, 3),)),),
    )
    assert words.image_for_image(table) == [
        "vgg16: TRTR minus its twin −0.100 AUROC, no interval",
        "vgg16: TRTR minus its twin 0.000 AUROC (−0.10 to +0.10), not told apart",
        "vgg16: TRTR minus its twin +0.200 AUROC (+0.10 to +0.30), real films better",
        "vgg16: TRTR minus its twin −0.200 AUROC (−0.30 to −0.10), synthetic images better",
    ]
    assert words_es.image_for_image(table) == [
        "vgg16: TRTR menos su gemelo −0.100 de AUROC, sin intervalo",
        "vgg16: TRTR menos su gemelo 0.000 de AUROC (−0.10 a +0.10), no se distinguen",
        "vgg16: TRTR menos su gemelo +0.200 de AUROC (+0.10 a +0.30), mejor con películas reales",
        "vgg16: TRTR menos su gemelo −0.200 de AUROC (−0.30 a −0.10), "
        "mejor con imágenes sintéticas",
    ]
    assert words.missing(table) == [
        "vgg16: not measured: 50-50-90syn, real (TRTR); 50-50-95syn has 1 of 3 replicates"
    ]
    assert words_es.missing(table) == [
        "vgg16: sin medir: 50-50-90syn, real (TRTR); 50-50-95syn tiene 1 de 3 réplicas"
    ]


def test_what_is_said_of_a_row_says_the_same_in_both(board: Board, phantom: Table) -> None:
    first, *_ = phantom.of_kind("ranked")
    one = replace(first, runs=first.runs[:1], due=1)
    rows = (first, one, replace(one, due=3))
    assert [words.replicates(row) for row in rows] == [
        "2 replicates",
        "1 replicate",
        "1 of 3 replicates",
    ]
    assert [words_es.replicates(row) for row in rows] == [
        "2 réplicas",
        "1 réplica",
        "1 de 3 réplicas",
    ]
    assert words.operating_point(first) == "max balanced accuracy, chosen on validation data"
    assert words_es.operating_point(first) == (
        "máxima exactitud balanceada, elegido con datos de validación"
    )
    (silent,) = board.tables[0].rows  # every film has the same score, below the operating point
    assert words.undefined_reason(silent, "precision") == (
        "undefined in 1 of 1 replicates (no predicted cancer)"
    )
    assert words_es.undefined_reason(silent, "precision") == (
        "sin definir en 1 de 1 réplicas (nada se dio por cáncer)"
    )
    assert (
        words.undefined_reason(silent, "auroc") == words_es.undefined_reason(silent, "auroc") == ""
    )


@pytest.mark.parametrize("field", [field.name for field in fields(ENGLISH)])
def test_labels_have_the_same_gaps(field: str) -> None:
    english, spanish = getattr(ENGLISH, field), getattr(SPANISH, field)
    gaps = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, spanish)]
    assert gaps[0] == gaps[1]
    if field not in ALIKE:
        assert english != spanish


def test_the_spanish_page_is_in_spanish(rendered: Rendered) -> None:
    html = rendered.files["index.es.html"].read_text("utf-8")
    assert html.startswith('<!doctype html>\n<html lang="es">')
    assert 'href="index.html" lang="en" hreflang="en"' in html
    text = unescape(re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", html, flags=re.S))
    text = " ".join(text.split())
    for sentence in (
        words_es.NOTICE, words_es.PHANTOM_REST, words_es.STUDY_PROTOCOL, words_es.WHY_AUROC,
        words_es.TWIN_RULE, words_es.PUBLISHED_TITLE, words_es.NUMBERS,
        "Sin medir y por eso sin puesto: 30-70-95syn, 70-30-90syn",
        "80 películas reales (24 con cáncer, 56 normales) de 40 pacientes",
        "24\u202f000 por configuración, de 512 px", "TRTR menos su gemelo +",
        "no se distingue del azar", "cifra por cifra la fila de 30-70-90syn",
    ):  # fmt: skip
        assert " ".join(sentence.split()) in text, sentence
    # Words that only English has, outside names that records give.
    left = re.findall(r"\b(?:the|and|with|films|rows|ranked|missing|guessing|twin|which)\b", text)
    # The citation of the study is a title, and stays.
    assert left == []


def test_numbers_are_the_same_in_both(rendered: Rendered) -> None:
    def numbers(name: str) -> list[str]:
        html = rendered.files[name].read_text("utf-8")
        return re.findall(r"(?<=>)[+−]?\d\.\d{3}(?=<)", html)

    assert numbers("index.html") == numbers("index.es.html") != []


def test_what_records_say_is_translated_or_left() -> None:
    both = f"{DENSITY_CLASSES} {NOT_VERIFIED}"
    assert "palabra por palabra" in words_es.known(both) and "recalcularon" in words_es.known(both)
    assert words_es.known("view") == "proyección"
    assert words_es.known(NO_SUBGROUPS).startswith("Ni proyección")
    assert words_es.known("MLO") == "MLO" == words.known("MLO")


def test_verification_claims_no_more_than_was_done() -> None:
    assert words.verification(3, 3).startswith("Every stored number")
    assert "Of 2 of 3 records the stored intervals were not recomputed" in words.verification(3, 1)
    assert "De 2 de los 3 registros no se recalcularon" in words_es.verification(3, 1)
