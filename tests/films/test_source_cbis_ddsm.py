"""CBIS-DDSM: each layout in which it is met, its tables with their quirks, and what is no film."""

from __future__ import annotations

import csv
import hashlib
import pickle
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film, FilmRecord, Refused
from mammo_synth.films.sources.cbis_ddsm import CbisDdsmSource
from mammo_synth.films.sources.cbis_ddsm_labels import MAX_BAD_ROWS
from mammo_synth.films.sources.cbis_ddsm_layouts import MAX_TOGETHER, film_fault, parse_case
from tests.conftest import fake_film
from tests.films.label_rows import listing_or_sentence

MASS_HEADER = [
    *("patient_id", "breast_density", "left or right breast", "image view", "abnormality id"),
    *("abnormality type", "mass shape", "mass margins", "assessment", "pathology", "subtlety"),
    *("image file path", "cropped image file path", "ROI mask file path"),
]
CALC_HEADER = [
    {
        "breast_density": "breast density",
        "mass shape": "calc type",
        "mass margins": "calc distribution",
    }.get(name, name)
    for name in MASS_HEADER
]
UID = "1.3.6.1.4.1.9590.100.1.2"
PARTS = {"Training": "train", "Test": "test"}


@dataclass(frozen=True)
class Row:
    """One abnormality, as a row of a case description."""

    table: str  # "Mass-Training", ...
    patient: str
    side: str
    view: str
    pathology: str
    number: int = 1
    density: str = "3"

    @property
    def case(self) -> str:
        return f"{self.table}_{self.patient}_{self.side}_{self.view}"

    @property
    def file(self) -> str:
        kind, part = self.table.split("-")
        return f"{kind.lower()}_case_description_{PARTS[part]}_set.csv"

    def series(self, what: str) -> str:
        """A UID of its own for the film and for its crop and mask, which share one."""
        name = self.case if what == "full" else f"{self.case}_{self.number}"
        return f"{UID}.{int(hashlib.sha256(name.encode()).hexdigest()[:20], 16)}"

    @property
    def paths(self) -> dict[str, str]:
        crop = f"{self.case}_{self.number}/{UID}.7/{self.series('crop')}"
        return {
            "image file path": f"{self.case}/{UID}.6/{self.series('full')}/000000.dcm",
            "cropped image file path": f"{crop}/000000.dcm",
            # A line break, as in the published tables: each row is two lines of its file.
            "ROI mask file path": f"{crop}/000001.dcm\n",
        }

    @property
    def cells(self) -> dict[str, str]:
        return {
            "patient_id": self.patient,
            "breast_density": self.density,
            "breast density": self.density,
            "left or right breast": self.side,
            "image view": self.view,
            "abnormality id": str(self.number),
            "pathology": self.pathology,
            **self.paths,
        }


ROWS = (
    Row("Mass-Training", "P_00001", "LEFT", "CC", "MALIGNANT"),
    Row("Mass-Training", "P_00001", "LEFT", "MLO", "BENIGN", 1),
    Row("Mass-Training", "P_00001", "LEFT", "MLO", "MALIGNANT", 2),
    Row("Mass-Test", "P_00016", "RIGHT", "CC", "BENIGN_WITHOUT_CALLBACK", density="2"),
    Row("Calc-Training", "P_00005", "RIGHT", "CC", "BENIGN"),
    Row("Calc-Test", "P_00038", "LEFT", "CC", "BENIGN", density="0"),
)
FINDINGS = {
    "cbis_ddsm-P_00001-LCC": "malignant",
    "cbis_ddsm-P_00001-LMLO": "malignant",  # a benign and a malignant mass
    "cbis_ddsm-P_00005-RCC": "benign",
    "cbis_ddsm-P_00016-RCC": "benign",
    "cbis_ddsm-P_00038-LCC": "benign",
}


