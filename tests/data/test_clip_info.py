from dataclasses import replace
from pathlib import Path

import pytest

from src.data.clip_info import ClipInfo, versions_of
from src.data.store import write_manifest
from tests.tiny_store import write_tiny_store


@pytest.fixture
def row(tmp_path: Path) -> ClipInfo:
    return write_tiny_store(tmp_path / "tiny", {"anna": [10]}).clips[0]


def test_the_manifest_opens_without_making_its_rows(tmp_path: Path, row: ClipInfo) -> None:
    rows = [replace(row, clip_id=f"clip-{number:05d}", speaker=f"id{number % 7}") for number in range(10_000)]
    clips = write_manifest(tmp_path, rows, {row.clip_id: "train" for row in rows}).clips
    assert len(clips) == 10_000
    assert clips[-1] == replace(rows[-1], split="train")
    assert [row.clip_id for row in clips[3:5]] == ["clip-00003", "clip-00004"]
    assert set(clips.column("split")) == {"train"}
    assert [row.speaker for row in clips] == clips.column("speaker")


def test_a_corrected_offset_leaves_nothing(row: ClipInfo) -> None:
    late = replace(row, offset_ms=120.0)
    assert late.remaining_offset_ms == 120.0
    assert replace(late, start_s=0.2, motion_start_s=0.08).remaining_offset_ms == 0.0


def test_versions_are_told_by_specification(row: ClipInfo) -> None:
    assert versions_of(row) == {"core7": 1}
    assert versions_of(replace(row, specs="core7:1,arkit55:2")) == {"core7": 1, "arkit55": 2}
