"""The data card of a store: the files it makes, what stays in report.json, and doing it again."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scripts.data_card import CLIP_QA, PAGE, REPORT, refused_minutes, write_data_card
from src.data.records import SourceRecord, write_record
from src.data.store import Store
from src.files import write_json
from src.motion import CORE7
from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return write_tiny_store(tmp_path / "store", {"anna": [60, 40], "bob": [50]})


def test_the_report_gains_label_quality_and_keeps_what_it_said(store: Store) -> None:
    write_json(store.folder / REPORT, {"clips_ok": 3, "reasons": {}, "rejected": []})
    content_hash = store.content_hash
    write_data_card(store.folder)
    report = json.loads((store.folder / REPORT).read_text("utf-8"))
    assert report["clips_ok"] == 3
    assert set(report["label_qa"]) == set(CORE7.names)
    for channel in report["label_qa"].values():
        assert {"dead", "noise_floor", "r_reference"} <= channel.keys()
    assert report["label_qa"]["jaw_open"]["dead"] is False
    assert report["label_qa"]["eye_blink"]["dead"] is True
    assert report["store"]["content_hash"] == content_hash == Store.open(store.folder).content_hash


def test_the_page_shows_every_chosen_clip(store: Store) -> None:
    page = write_data_card(store.folder).read_text("utf-8")
    for clip_id in ("anna_0", "anna_1", "bob_0"):
        assert f"{clip_id} (" in page
    assert page.count("data:image/jpeg;base64,") == 3


def test_every_clip_has_its_figures_in_a_table(store: Store) -> None:
    write_data_card(store.folder)
    table = pq.read_table(store.folder / CLIP_QA).to_pylist()
    assert [row["clip_id"] for row in table] == ["anna_0", "anna_1", "bob_0"]
    assert all(row["movement"] > 0.05 for row in table)


def test_the_same_store_has_the_same_card(store: Store) -> None:
    first = write_data_card(store.folder).read_bytes()
    assert write_data_card(store.folder).read_bytes() == first


def test_refused_footage_is_counted_by_its_records(tmp_path: Path) -> None:
    record = SourceRecord(
        path="a.mp4", source_sha256="", config_hash="", fix_offset=False, seconds=90.0, clips={}, cut=(),
        offset_ms=0.0, offset_confidence=0.0, offset_fixed=False, reason="silent: no sound.",
    )  # fmt: skip
    write_record(tmp_path, record)
    assert refused_minutes(tmp_path, ["a.mp4", "nobody wrote about this.mp4"]) == 1.5


def test_the_command_writes_the_page(store: Store) -> None:
    done = run_script("data_card", f"store={store.folder}")
    assert done.returncode == 0, done.stderr
    assert (store.folder / PAGE).is_file()


def test_what_is_no_store_is_one_message(tmp_path: Path) -> None:
    done = run_script("data_card", f"store={tmp_path}")
    assert done.returncode == 2
    assert "not a prepared store" in done.stderr
    assert "Traceback" not in done.stderr