def write_tables(
    folder: Path, rows: tuple[Row, ...] = ROWS, changes: dict[tuple[int, str], str] | None = None
) -> None:
    """The case descriptions of ``rows``; ``changes``: (row, column) → another value."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in {row.file for row in rows}:
        header = MASS_HEADER if name.startswith("mass") else CALC_HEADER
        with (folder / name).open("w", newline="") as stream:
            table = csv.DictWriter(stream, header, extrasaction="ignore")
            table.writeheader()
            for number, row in enumerate(rows):
                if row.file == name:
                    own = {c: v for (at, c), v in (changes or {}).items() if at == number}
                    table.writerow({**row.cells, **own})


def image(row: Row, what: str = "full", shape: tuple[int, int] = (96, 64)) -> np.ndarray:
    film = fake_film(len(row.case), "normal", row.side[0], shape)
    return film if what == "full" else np.where(film > 50, 255, 0).astype(np.uint8)


def write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".dcm":
        Image.fromarray(pixels).save(path)
        return
    film = pydicom.Dataset()
    film.PatientID = path.relative_to(path.parents[3]).parts[0]  # the case, as in the collection
    film.SOPClassUID, film.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", f"{UID}.1"
    film.Rows, film.Columns = pixels.shape
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.SamplesPerPixel, film.PixelRepresentation = 7, 1, 0
    film.PhotometricInterpretation, film.PixelData = "MONOCHROME2", pixels.tobytes()
    film.file_meta = pydicom.dataset.FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.save_as(path, enforce_file_format=True)


def classic(folder: Path, rows: tuple[Row, ...] = ROWS) -> Path:
    """TCIA's tree under its old names."""
    write_tables(folder, rows)
    for row in rows:
        for column, what in zip(row.paths, ("full", "crop", "mask"), strict=True):
            write_image(folder / "CBIS-DDSM" / row.paths[column].strip(), image(row, what))
    return folder


def retriever(folder: Path, rows: tuple[Row, ...] = ROWS) -> Path:
    """Today's tree: only the first folder's name is in the tables."""
    write_tables(folder, rows)
    for row in rows:
        top = folder / "manifest-1657064287305" / "CBIS-DDSM"
        day = "07-20-2016-DDSM-NA-30288"
        full = top / row.case / day / "1.000000-full mammogram images-24515" / "1-1.dcm"
        other = top / f"{row.case}_{row.number}" / day
        write_image(full, image(row))
        write_image(other / "1.000000-cropped images-94682" / "1-1.dcm", image(row, "crop"))
        write_image(other / "1.000000-ROI mask images-80862" / "1-2.dcm", image(row, "mask"))
    return folder


def jpeg_export(folder: Path, rows: tuple[Row, ...] = ROWS) -> Path:
    """The JPEG export: series as folders, and dicom_info.csv."""
    write_tables(folder / "csv", rows)
    with (folder / "csv" / "dicom_info.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file_path", "image_path", "PatientID", "SeriesDescription", "Rows"])
        for number, row in enumerate(rows):
            crop = f"{row.case}_{row.number}"
            for name, series, case, description in (
                ("1-249", row.series("full"), row.case, "full mammogram images" * (number > 0)),
                ("1-001", row.series("crop"), crop, "cropped images"),
                ("2-002", row.series("crop"), crop, "ROI mask images"),
            ):
                path = f"CBIS-DDSM/jpeg/{series}/{name}.jpg"
                table.writerow([path, path, case, description, 96])
                what = "full" if name == "1-249" else "mask"
                write_image(folder / "jpeg" / series / f"{name}.jpg", image(row, what))
    return folder


def named_files(folder: Path, rows: tuple[Row, ...] = ROWS) -> Path:
    """A conversion whose files are called like the cases."""
    write_tables(folder, rows)
    for row in rows:
        write_image(folder / "png" / f"{row.case}.png", image(row))
        write_image(folder / "png" / f"{row.case}_{row.number}.png", image(row, "mask"))
    return folder


