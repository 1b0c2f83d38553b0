"""Label tables: what is read, and that no hostile table ends in more than one sentence."""

from __future__ import annotations

import time
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.films import excel, tables
from mammo_synth.films.tables import SUFFIXES, Row, read_table, same_name

REQUIRED = {"path": ("fullPath",), "status": ("Status", "State")}
OPTIONAL = {"age": ("Age",)}
HEADER = ["fullPath", "Status", "Age"]
ROWS = [["Benign\\0029\\C_0029_1.LEFT_CC.jpg", "Benign", 56], ["å.png", "Cancer", None]]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEADER_CELLS = '<row r="1"><c r="A1" t="inlineStr"><is><t>fullPath</t></is></c></row>'


def read(path: Path) -> list[Row]:
    return list(read_table(path, REQUIRED, OPTIONAL))


def paths(path: Path) -> list[str]:
    return [row["path"] for row in read_table(path, {"path": ("fullPath",)})]


def write_csv(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_excel(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def write_parquet(path: Path, *rows: list[Any]) -> Path:
    columns = list(zip(*rows[1:], strict=True))
    pq.write_table(
        pa.table({name: list(c) for name, c in zip(rows[0], columns, strict=True)}), path
    )
    return path


def write_parts(path: Path, **parts: str) -> Path:
    """An Excel file of raw parts: ``sheet`` (its rows), ``strings``, or whole other parts."""
    relations = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for key, kind, target in (
            ("r1", "worksheet", "worksheets/sheet1.xml"),
            ("r2", "sharedStrings", "sharedStrings.xml"),
        )
    )
    book = f'<Relationship Id="b" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    files = {
        "_rels/.rels": f"<Relationships>{book}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships>{relations}</Relationships>",
        "xl/worksheets/sheet1.xml": f'{parts.get("before", "")}<worksheet xmlns="{MAIN}">'
        f"<sheetData>{parts['sheet']}</sheetData></worksheet>",
    }
    if "strings" in parts:
        files["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{parts["strings"]}</sst>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


WRITERS: dict[str, Callable[..., Path]] = {
    "a.csv": lambda path, *rows: write_csv(
        path, "\n".join(",".join("" if c is None else str(c) for c in row) for row in rows)
    ),
    "a.tsv": lambda path, *rows: write_csv(
        path, "\ufeff" + "\r\n".join("\t".join(str(c or "") for c in row) for row in rows)
    ),
    "a.txt": lambda path, *rows: write_csv(
        path, "\n" + "\n".join(";".join(str(c or "") for c in row) for row in rows) + "\n"
    ),
    "a.XLSX": write_excel,
    "a.parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = read(WRITERS[name](tmp_path / name, HEADER, *ROWS))
    assert [row.values for row in rows] == [
        {"path": "Benign\\0029\\C_0029_1.LEFT_CC.jpg", "status": "Benign", "age": "56"},
        {"path": "å.png", "status": "Cancer", "age": ""},
    ]
    first = 3 if name == "a.txt" else 2
    assert [row.line for row in rows] == [first, first + 1]


@pytest.mark.parametrize("name", WRITERS)
def test_missing_columns_are_all_named_and_what_is_there_is_listed(
    tmp_path: Path, name: str
) -> None:
    path = WRITERS[name](tmp_path / name, ["File", "Age"], ["a", 1])
    with pytest.raises(BadInput) as error:
        read(path)
    assert "no column 'fullPath', 'Status'; its columns are: File, Age" in str(error.value)


@pytest.mark.parametrize("name", [n for n in WRITERS if n != "a.parquet"])
def test_a_column_twice(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, ["full_path", "State", "STATUS "], ["a", "b", "c"])
    with pytest.raises(BadInput, match=r"column 'status' 2 times: 'State', 'STATUS'"):
        read(path)


def test_a_parquet_column_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table([["a"], ["b"], ["c"]], names=["fullPath", "Status", "Status"]), path)
    with pytest.raises(BadInput, match="2 times"):
        read(path)
    pq.write_table(pa.table([["a"], ["b"], ["c"]], names=["fullPath", "Status", "x"]), path)
    assert read(path)[0].values == {"path": "a", "status": "b", "age": ""}


def test_short_and_empty_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "fullPath,Status,Age\na\n\n,,\n ,nan,NaN\n,b\n")
    assert [(r.line, r["path"], r["status"]) for r in read(path)] == [(2, "a", ""), (6, "", "b")]
    assert same_name("Patient ID") == same_name("patient_id") == same_name("PatientId")


