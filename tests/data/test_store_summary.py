"""A store's summary counts what its manifest says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from src.data.clip_info import ClipInfo
from src.data.store import write_manifest
from src.data.store_summary import summarise_store
from src.data.sync import RELIABLE_CONFIDENCE
from tests.tiny_store import write_tiny_store


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ClipInfo]:
    return list(write_tiny_store(tmp_path_factory.mktemp("store"), {"anna": [75, 75], "bob": [150]}).clips)


def test_clips_minutes_and_speakers_are_counted_per_part_and_language(rows: list[ClipInfo], tmp_path: Path) -> None:
    changed = [replace(rows[0], language=""), rows[1], replace(rows[2], language="de")]
    store = write_manifest(tmp_path, changed, {"anna_0": "train", "anna_1": "train", "bob_0": "val"})
    summary = summarise_store(store)
    assert (summary["clips"], summary["minutes"], summary["speakers"], summary["languages"]) == (3, 0.2, 2, 2)
    assert [(row["split"], row["language"], row["clips"], row["minutes"]) for row in summary["split"]] == [
        ("train", None, 2, 0.1), ("train", "en", 1, 0.05), ("train", "unknown", 1, 0.05),
        ("val", None, 1, 0.1), ("val", "de", 1, 0.1),
    ]  # fmt: skip
    assert summary["split_hash"] == store.split_hash
    json.dumps(summary, allow_nan=False)


def test_terms_are_listed_with_what_is_under_them(rows: list[ClipInfo], tmp_path: Path) -> None:
    changed = [replace(rows[0], consent="signed"), replace(rows[1], licence=""), replace(rows[2], licence="")]
    terms = summarise_store(write_manifest(tmp_path, changed))["terms"]
    assert [(row["licence"], row["consent"], row["clips"], row["minutes"]) for row in terms] == [
        ("unknown", "unknown", 2, 0.15), ("made here", "signed", 1, 0.05),
    ]  # fmt: skip


def test_reliable_and_unsure_offsets_are_told_apart(rows: list[ClipInfo], tmp_path: Path) -> None:
    changed = [
        replace(rows[0], offset_ms=30.0, offset_confidence=RELIABLE_CONFIDENCE),
        replace(rows[1], offset_ms=50.0, offset_confidence=1.0),
        replace(rows[2], offset_ms=-700.0, offset_confidence=0.1),
    ]
    offsets = summarise_store(write_manifest(tmp_path, changed))["offsets"]
    assert offsets["median_ms"] == 40.0
    assert (sum(offsets["reliable"]), sum(offsets["unsure"])) == (2, 1)
    assert offsets["edges_ms"][0] <= -700
    assert len(offsets["edges_ms"]) == len(offsets["unsure"]) + 1


def test_a_corrected_offset_is_counted_as_what_is_left_of_it(rows: list[ClipInfo], tmp_path: Path) -> None:
    corrected = replace(rows[0], offset_ms=300.0, offset_confidence=1.0, start_s=2.0, motion_start_s=1.71)
    assert summarise_store(write_manifest(tmp_path, [corrected]))["offsets"]["median_ms"] == pytest.approx(10.0)


def test_stretches_of_one_video_are_one_source(rows: list[ClipInfo], tmp_path: Path) -> None:
    changed = [replace(row, path=f"a.mp4#t={n},{n + 1}") for n, row in enumerate(rows)]
    assert summarise_store(write_manifest(tmp_path, changed))["sources"] == 1


def test_an_empty_store_has_a_summary(tmp_path: Path) -> None:
    tmp_path.joinpath("clips").mkdir()
    summary = summarise_store(write_manifest(tmp_path, []))
    assert (summary["clips"], summary["split"], summary["terms"], summary["footage"]) == (0, [], [], [])
    assert summary["offsets"]["median_ms"] is None


def test_one_value_in_all_clips_needs_no_histogram(rows: list[ClipInfo], tmp_path: Path) -> None:
    footage = {chart["name"]: chart for chart in summarise_store(write_manifest(tmp_path, rows))["footage"]}
    assert footage["source frame rate"]["everywhere"] == 25.0
    assert footage["source frame rate"]["edges"] == []
    assert sum(footage["clip length"]["counts"]) == 3