def named_folders(folder: Path, rows: tuple[Row, ...] = ROWS) -> Path:
    """A conversion that kept the folders of today's tree."""
    write_tables(folder, rows)
    for row in rows:
        write_image(folder / row.case / "07-20-2016-DDSM-NA-30288" / "1-1.png", image(row))
    return folder


LAYOUTS = (classic, retriever, jpeg_export, named_files, named_folders)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_films(layout: object, tmp_path: Path) -> None:
    listing = CbisDdsmSource(layout(tmp_path)).list()  # type: ignore[operator]
    assert {r.image_id: r.finding for r in listing.records} == FINDINGS
    assert [r.image_id for r in listing.records] == sorted(FINDINGS)
    assert listing.refused == ()
    by_id = {r.image_id: r for r in listing.records}
    film = by_id["cbis_ddsm-P_00001-LMLO"]
    assert (film.patient_id, film.view, film.laterality) == ("cbis_ddsm-P_00001", "MLO", "L")
    assert [by_id[i].density for i in sorted(FINDINGS)] == ["3", "3", "3", "2", None]
    for record in listing.records:
        assert (tmp_path / record.locator).is_file()
        assert "_1/" not in record.locator and "crop" not in record.locator


def test_locators_are_those_of_the_full_films(tmp_path: Path) -> None:
    def locator(layout: object, folder: str) -> str:
        records = CbisDdsmSource(layout(tmp_path / folder)).list().records  # type: ignore[operator]
        return records[0].locator

    row, day = ROWS[0], "07-20-2016-DDSM-NA-30288"
    assert locator(classic, "a") == f"CBIS-DDSM/{row.paths['image file path']}"
    assert locator(retriever, "b") == (
        f"manifest-1657064287305/CBIS-DDSM/{row.case}/{day}/"
        "1.000000-full mammogram images-24515/1-1.dcm"
    )
    assert locator(jpeg_export, "c") == f"jpeg/{row.series('full')}/1-249.jpg"
    assert locator(named_files, "d") == "png/Mass-Training_P_00001_LEFT_CC.png"
    assert locator(named_folders, "e") == f"{row.case}/{day}/1-1.png"


def test_remarks_say_what_a_user_must_know(tmp_path: Path) -> None:
    remarks = CbisDdsmSource(named_files(tmp_path)).list().remarks
    assert len(remarks) == 3
    assert "no normal films" in remarks[0] and "volumes of DDSM" in remarks[0]
    assert "learn the collection instead of the disease" in remarks[0]
    assert remarks[1].startswith("1 film with several abnormalities")
    assert remarks[2].startswith("6 image files left aside")


def test_one_film_in_two_tables_is_one_film_with_the_worst_finding(tmp_path: Path) -> None:
    rows = (
        Row("Mass-Training", "P_00041", "LEFT", "CC", "BENIGN"),
        Row("Calc-Test", "P_00041", "LEFT", "CC", "MALIGNANT"),
        Row("Mass-Training", "P_00042", "LEFT", "CC", "BENIGN"),
    )
    listing = CbisDdsmSource(named_files(tmp_path, rows)).list()
    assert [(r.image_id, r.finding) for r in listing.records] == [
        ("cbis_ddsm-P_00041-LCC", "malignant"),
        ("cbis_ddsm-P_00042-LCC", "benign"),
    ]
    assert listing.records[0].locator == "png/Calc-Test_P_00041_LEFT_CC.png"
    text = " ".join(listing.remarks)
    assert "1 film in mass and calcification tables alike" in text
    assert "1 patient on both sides of the official training and test tables" in text
    assert "mass_case_description_test_set.csv, calc_case_description_train_set.csv" in text
    # With one of its two files gone, the other stands for the film.
    (tmp_path / listing.records[0].locator).unlink()
    again = CbisDdsmSource(tmp_path).list().records[0]
    assert again.locator == "png/Mass-Training_P_00041_LEFT_CC.png"
    assert again.finding == "malignant"