def test_quoted_cells_with_delimiters_and_line_breaks(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", '"full,,,Path";Status\n"a;b\nc";x\n')
    assert read(path)[0].values == {"path": "a;b\nc", "status": "x", "age": ""}


def test_formulas_are_text(tmp_path: Path) -> None:
    evil = ['=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "@SUM(1+1)"]
    rows = read(WRITERS["a.tsv"](tmp_path / "a.tsv", HEADER, *([cell, "x"] for cell in evil)))
    assert [row["path"] for row in rows] == evil
    # Excel's own formulas: what they last gave; here they were never computed.
    book = write_excel(tmp_path / "a.xlsx", HEADER, [evil[0], "x", 1])
    assert read(book)[0].values == {"path": "", "status": "x", "age": "1"}


@pytest.mark.parametrize("name", ["a.xls", "a.json", "a"])
def test_no_table_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="not a table that can be read"):
        read(write_csv(tmp_path / name, "fullPath,Status\n"))


def test_no_table_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no table"):
        read(tmp_path / "none.csv")
    with pytest.raises(BadInput, match=r"no table|cannot be read"):
        read(Path("a\x00.csv"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match="no table"):
        read(tmp_path / "folder.csv")
    for text in ("", "\n\n,,\n"):
        with pytest.raises(BadInput, match="is empty"):
            read(write_csv(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("fullPath,Status\na,é\n".encode("latin-1"), "not UTF-8 text .*near byte 18"),
        ("fullPath,Status\n".encode("utf-16"), "not UTF-8"),
        ("fullPath,Status\n".encode("utf-16-le"), "NUL"),
        (b"fullPath,Status\n" + b"a,b\n" * 50_000 + b"c\x00,d\n", "NUL"),
        (b"fullPath,Status\n" + b"a,b\n" * 50_000 + b"c,\xe9\n", "near byte 200018"),
        (b"fullPath,Status\n" + b"a,\xc3", "not UTF-8"),
        (b"fullPath,Status\n" + b"," * 2_000, "more than 1000 columns"),
    ],
)
def test_csv_that_is_no_text(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(write_csv(tmp_path / "a.csv", data))


@pytest.mark.parametrize(
    "body", ['a,"b\n' + "x\n" * 600_000, "y" * 3_000_000, '"x\n",' * 600_000, "z,b" * 500_000]
)
def test_a_row_that_never_ends(tmp_path: Path, body: str) -> None:
    path = write_csv(tmp_path / "a.csv", f"fullPath,Status\n{body}")
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"characters|field larger"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_200_000_rows_in_bounded_time_and_memory(tmp_path: Path) -> None:
    line = "Cancer\\1932\\A_1932_1.LEFT_CC.jpg,A_1932_1.LEFT_CC.jpg,CC,LEFT,Cancer,-,-,56,3\n"
    path = write_csv(tmp_path / "a.csv", "fullPath,f,v,s,Status,c,d,Age,e\n" + line * 200_000)
    start = time.perf_counter()
    assert sum(row["age"] == "56" for row in read_table(path, REQUIRED, OPTIONAL)) == 200_000
    assert time.perf_counter() - start < 20  # about 1 s; a loaded machine must not fail it
    tracemalloc.start()
    for row in read_table(path, REQUIRED, OPTIONAL):
        if row.line > 20_000:
            break
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize("name", WRITERS)
def test_too_many_rows(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[name](tmp_path / name, HEADER, *([f"{i}", "x", 1] for i in range(6)))
    monkeypatch.setattr(tables, "MAX_ROWS", 4)
    with pytest.raises(BadInput, match="more than 4 rows"):
        read(path)


def test_a_table_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_BYTES", 19)
    with pytest.raises(BadInput, match="a label table has at most"):
        read(write_csv(tmp_path / "a.csv", "fullPath,Status\na,b\n"))


def test_excel_values(tmp_path: Path) -> None:
    header = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row>'
    cells = (
        '<c t="inlineStr"><is><r><t>a</t></r><rPh><t>no</t></rPh><r><t xml:space="preserve"> b</t>'
        '</r></is></c><c t="b"><v>1</v></c><c r="C2"><f>1+2</f><v>3.0</v></c>'
    )
    strings = (
        "<si><t>fullPath</t></si><si><r><t>Sta</t></r><r><t>tus</t></r></si><si><t>Age</t></si>"
    )
    path = write_parts(
        tmp_path / "a.xlsx",
        sheet=f'{header}<row>{cells}</row><row r="9"><c r="B9" t="str"><v>_x005F_é</v></c>'
        '<c r="C9"><v>1.5</v></c></row>',
        strings=strings,
    )
    assert [(row.line, row.values) for row in read(path)] == [
        (2, {"path": "a b", "status": "True", "age": "3"}),
        (9, {"path": "", "status": "_é", "age": "1.5"}),
    ]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"sheet": HEADER_CELLS + f"<row>{'<c/>' * 100_000}</row>"}, "more cells in row 2"),
        ({"sheet": HEADER_CELLS + '<row r="99999999"><c><v>1</v></c></row>'}, "1,000,000 rows"),
        ({"sheet": HEADER_CELLS + f'<row x="{"y" * 9_000_000}"/>'}, "bytes in one tag"),
        ({"sheet": HEADER_CELLS + '<row><c t="s"><v>7</v></c></row>'}, "not there"),
        ({"sheet": HEADER_CELLS, "strings": "<si><t>ab</t></si>" * 3_001}, "more texts"),
        ({"sheet": HEADER_CELLS + "<row>"}, "mismatched tag"),
        (
            {
                "sheet": HEADER_CELLS + '<row><c t="inlineStr"><is><t>&b;</t></is></c></row>',
                "before": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
            },
            "declares an XML document type",
        ),
        (
            {
                "sheet": HEADER_CELLS + '<row><c t="inlineStr"><is><t>&b;</t></is></c></row>',
                "before": '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
            },
            "declares an XML document type",
        ),
    ],
)
def test_bombs_in_excel(
    tmp_path: Path, parts: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MAX_STRINGS", 3_000)
    path = write_parts(tmp_path / "a.xlsx", **parts)
    tracemalloc.start()
    with pytest.raises(BadInput, match=says):
        paths(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_long_text_in_excel_is_cut(tmp_path: Path) -> None:
    long = f'<row><c t="inlineStr"><is><t>{"z" * 5_000_000}</t></is></c></row>'
    path = write_parts(tmp_path / "a.xlsx", sheet=HEADER_CELLS + long)
    tracemalloc.start()
    assert [len(text) for text in paths(path)] == [excel.MAX_TEXT]
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xlsx"
    monkeypatch.setattr(excel, "MAX_UNPACKED", 30_000_000)
    write_parts(path, sheet=HEADER_CELLS + " " * 31_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(BadInput, match="unpacks to 31 MB"):
        paths(path)
    # A part that unpacks to more than it declares is cut there, and then does not fit its CRC.
    data = path.read_bytes()
    size = len(f'<worksheet xmlns="{MAIN}"><sheetData></sheetData></worksheet>{HEADER_CELLS}')
    declared = (31_000_000 + size).to_bytes(4, "little")
    assert data.count(declared) == 2
    path.write_bytes(data.replace(declared, (2_000).to_bytes(4, "little")))
    with pytest.raises(BadInput, match="not an Excel file that can be read"):
        paths(path)


def test_a_zip_with_a_million_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(12_000):
            file.writestr(f"{'n' * 60}{number}", b"")
    with pytest.raises(BadInput, match="more parts"):
        paths(path)


def test_excel_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    for data in (b"", b"PK", b"\xd0\xcf\x11\xe0" + b"\x00" * 600):  # the last: a password, or .xls
        path.write_bytes(data)
        with pytest.raises(BadInput, match="not an Excel file"):
            paths(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "x")
    with pytest.raises(BadInput, match="not an Excel file that can be read"):
        paths(path)


def test_a_parquet_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    words = pa.array(["x" * 300_000])
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), words)
    # Without Arrow's own schema the file does not say that its texts are to stay in a dictionary.
    table = pa.table({"fullPath": column})
    pq.write_table(table, path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 10_000  # and 6 GB of text
    default = pa.default_memory_pool()
    measured = pa.proxy_memory_pool(default)
    pa.set_memory_pool(measured)
    tracemalloc.start()
    try:
        for row in read_table(path, {"path": ("fullPath",)}):
            assert len(row["path"]) == tables.MAX_TEXT
        assert tracemalloc.get_traced_memory()[1] < 5e6
        assert measured.max_memory() < 50e6
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(default)


def test_parquet_columns_that_are_not_asked_for_stay_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    images = [bytes([i % 256]) * 100_000 for i in range(300)]
    table = pa.table({"fullPath": ["a"] * 300, "image": images, "boxes": [[1, 2]] * 300})
    pq.write_table(table, path)
    tracemalloc.start()
    assert len(paths(path)) == 300
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_parquet_of_other_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    values = {"fullPath": [b"a", b"\xff", None], "Status": [1.0, 2.5, None], "Age": [True] * 3}
    pq.write_table(pa.table(values), path)
    assert [list(row.values.values()) for row in read(path)] == [
        ["a", "1", "True"],
        ["\ufffd", "2.5", "True"],
        ["", "", "True"],
    ]
    pq.write_table(pa.table({"fullPath": [["a"]], "Status": ["b"]}), path)
    with pytest.raises(BadInput, match="'fullPath' holds lists"):
        read(path)
    pq.write_table(pa.table({"fullPath": ["a" * 9_000], "Status": ["b"]}), path)
    monkeypatch.setattr(tables, "MAX_BYTES", 8_999)
    with pytest.raises(BadInput, match="unpacks to"):
        read(path)


def damaged(data: bytes, at: int, value: int, cut: int) -> bytes:
    changed = bytearray(data)
    changed[at % len(changed)] ^= value or 1
    return bytes(changed[: len(changed) - cut % len(changed)])


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("intact")
    return {
        name: WRITERS[name](folder / name, HEADER, *ROWS).read_bytes()
        for name in ("a.csv", "a.XLSX", "a.parquet")
    }


def only_refused_in_words(path: Path) -> None:
    try:
        rows = read(path)
    except BadInput as error:
        assert error.hint and "\n" not in error.message[:60]
        return
    assert all(isinstance(value, str) for row in rows for value in row.values.values())


def read_all_damaged_footers(path: Path, data: bytes) -> int:
    """Read the Parquet file with each byte of its footer changed in turn; how many were."""
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(footer, len(data)):
        only_refused_in_words(write_csv(path, damaged(data, at, 1, 0)))
    return len(data) - footer


def test_no_damaged_parquet_footer_ends_the_process(
    tmp_path: Path, intact: dict[str, bytes]
) -> None:
    with ProcessPoolExecutor(1) as pool:
        done = pool.submit(read_all_damaged_footers, tmp_path / "a.parquet", intact["a.parquet"])
        assert done.result() > 300


ON_ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ON_ONE_FILE
@given(st.sampled_from(SUFFIXES), st.binary(max_size=400))
def test_random_bytes_are_refused_in_words(tmp_path: Path, suffix: str, data: bytes) -> None:
    only_refused_in_words(write_csv(tmp_path / f"random{suffix}", data))


@settings(ON_ONE_FILE, max_examples=300)
@given(
    st.sampled_from(["a.csv", "a.XLSX", "a.parquet"]),
    st.integers(0, 1 << 20),
    st.integers(0, 255),
    st.sampled_from([0, 0, 1, 7, 300]),
)
def test_damaged_tables_are_refused_in_words(
    tmp_path: Path, intact: dict[str, bytes], name: str, at: int, value: int, cut: int
) -> None:
    only_refused_in_words(write_csv(tmp_path / name, damaged(intact[name], at, value, cut)))


@ON_ONE_FILE
@given(st.text(max_size=300), st.sampled_from([",", ";", "\t"]))
def test_random_text_under_a_good_header(tmp_path: Path, text: str, delimiter: str) -> None:
    header = delimiter.join(HEADER)
    data = f"{header}\n{text}".encode("utf-8", "replace")
    only_refused_in_words(write_csv(tmp_path / "a.csv", data))


@ON_ONE_FILE
@given(st.text(alphabet="<>/crv= \"'&;!-[]?xt1AZ0", max_size=200))
def test_random_markup_in_an_excel_sheet(tmp_path: Path, markup: str) -> None:
    only_refused_in_words(write_parts(tmp_path / "a.xlsx", sheet=HEADER_CELLS + markup))
