"""DDSM: the original volumes, the findings of their marks, and what contradicts them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.record import FilmRecord, Listing, label_of
from mammo_synth.films.sources import open_source
from mammo_synth.films.sources.ddsm import DdsmSource
from mammo_synth.films.sources.ddsm_case import (
    MAX_LABEL_BYTES,
    film_name,
    marked_finding,
    parse_ics,
    parse_overlay,
)
from tests.conftest import fake_film
from tests.films.jpeg_streams import lossless_jpeg

SEQUENCES = ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")
HEIGHT, WIDTH = 48, 40


def ics_text(case: str, marked: Sequence[str] = (), density: str = "3") -> str:
    """An .ics file as DDSM has them, with its empty first line and spaces at line ends."""
    lines = [
        "",
        "ics_version 1.0",
        f"filename {case.replace('_', '-')}-1",
        "DATE_OF_STUDY 2 7 1995",
        "PATIENT_AGE 42",
        "FILM ",
        "FILM_TYPE REGULAR",
        f"DENSITY {density}",
        "DATE_DIGITIZED 7 22 1997 ",
        "DIGITIZER LUMISYS LASER",
        "SEQUENCE",
        *(
            f"{s} LINES {HEIGHT} PIXELS_PER_LINE {WIDTH} BITS_PER_PIXEL 12 RESOLUTION 50 "
            f"{'OVERLAY' if s in marked else 'NON_OVERLAY'}"
            for s in SEQUENCES
        ),
    ]
    return "\n".join(lines) + "\n"


def overlay_text(*pathologies: str) -> str:
    """An .OVERLAY file as DDSM has them: with outlines in chain code."""
    text = f"TOTAL_ABNORMALITIES {len(pathologies)}\n"
    for number, pathology in enumerate(pathologies, start=1):
        text += (
            f"ABNORMALITY {number}\nLESION_TYPE MASS SHAPE IRREGULAR MARGINS SPICULATED\n"
            f"ASSESSMENT 5\nSUBTLETY 4\nPATHOLOGY {pathology}\nTOTAL_OUTLINES 2\nBOUNDARY\n"
            f"{'1752 1536 ' + '4 5 6 ' * 200}# \n\tCORE\n1750 1540 0 1 2 #\n"
        )
    return text


def pixels(case: str, sequence: str) -> np.ndarray:
    """A 12-bit film; every film is another one."""
    number = int(case[2:]) * 4 + SEQUENCES.index(sequence)
    return fake_film(number, "normal", shape=(HEIGHT, WIDTH)).astype(np.uint16) * 16


def write_film(folder: Path, case: str, sequence: str, ending: str) -> Path:
    path = folder / f"{case}_1.{sequence}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".LJPEG":
        path.write_bytes(lossless_jpeg(pixels(case, sequence), 12, predictor=7, pvrg=True))
    else:
        kind = {"png": "PNG", "tif": "TIFF"}.get(ending.lower().rsplit(".", 1)[1], "PPM")
        Image.fromarray(pixels(case, sequence)).save(path, format=kind)
    return path


def write_case(
    root: Path,
    volume: str,
    case: str,
    marks: dict[str, Sequence[str]] | None = None,
    ending: str = ".png",
) -> Path:
    """A case folder in the layout of the volumes; ``marks``: sequence → pathologies."""
    marks = marks or {}
    kind = volume.rsplit("_", 1)[0] + "s"
    folder = root / kind / volume / f"case{case[2:]}"
    folder.mkdir(parents=True)
    (folder / f"{case.replace('_', '-')}-1.ics").write_text(ics_text(case, list(marks)))
    for sequence in SEQUENCES:
        write_film(folder, case, sequence, ending)
    for sequence, pathologies in marks.items():
        (folder / f"{case}_1.{sequence}.OVERLAY").write_text(overlay_text(*pathologies))
    (folder / f"TAPE_{case}_1.COMB.16_PGM").write_bytes(b"P5")
    return folder


@pytest.fixture()
def ddsm(tmp_path: Path) -> Path:
    """One case of each kind of volume."""
    root = tmp_path / "cases"
    both = {"LEFT_CC": ["BENIGN", "MALIGNANT"], "LEFT_MLO": ["MALIGNANT"], "RIGHT_CC": ["BENIGN"]}
    write_case(root, "cancer_01", "B_3141", both)
    write_case(root, "benign_02", "A_1354", {"RIGHT_CC": ["BENIGN"], "RIGHT_MLO": ["UNPROVEN"]})
    write_case(
        root, "benign_without_callback_01", "C_0403", {"LEFT_CC": ["BENIGN_WITHOUT_CALLBACK"]}
    )
    write_case(root, "normal_09", "D_4501")
    return root


def by_id(listing: Listing) -> dict[str, FilmRecord]:
    return {record.image_id: record for record in listing.records}


def reasons(listing: Listing) -> dict[str, str]:
    return {r.film: r.reason for r in listing.refused}


def says(listing: Listing, words: str) -> bool:
    return any(words in remark for remark in listing.remarks)


def folder_of(root: Path, case: str) -> Path:
    return next(root.rglob(f"case{case[2:]}"))


def test_strict_takes_the_finding_of_the_films_own_marks(ddsm: Path) -> None:
    listing = DdsmSource(ddsm).list()
    films = by_id(listing)
    assert {k: r.finding for k, r in films.items()} == {
        "ddsm-A_1354_1_RIGHT_CC": "benign",
        "ddsm-B_3141_1_LEFT_CC": "malignant",  # one benign and one malignant mark
        "ddsm-B_3141_1_LEFT_MLO": "malignant",
        "ddsm-B_3141_1_RIGHT_CC": "benign",  # in a case of a cancer volume
        "ddsm-C_0403_1_LEFT_CC": "benign",
        **{f"ddsm-D_4501_1_{s}": "normal" for s in SEQUENCES},
    }
    assert list(films) == sorted(films)
    assert {r.patient_id for r in films.values()} == {
        "ddsm-A_1354",
        "ddsm-B_3141",
        "ddsm-C_0403",
        "ddsm-D_4501",
    }
    film = films["ddsm-B_3141_1_LEFT_MLO"]
    assert (film.view, film.laterality, film.density) == ("MLO", "L", "3")
    assert film.locator == f"cancers/cancer_01/case3141/B_3141_1.LEFT_MLO.png|{WIDTH}|{HEIGHT}"
    assert listing.refused == ()
    assert says(listing, "6 films without a mark in cases with a lesion left aside")
    assert says(listing, "1 film left aside: what is marked on them is UNPROVEN")
    assert says(listing, "hold the same patients")
    assert not says(listing, "Study protocol")


def test_study_takes_the_finding_of_the_volume_and_says_so(ddsm: Path) -> None:
    listing = DdsmSource(ddsm, protocol="study").list()
    findings = [record.finding for record in listing.records]
    assert [findings.count(f) for f in ("malignant", "benign", "normal")] == [4, 8, 4]
    assert sum(label_of(f, "study") == 1 for f in findings) == 12
    assert says(listing, "Study protocol: the volume decides")
    with pytest.raises(BadInput, match="no protocol 'loose'"):
        DdsmSource(ddsm, protocol="loose")


@pytest.mark.parametrize(
    "ending", [".LJPEG", ".png", ".LJPEG.png", ".PNG", ".tif", ".LJPEG.1-ddsmraw2pnm.pnm", ".pgm"]
)
def test_every_format_that_kept_the_names_gives_the_same_films(tmp_path: Path, ending: str) -> None:
    write_case(tmp_path, "cancer_01", "B_3141", {"LEFT_CC": ["MALIGNANT"]}, ending)
    source = DdsmSource(tmp_path)
    (record,) = source.list().records
    film = source.read(record)
    assert np.array_equal(film.pixels, pixels("B_3141", "LEFT_CC"))
    assert record.image_id == "ddsm-B_3141_1_LEFT_CC" and record.finding == "malignant"
    path = tmp_path / record.locator.split("|")[0]
    assert source.size(record) == path.stat().st_size
    assert source.digest(record) == sha256_file(path)


def test_an_ljpeg_whose_size_is_exchanged_is_laid_out_as_the_ics_file_says(ddsm: Path) -> None:
    path = folder_of(ddsm, "D_4501") / "D_4501_1.LEFT_CC.LJPEG"
    path.with_name("D_4501_1.LEFT_CC.png").unlink()
    film = pixels("D_4501", "LEFT_CC")
    path.write_bytes(lossless_jpeg(film.reshape(WIDTH, HEIGHT), 12))  # declared 48 wide, 40 high
    source = DdsmSource(ddsm)
    record = by_id(source.list())["ddsm-D_4501_1_LEFT_CC"]
    assert record.locator.startswith("normals/normal_09/case4501/D_4501_1.LEFT_CC.LJPEG|")
    assert np.array_equal(source.read(record).pixels, film)


@pytest.mark.parametrize("ending", [".LJPEG", ".png"])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 8), (2 * HEIGHT, 2 * WIDTH)])
def test_a_size_that_contradicts_the_ics_file(
    tmp_path: Path, ending: str, shape: tuple[int, int]
) -> None:
    folder = write_case(tmp_path, "normal_01", "A_0200", ending=ending)
    other = fake_film(1, "normal", shape=shape).astype(np.uint16)
    path = folder / f"A_0200_1.LEFT_CC{ending}"
    if ending == ".LJPEG":
        path.write_bytes(lossless_jpeg(other, 12))
    else:
        Image.fromarray(other).save(path)
    source = DdsmSource(tmp_path)
    record = by_id(source.list())["ddsm-A_0200_1_LEFT_CC"]
    with pytest.raises(BadInput) as error:
        source.read(record)
    assert f"{shape[1]} x {shape[0]}" in str(error.value)
    assert f"{WIDTH} x {HEIGHT}" in str(error.value)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((19, 16), True),
        ((HEIGHT, WIDTH), True),
        ((40, 48), False),  # turned
        ((24, 32), False),  # squeezed
        ((HEIGHT + 1, WIDTH), False),
        ((HEIGHT, WIDTH + 1), False),
    ],
)
def test_a_conversion_may_be_reduced_but_not_turned_or_squeezed(
    tmp_path: Path, shape: tuple[int, int], fits: bool
) -> None:
    folder = write_case(tmp_path, "normal_01", "A_0200")
    Image.fromarray(fake_film(1, "normal", shape=shape)).save(folder / "A_0200_1.LEFT_CC.png")
    source = DdsmSource(tmp_path)
    record = by_id(source.list())["ddsm-A_0200_1_LEFT_CC"]
    if fits:
        assert source.read(record).pixels.shape == shape
        return
    with pytest.raises(BadInput, match=rf"{shape[1]} x {shape[0]} pixels; the \.ics"):
        source.read(record)


def test_several_formats_take_the_one_that_most_films_have(ddsm: Path) -> None:
    for case in ("B_3141", "D_4501"):
        for sequence in SEQUENCES:
            write_film(folder_of(ddsm, case) / "PNGFiles", case, sequence, ".LJPEG")
    listing = DdsmSource(ddsm).list()
    assert all(".png|" in record.locator for record in listing.records)
    assert says(listing, "8 films lie there in several formats")
    (folder_of(ddsm, "D_4501") / "D_4501_1.LEFT_CC.png").unlink()
    listing = DdsmSource(ddsm).list()
    assert ".LJPEG|" in by_id(listing)["ddsm-D_4501_1_LEFT_CC"].locator
    assert says(listing, "The films are in several formats (LJPEG 1, PNG 15)")


def test_films_may_lie_apart_from_their_case_files(ddsm: Path) -> None:
    for path in sorted(ddsm.rglob("*.png")):
        path.rename(ddsm / path.name)
    assert len(DdsmSource(ddsm).list().records) == 9


def test_one_volume_alone_is_known_by_the_name_of_its_folder(ddsm: Path) -> None:
    source = DdsmSource(ddsm / "normals" / "normal_09")
    assert [r.finding for r in source.list().records] == ["normal"] * 4
    assert source.settings["volume_of_folder"] == "normal"
    lone = ddsm / "normals" / "normal_09" / "case4501"
    with pytest.raises(BadInput, match="no DDSM film that can be used: 0 refused, 4 left aside"):
        DdsmSource(lone).list()


def test_unknown_volumes_keep_only_what_is_marked(ddsm: Path, tmp_path: Path) -> None:
    for path in [p for p in ddsm.rglob("case*") if p.is_dir()]:
        path.rename(tmp_path / path.name)
    listing = DdsmSource(tmp_path).list()
    assert len(listing.records) == 5 and not any(r.finding == "normal" for r in listing.records)
    assert says(listing, "10 films left aside: no folder names a volume")
    with pytest.raises(BadInput, match="16 left aside"):
        DdsmSource(tmp_path, protocol="study").list()


def break_case(root: Path, what: str) -> None:
    """Contradictions, one at a time, in the case B_3141 or the case D_4501."""
    cancer, normal = folder_of(root, "B_3141"), folder_of(root, "D_4501")
    ics, overlay = cancer / "B-3141-1.ics", cancer / "B_3141_1.LEFT_CC.OVERLAY"
    text = ics.read_text()
    if what == "overlay gone":
        overlay.unlink()
    elif what == "overlay not announced":
        ics.write_text(ics_text("B_3141", ["LEFT_MLO", "RIGHT_CC"]))
    elif what == "overlay cut":
        overlay.write_text(overlay_text("BENIGN", "MALIGNANT")[:900])
    elif what == "overlay packed":
        overlay.rename(overlay.with_name(overlay.name + ".gz"))
    elif what == "overlay unknown":
        overlay.write_text(overlay_text("MALIGNANT-ISH"))
    elif what == "overlay huge":
        overlay.write_bytes(b" " * (MAX_LABEL_BYTES + 1))
    elif what == "overlays differ":
        (root / overlay.name).write_text(overlay_text("BENIGN"))
    elif what == "normal marked":
        (normal / "D_4501_1.LEFT_CC.OVERLAY").write_text(overlay_text("BENIGN"))
        (normal / "D-4501-1.ics").write_text(ics_text("D_4501", ["LEFT_CC"]))
    elif what == "malignant in benign":
        (folder_of(root, "A_1354") / "A_1354_1.RIGHT_CC.OVERLAY").write_text(
            overlay_text("MALIGNANT")
        )
    elif what == "ics gone":
        ics.unlink()
    elif what == "ics of another case":
        ics.write_text(ics_text("B_3142", ["LEFT_CC"]))
    elif what == "ics line":
        ics.write_text(text.replace("LEFT_CC LINES 48", "LEFT_CC LINES many"))
    elif what == "ics without film":
        ics.write_text("\n".join(line for line in text.splitlines() if "LEFT_CC" not in line))
    elif what == "film gone":
        (cancer / "B_3141_1.LEFT_CC.png").unlink()
    elif what == "film twice":
        write_film(cancer / "copy", "B_3141", "LEFT_CC", ".png")
    elif what == "wrong case folder":
        (cancer / "B_3141_1.LEFT_CC.png").rename(normal / "B_3141_1.LEFT_CC.png")
    elif what == "two volumes":
        write_film(root / "normals" / "x", "B_3141", "LEFT_CC", ".tif")
        (cancer / "B_3141_1.LEFT_CC.png").unlink()


@pytest.mark.parametrize(
    ("what", "film", "reason", "refused"),
    [
        ("overlay gone", "B_3141_1.LEFT_CC", "no .OVERLAY file, but its .ics file says OVERLAY", 1),
        ("overlay packed", "B_3141_1.LEFT_CC", "no .OVERLAY file, but", 1),
        ("overlay not announced", "B_3141_1.LEFT_CC", "says NON_OVERLAY", 1),
        ("overlay cut", "B_3141_1.LEFT_CC", "says 2 abnormalities and has 1", 1),
        ("overlay unknown", "B_3141_1.LEFT_CC", "has the pathology MALIGNANT-ISH", 1),
        ("overlay huge", "B_3141_1.LEFT_CC", "has 4 MB", 1),
        ("overlays differ", "B_3141_1.LEFT_CC", "differ, and both are of", 1),
        ("normal marked", "D_4501_1.LEFT_CC", "as benign, but lies in a volume of normal cases", 1),
        ("malignant in benign", "A_1354_1.RIGHT_CC", "in a volume of benign cases", 1),
        ("ics gone", "B_3141_1.RIGHT_MLO", "B_3141 has no .ics file", 4),
        ("ics of another case", "B_3141_1.LEFT_MLO", "is of case 'B-3142-1'", 4),
        ("ics line", "B_3141_1.LEFT_MLO", "'LEFT_CC LINES MANY", 4),
        ("ics without film", "B_3141_1.LEFT_CC", "names no LEFT_CC", 1),
        ("film gone", "B_3141.LEFT_CC", "there is no film", 1),
        ("film twice", "B_3141_1.LEFT_CC", "2 files of one format", 1),
        ("wrong case folder", "B_3141_1.LEFT_CC", "'case4501', the folder of another case", 1),
        ("two volumes", "B_3141_1.LEFT_CC", "volumes of cancer and normal cases", 1),
    ],
)
def test_one_bad_film_is_refused_and_the_rest_goes_on(
    ddsm: Path, what: str, film: str, reason: str, refused: int
) -> None:
    before = by_id(DdsmSource(ddsm).list())
    break_case(ddsm, what)
    listing = DdsmSource(ddsm).list()
    assert reason in reasons(listing)[film]
    assert len(listing.refused) == refused
    after = by_id(listing)
    # Nothing else changes: no film gets another finding because its neighbour is bad.
    assert {k: r.finding for k, r in after.items()} == {
        k: r.finding for k, r in before.items() if k in after
    }
    gone = before.keys() - after.keys()
    assert all(film[:6] in k for k in gone)
    assert says(listing, "1 file packed (.gz)") == (what == "overlay packed")


def test_copies_of_label_files_are_one(ddsm: Path) -> None:
    before = DdsmSource(ddsm).list()
    copy = ddsm / "labels"
    copy.mkdir()
    for path in (*ddsm.rglob("*.ics"), *ddsm.rglob("*.OVERLAY")):
        (copy / path.name).write_bytes(path.read_bytes())
    assert DdsmSource(ddsm).list() == before


def test_what_is_no_film_is_left_aside(ddsm: Path) -> None:
    folder = folder_of(ddsm, "D_4501")
    Image.new("L", (9, 9)).save(folder / "D_4501_1.LEFT_CC.LJPEG.1_highpass.png")
    Image.new("L", (9, 9)).save(folder / "D_4501_1.LEFT_CC_mask.png")
    Image.new("L", (9, 9)).save(folder / "D_4501_1.LEFT_XCCL.png")
    (folder / "D_4501_1.LEFT_CC.LJPEG.1").write_bytes(b"raw")
    listing = DdsmSource(ddsm).list()
    assert len(listing.records) == 9 and listing.refused == ()
    assert says(listing, "2 image files without the name of a DDSM film left aside")
    assert says(listing, "1 film of other projections (XCCL) left aside")


def test_density_zero_is_unknown(ddsm: Path) -> None:
    path = folder_of(ddsm, "D_4501") / "D-4501-1.ics"
    path.write_text(ics_text("D_4501", density="0"))
    assert by_id(DdsmSource(ddsm).list())["ddsm-D_4501_1_LEFT_CC"].density is None


def test_no_folder_no_case_file_no_film(tmp_path: Path, ddsm: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        DdsmSource(tmp_path / "none").list()
    for path in ddsm.rglob("*.png"):
        path.unlink()
    with pytest.raises(BadInput, match="no DDSM film that can be used: 16 refused"):
        DdsmSource(ddsm).list()
    for path in ddsm.rglob("*.ics"):
        path.unlink()
    with pytest.raises(BadInput, match=r"has no \.ics file"):
        DdsmSource(ddsm).list()


def test_settings_follow_the_label_files_and_hold_no_path(ddsm: Path) -> None:
    source = DdsmSource(ddsm)
    before = source.settings
    assert before == source.settings and str(ddsm) not in str(before)
    assert before != DdsmSource(ddsm, protocol="study").settings
    (folder_of(ddsm, "B_3141") / "B_3141_1.LEFT_CC.OVERLAY").write_text(overlay_text("BENIGN"))
    after = source.settings
    assert after["overlays_sha256"] != before["overlays_sha256"]
    assert after["ics_sha256"] == before["ics_sha256"]
    assert isinstance(open_source("ddsm", ddsm, {}, "study"), DdsmSource)


def test_names_that_are_no_utf_8_and_loops_of_links(ddsm: Path) -> None:
    folder = folder_of(ddsm, "D_4501")
    (Path(str(folder)) / "D_4501_1.LEFT_CC\udcff.png").write_bytes(b"x")
    (folder / "loop").symlink_to(ddsm)
    listing = DdsmSource(ddsm).list()
    assert len(listing.records) == 9
    assert [r.reason for r in listing.refused] == ["its name is not UTF-8: rename it"]


def test_a_large_tree_lists_in_seconds(tmp_path: Path) -> None:
    for number in range(500):
        case = f"B_{3000 + number}"
        folder = tmp_path / "cancers" / "cancer_01" / f"case{case[2:]}"
        folder.mkdir(parents=True)
        (folder / f"B-{case[2:]}-1.ics").write_text(ics_text(case, ["LEFT_CC"]))
        (folder / f"{case}_1.LEFT_CC.OVERLAY").write_text(overlay_text("MALIGNANT"))
        for sequence in SEQUENCES:
            (folder / f"{case}_1.{sequence}.LJPEG").touch()
    start = time.perf_counter()
    assert len(DdsmSource(tmp_path).list().records) == 500
    assert time.perf_counter() - start < 8  # about 0.2 s


def test_names() -> None:
    found = film_name("a_1141_1.left_cc.LJPEG")
    assert found is not None
    name, rest = found
    assert (name.case, name.number, name.sequence, name.stem, rest) == (
        "A_1141",
        "1141",
        "LEFT_CC",
        "A_1141_1.LEFT_CC",
        ".LJPEG",
    )
    assert (name.view, name.laterality) == ("CC", "L")
    for text in ("TAPE_A_1141_1.COMB", "A_1141_1.CENTRE_CC", "1141.LEFT_CC", "A_٣١٤١_1.LEFT_CC"):
        assert film_name(text) is None


def test_unproven_marks_decide_nothing() -> None:
    assert marked_finding(["UNPROVEN"]) is None
    assert marked_finding(["UNPROVEN", "BENIGN"]) == "benign"
    assert marked_finding(["UNPROVEN", "BENIGN_WITHOUT_CALLBACK", "MALIGNANT"]) == "malignant"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no number of abnormalities and has 0"),
        ("TOTAL_ABNORMALITIES 0\n", "says 0 abnormalities and has 0"),
        ("TOTAL_ABNORMALITIES 1\nABNORMALITY 1\n", "has the pathology none"),
        (overlay_text("BENIGN").replace("S 1", "S 2"), "says 2 abnormalities and has 1"),
        (overlay_text("BENIGN") + "PATHOLOGY MALIGNANT\n", "BENIGN, MALIGNANT"),
        ("ABNORMALITY 1\n" * 5000, "more than 100"),
    ],
)
def test_overlays_that_contradict_themselves(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_overlay(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no film"),
        (ics_text("A_1141") + ics_text("A_1141", ["LEFT_CC"]), "two different things of LEFT_CC"),
        (ics_text("A_1142"), "is of case 'A-1142-1'"),
        (ics_text("A_1141").replace("LINES 48", "LINES 99999999"), "not readable"),
        (ics_text("A_1141").replace("NON_OVERLAY", "MAYBE"), "not readable"),
    ],
)
def test_ics_files_that_contradict_themselves(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_ics(text, "A_1141")


@given(st.integers(0, 10_000), st.text(max_size=4), st.integers(0, 30))
def test_mutated_label_files_are_read_or_refused_in_words(at: int, put: str, cut: int) -> None:
    for text in (ics_text("A_1141", ["LEFT_CC"]), overlay_text("BENIGN", "MALIGNANT")):
        place = at % len(text)
        changed = text[:place] + put + text[place + cut :]
        try:
            ics = parse_ics(changed, "A_1141")
            assert all(0 <= f.height < 10**6 and 0 <= f.width < 10**6 for f in ics.films.values())
        except BadInput as error:
            assert len(error.message) < 400
        try:
            assert marked_finding(parse_overlay(changed)) in ("benign", "malignant", None)
        except BadInput as error:
            assert len(error.message) < 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_random_bytes_as_label_files(tmp_path: Path, ics: bytes, overlay: bytes) -> None:
    folder = tmp_path / "normals" / "case4501"
    if not folder.exists():
        write_case(tmp_path, "normal_01", "A_0200")
        folder.mkdir(parents=True)
        write_film(folder, "D_4501", "LEFT_CC", ".png")
    (folder / "D-4501-1.ics").write_bytes(ics)
    (folder / "D_4501_1.LEFT_CC.OVERLAY").write_bytes(overlay)
    listing = DdsmSource(tmp_path).list()
    assert len(listing.records) == 4 and len(listing.refused) == 1