def test_conversions_beside_the_dicom_tree_are_second_copies(tmp_path: Path) -> None:
    row = ROWS[0]
    classic(tmp_path, (row,))
    write_image(tmp_path / "png" / f"{row.case}.png", image(row))
    beside = tmp_path / "CBIS-DDSM" / row.paths["image file path"]
    write_image(beside.with_suffix(".png"), image(row))
    assert CbisDdsmSource(tmp_path).list().records[0].locator.endswith("000000.dcm")


def refused(folder: Path) -> dict[str, str]:
    return {r.film: r.reason for r in CbisDdsmSource(folder).list().refused}


def test_swapped_crop_and_mask_paths_change_nothing(tmp_path: Path) -> None:
    classic(tmp_path)
    before = CbisDdsmSource(tmp_path).list().records
    crop, mask = "cropped image file path", "ROI mask file path"
    swapped = {(i, crop): row.paths[mask] for i, row in enumerate(ROWS)} | {
        (i, mask): row.paths[crop] for i, row in enumerate(ROWS)
    }
    write_tables(tmp_path, changes=swapped)
    listing = CbisDdsmSource(tmp_path).list()
    assert listing.records == before and listing.refused == ()


@pytest.mark.parametrize("layout", LAYOUTS[:4])
def test_an_image_path_that_is_a_crops_is_refused(layout: object, tmp_path: Path) -> None:
    folder = layout(tmp_path)  # type: ignore[operator]
    tables = tmp_path / "csv" if layout is jpeg_export else tmp_path
    crop = ROWS[0].paths["cropped image file path"]
    write_tables(tables, changes={(0, "image file path"): crop})
    reason = refused(folder)["cbis_ddsm-P_00001-LCC"]
    assert "crop or a mask" in reason and "mass_case_description_train_set.csv, line 3" in reason
    # The case is the film's, the series is the crop's.
    series = ROWS[0].series("crop")
    half = ROWS[0].paths["image file path"].replace(ROWS[0].series("full"), series)
    write_tables(tables, changes={(0, "image file path"): half})
    assert "as that of a crop too" in refused(folder)["cbis_ddsm-P_00001-LCC"]
    # The same, and the table does not say that the series is a crop's.
    own = {(0, c): "" for c in ("cropped image file path", "ROI mask file path")}
    write_tables(tables, changes={(0, "image file path"): half} | own)
    listing = CbisDdsmSource(folder).list()
    assert all(series not in r.locator for r in listing.records)
    if layout in (classic, jpeg_export):
        assert (
            "is a crop or a mask by"
            in {r.film: r.reason for r in listing.refused}["cbis_ddsm-P_00001-LCC"]
        )


def test_a_series_with_two_images_holds_no_full_film(tmp_path: Path) -> None:
    folder = jpeg_export(tmp_path)
    (tmp_path / "csv" / "dicom_info.csv").unlink()
    series = tmp_path / "jpeg" / ROWS[0].series("full")
    write_image(series / "2-002.jpg", image(ROWS[0], "mask"))
    assert "2 images lie where its one film should be" in refused(folder)["cbis_ddsm-P_00001-LCC"]


def test_a_folder_that_says_what_it_holds(tmp_path: Path) -> None:
    folder = retriever(tmp_path)
    full = next(tmp_path.rglob(f"{ROWS[0].case}/*/1.000000-full*"))
    other = full.with_name("1.000000-ROI mask images-1")
    write_image(other / "1-1.dcm", image(ROWS[0], "mask"))  # beside the film: passed over
    assert "full mammogram images" in CbisDdsmSource(folder).list().records[0].locator
    (full / "1-1.dcm").unlink()
    assert "is a crop or a mask by its name" in refused(folder)["cbis_ddsm-P_00001-LCC"]


def test_too_many_images_in_one_place(tmp_path: Path) -> None:
    folder = jpeg_export(tmp_path)
    for number in range(MAX_TOGETHER):
        (tmp_path / "jpeg" / ROWS[0].series("full") / f"{number}.jpg").write_bytes(b"")
    assert refused(folder)["cbis_ddsm-P_00001-LCC"].startswith("17 images lie where its one")
    assert "/" not in refused(folder)["cbis_ddsm-P_00001-LCC"]  # they were not looked at


