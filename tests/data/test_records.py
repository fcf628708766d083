from dataclasses import replace
from pathlib import Path

import pytest

from src.data.records import CutStretch, SourceRecord, read_record, record_path, source_id_of, write_record
from src.data.rejection import Reason

RECORD = SourceRecord(
    path="ann/a b.mp4", source_sha256="0" * 64, config_hash="1" * 16, fix_offset=True, seconds=12.5,
    clips={"ann-a-b_s0": "2" * 64}, cut=(CutStretch(1.0, 2.5, Reason.NO_FACE),), offset_ms=-40.5,
    offset_confidence=0.9, offset_fixed=False, reason="",
)  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(record_path(tmp_path, RECORD.path)) == RECORD
    assert [path.name for path in (tmp_path / "sources").iterdir()] == [f"{source_id_of(RECORD.path)}.json"]


def test_equal_records_are_equal_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_record(tmp_path / folder, RECORD)
    first, second = (record_path(tmp_path / folder, RECORD.path).read_bytes() for folder in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cut": [[0, 1, "whim"]]}', '{"cut": [], "path": "a"}', "\x00"])
def test_what_is_no_record_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)
    assert read_record(path) is None
    assert read_record(tmp_path / "missing.json") is None


def test_stretches_of_one_file_have_records_of_their_own(tmp_path: Path) -> None:
    names = ["a.mp4", "a.mp4#t=1,2", "a.mp4#t=2,3"]
    for name in names:
        write_record(tmp_path, replace(RECORD, path=name))
    assert [read_record(record_path(tmp_path, name)).path for name in names] == names  # type: ignore[union-attr]


def test_ids_are_readable_unique_file_names() -> None:
    names = [
        "id00001/video/0 1.mp4",
        "id00001/video/0-1.mp4",
        "id00001/video/0 1.mkv",
        "../é/ü.mp4",
        "x" * 300 + ".mp4",
    ]
    ids = [source_id_of(name) for name in names]
    assert len(set(ids)) == len(names)
    assert ids[0].startswith("id00001-video-0-1-")
    assert all(len(each) < 100 and "/" not in each and not each.startswith((".", "-")) for each in ids)
