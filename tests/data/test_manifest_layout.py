from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from src.data.layouts import Source
from src.data.manifest_layout import ManifestLayout
from src.errors import ConfigError, DataError

COLUMNS = {name: name for name in ("path", "start", "end", "speaker", "language", "licence", "consent")}


def layout(manifest: Path, **changed: object) -> ManifestLayout:
    said = {"columns": COLUMNS, "language": "en", "licence": "CC0", "consent": "", "fix_offset": False}
    return ManifestLayout(manifest=str(manifest), **{**said, **changed})  # type: ignore[arg-type]


def write(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_row_is_a_video_or_a_stretch_of_one(tmp_path: Path) -> None:
    rows = "path,start,end,speaker,language,consent,remark\na/1.mp4,,,ann,de,signed,nice\na/1.mp4,1.50,4,ann,,,\n"
    path = write(tmp_path, rows + "id7/2.mp4,3,,,,,\n")
    video = tmp_path / "a/1.mp4"
    assert layout(path).sources() == [
        Source(video, "a/1.mp4", "ann", "de", "CC0", "signed"),
        Source(video, "a/1.mp4#t=1.5,4", "ann", "en", "CC0", "", 1.5, 4.0),
        Source(tmp_path / "id7/2.mp4", "id7/2.mp4#t=3", "id7", "en", "CC0", "", 3.0, None),
    ]
    assert {source.file_name for source in layout(path).sources()} == {"a/1.mp4", "id7/2.mp4"}


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    csv = write(tmp_path, "path,start,end,speaker\na.mp4,,,ann\nb.mp4,1,2.25,bob\n")
    columns = {"path": ["a.mp4", "b.mp4"], "start": [None, 1.0], "end": [float("nan"), 2.25], "speaker": ["ann", "bob"]}
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    assert layout(tmp_path / "list.parquet").sources() == layout(csv).sources()


def test_other_column_names_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "file,speaker_group\na.mp4,g1\n")
    (source,) = layout(path, columns={**COLUMNS, "path": "file", "speaker": "speaker_group"}).sources()
    assert (source.name, source.speaker) == ("a.mp4", "g1")
    with pytest.raises(DataError, match="no column `path` .there are: file, speaker_group.*data.columns.path"):
        layout(path).sources()
    with pytest.raises(ConfigError, match="a column name for each of path, start"):
        layout(path, columns={"path": "file"})


def test_names_do_not_tell_where_the_data_set_is(tmp_path: Path) -> None:
    path = write(tmp_path, f"path\n{tmp_path / 'a.mp4'}\nsub/../b.mp4\n")
    assert [source.name for source in layout(path).sources()] == ["a.mp4", "b.mp4"]


def test_a_missing_file_is_left_to_the_run(tmp_path: Path) -> None:
    (source,) = layout(write(tmp_path, "path\ngone.mp4\n")).sources()
    assert not source.path.exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.mp4,x,", r"line 2: start is 'x', expected seconds such as 12.5"),
        ("a.mp4,-1,", r"line 2: start is '-1', expected seconds from 0"),
        ("a.mp4,,\n,,", r"line 3: path is empty"),
        ("a.mp4,3,2", r"line 2: end 2 is not after start 3"),
        ("a.mp4,,0", r"line 2: end 0 is not after start 0"),
        ("a.mp4,1,2\n./a.mp4,1.0,2", r"line 3: a.mp4#t=1,2 is already in line 2"),
        ("\n".join("a.mp4,inf," for _ in range(7)), r"7 wrong rows: .*; and 2 more. Correct or delete"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        layout(write(tmp_path, f"path,start,end\n{rows}\n")).sources()


def test_a_table_that_is_missing_empty_or_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv: no such file.*data.manifest"):
        layout(tmp_path / "none.csv").sources()
    with pytest.raises(DataError, match="the manifest has no rows"):
        layout(write(tmp_path, "path\n")).sources()
    (tmp_path / "list.parquet").write_bytes(b"path\na.mp4\n")
    with pytest.raises(DataError, match="not a readable table"):
        layout(tmp_path / "list.parquet").sources()
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe.mp4\n")
    with pytest.raises(DataError, match="not a readable table"):
        layout(tmp_path / "list.csv").sources()