@pytest.mark.parametrize(
    ("description", "case"),
    [("cropped images", ""), ("ROI mask images", ""), ("", f"{ROWS[0].case}_1")],
)
def test_dicom_info_that_calls_the_film_a_crop(tmp_path: Path, description: str, case: str) -> None:
    folder = jpeg_export(tmp_path)
    (tmp_path / "csv" / "dicom_info.csv").write_text(
        "image_path,SeriesDescription,PatientID\n"
        f"CBIS-DDSM/jpeg/{ROWS[0].series('full')}/1-249.jpg,{description},{case}\n"
    )
    assert "a crop or a mask by dicom_info.csv" in refused(folder)["cbis_ddsm-P_00001-LCC"]


def test_dicom_info_that_gives_the_image_to_another_film(tmp_path: Path) -> None:
    folder = jpeg_export(tmp_path)
    table = tmp_path / "csv" / "dicom_info.csv"
    text = table.read_text()
    table.write_text(text.replace("Mass-Training_P_00001_LEFT_CC,", "Mass-Test_P_00016_RIGHT_CC,"))
    assert "is a film of Mass-Test_P_00016_RIGHT_CC" in refused(folder)["cbis_ddsm-P_00001-LCC"]
    table.write_text("image_path\nx\n")
    with pytest.raises(BadInput, match="no column 'SeriesDescription'"):
        CbisDdsmSource(folder).list()


def test_a_small_image_among_large_ones_is_no_film(tmp_path: Path) -> None:
    folder = named_files(tmp_path)
    write_image(tmp_path / "png" / f"{ROWS[3].case}.png", image(ROWS[3], shape=(30, 20)))
    assert "30 px on its long side" in refused(folder)["cbis_ddsm-P_00016-RCC"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pathology": "UNKNOWN"}, "pathology 'UNKNOWN' is none of MALIGNANT"),
        ({"pathology": ""}, "pathology '' is none of"),
        ({"image view": "MLO"}, "P_00001 LEFT MLO, its image path Mass-Training_P_00001_LEFT_CC"),
        ({"left or right breast": "RIGHT"}, "the row says P_00001 RIGHT CC"),
        ({"left or right breast": "BOTH"}, "breast 'BOTH' is neither LEFT nor RIGHT"),
        ({"patient_id": "P_00002"}, "the row says P_00002 LEFT CC"),
        ({"patient_id": "Mass-Training_P_00001_LEFT_CC"}, "is none like P_00001"),
        ({"patient_id": "=1+1"}, "patient '=1+1' is none like P_00001"),
        ({"image file path": "../../../etc/passwd"}, "'../../../etc/passwd' is none like"),
        ({"image file path": "/etc/passwd"}, "its image path '/etc/passwd' is none like"),
        ({"image file path": "=HYPERLINK(1)"}, "its image path '=HYPERLINK(1)' is none like"),
        (
            {"image file path": "Mass-Training_P_00001_LEFT_CC/../../../etc/passwd"},
            "is none like 'Mass-Training",
        ),
        ({"image file path": "Mass-Training_P_00001_LEFT_CC/1.2/../x"}, "is none like"),
    ],
)
def test_a_row_that_cannot_be_believed_refuses_its_films(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    folder = named_files(tmp_path)
    write_tables(folder, changes={(0, column): value for column, value in change.items()})
    listing = CbisDdsmSource(folder).list()
    assert "cbis_ddsm-P_00001-LCC" not in {r.image_id for r in listing.records}
    reasons = {r.film: r.reason for r in listing.refused}
    reason = reasons["cbis_ddsm-P_00001-LCC"]
    assert says in reason and "mass_case_description_train_set.csv, line 3" in reason
    # What else the row names is in doubt too, the rest goes on.
    named = {"image view": 1}.keys() & change.keys()
    assert len(listing.records) == len(FINDINGS) - (2 if named else 1)


def test_one_bad_row_of_a_film_with_several(tmp_path: Path) -> None:
    folder = named_files(tmp_path)
    write_tables(folder, changes={(2, "pathology"): "?"})  # the malignant one of the film's two
    assert "pathology '?'" in refused(folder)["cbis_ddsm-P_00001-LMLO"]


def test_a_row_that_names_no_film(tmp_path: Path) -> None:
    folder = named_files(tmp_path)
    write_tables(folder, changes={(5, c): "x" for c in ("patient_id", "image file path")})
    assert refused(folder) == {
        "calc_case_description_test_set.csv, line 3": "patient 'x' is none like P_00001"
    }


def test_two_series_for_one_film(tmp_path: Path) -> None:
    folder = named_files(tmp_path)
    other = ROWS[2].paths["image file path"].replace(ROWS[2].series("full"), f"{UID}.99")
    write_tables(folder, changes={(2, "image file path"): other})
    assert "2 series for the one film" in refused(folder)["cbis_ddsm-P_00001-LMLO"]


def test_a_film_that_is_missing_and_a_film_of_another_projection(tmp_path: Path) -> None:
    odd = replace(ROWS[0], patient="P_00099", view="ML")
    folder = classic(tmp_path, (*ROWS, odd))
    (folder / "CBIS-DDSM" / ROWS[4].paths["image file path"]).unlink()
    listing = CbisDdsmSource(folder).list()
    assert len(listing.records) == len(FINDINGS) - 1
    assert [r.film for r in listing.refused] == ["cbis_ddsm-P_00005-RCC"]
    assert "no image file lies in" in listing.refused[0].reason
    assert "1 film of other projections than CC and MLO left aside." in listing.remarks


def test_links_out_of_the_folder_are_no_films(tmp_path: Path) -> None:
    folder = named_files(tmp_path / "films")
    path = folder / "png" / f"{ROWS[0].case}.png"
    path.rename(tmp_path / "outside.png")
    path.symlink_to(tmp_path / "outside.png")
    assert "points outside" in refused(folder)["cbis_ddsm-P_00001-LCC"]


def test_tables_missing_twice_or_not_of_this_collection(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        CbisDdsmSource(tmp_path / "none").list()
    with pytest.raises(BadInput, match="none of the case descriptions"):
        CbisDdsmSource(tmp_path).list()
    with pytest.raises(BadInput, match="none of the case descriptions"):
        _ = CbisDdsmSource(tmp_path).settings
    write_tables(tmp_path)
    with pytest.raises(BadInput, match="Not one film of the tables"):
        CbisDdsmSource(tmp_path).list()
    named_files(tmp_path)
    write_tables(tmp_path / "csv")  # the same tables once more
    assert len(CbisDdsmSource(tmp_path).list().records) == len(FINDINGS)
    write_tables(tmp_path / "csv", ROWS[:2])
    with pytest.raises(BadInput, match=r"2 tables 'mass_case_description_train_set\.csv'"):
        CbisDdsmSource(tmp_path).list()


def test_wrong_columns_and_tables_of_something_else(tmp_path: Path) -> None:
    folder = named_files(tmp_path)
    table = folder / ROWS[0].file
    text = table.read_text()
    table.write_text(text.replace("pathology", "diagnosis", 1))
    with pytest.raises(BadInput, match="no column 'pathology'; its columns are: patient_id"):
        CbisDdsmSource(folder).list()
    table.write_text(text.split("\n", 1)[0] + "\n" + ("x," * 14 + "\n") * (MAX_BAD_ROWS + 1))
    with pytest.raises(BadInput, match=r"More than 1,000 rows of .* name no film"):
        CbisDdsmSource(folder).list()
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not UTF-8 text"):
        CbisDdsmSource(folder).list()


def test_settings_follow_the_tables_and_hold_no_paths(tmp_path: Path) -> None:
    source = CbisDdsmSource(jpeg_export(tmp_path))
    first = source.settings
    assert first["source"] == "cbis_ddsm" and str(tmp_path) not in str(first)
    assert len(first["tables"]) == 5 and len(first["tables"]["dicom_info.csv"]) == 64
    write_tables(tmp_path / "csv", changes={(0, "pathology"): "BENIGN"})
    assert source.settings != first
    assert source.terms.licence_id == "cc-by-3.0" and source.terms.redistributable
    assert pickle.loads(pickle.dumps(source)) == source


def test_films_are_read_and_masks_are_not(tmp_path: Path) -> None:
    for layout, name in ((jpeg_export, "jpeg"), (named_files, "png")):
        source = CbisDdsmSource(layout(tmp_path / name))
        for record in source.list().records:
            assert source.read(record).format == name
            assert len(source.digest(record)) == 64
        first = source.list().records[0]
        mask = np.kron(image(ROWS[0], "mask"), np.ones((8, 8), np.uint8))
        write_image(source.folder / first.locator, mask)
        with pytest.raises(BadInput, match="it is a mask, or empty"):
            source.read(first)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((2000, 1500), np.uint16), "a mask, or empty"),
        (np.pad(np.full((400, 400), 65535, np.uint16), 800), "a mask, or empty"),
        (fake_film(1, "malignant", shape=(900, 600)), "it is a crop"),
        (fake_film(1, "malignant", shape=(1600, 900)), None),
    ],
)
def test_pixels_of_dicom_images_that_are_no_full_film(pixels: np.ndarray, says: str | None) -> None:
    fault = film_fault(Film(pixels, "dicom", 16))
    assert fault is None if says is None else says in str(fault)


@pytest.mark.parametrize(
    ("text", "name", "crop"),
    [
        ("Mass-Training_P_00001_LEFT_CC", "Mass-Training_P_00001_LEFT_CC", False),
        ("Mass-Training_P_00001_LEFT_CC_FULL", "Mass-Training_P_00001_LEFT_CC", False),
        ("Calc-Test_P_00038_RIGHT_MLO_1-1", "Calc-Test_P_00038_RIGHT_MLO", False),
        ("Calc-Test_P_00038_RIGHT_MLO_1", "Calc-Test_P_00038_RIGHT_MLO", True),
        ("Calc-Test_P_00038_RIGHT_MLO_1_1-1", "Calc-Test_P_00038_RIGHT_MLO", True),
        ("Calc-Test_P_00038_RIGHT_MLO_MASK", "Calc-Test_P_00038_RIGHT_MLO", True),
        ("Calc-Test_P_00038_RIGHT_MLO_CROP_2", "Calc-Test_P_00038_RIGHT_MLO", True),
    ],
)
def test_names_of_cases(text: str, name: str, crop: bool) -> None:
    case = parse_case(text)
    assert case is not None and (case.name, case.crop) == (name, crop)


@pytest.mark.parametrize("text", ["", "P_00001", "Mass_P_00001_LEFT_CC", "x" * 10_000])
def test_what_is_no_case(text: str) -> None:
    assert parse_case(text) is None


@given(
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(MASS_HEADER),
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from([ROWS[i].paths[c] for i in (0, 3) for c in ROWS[0].paths])
    | st.sampled_from(["", "=cmd()", "..", "LEFT", "CC", "P_00016", "MALIGNANT", "a/b/c/d"]),
)
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    row: int, column: str, text: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, changes={(row, column): text})
        for other in ROWS:
            (folder / f"{other.case}.png").write_bytes(b"no image")
        listing = listing_or_sentence(CbisDdsmSource(folder))
        if listing is None:
            return
        # A film is labelled as the untouched rows say, or refused.
        assert all(isinstance(r, FilmRecord) and r.image_id in FINDINGS for r in listing.records)
        assert all(isinstance(r, Refused) and r.reason.isprintable() for r in listing.refused)
        assert len(listing.records) >= len(FINDINGS) - 2
