import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from src.data.store import Store
from src.errors import DataError
from tests.preparing import prepare
from tests.script_process import run_script


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, write_talking, write_video, portrait) -> Path:
    """Four good clips of two speakers, and four bad ones."""
    root = tmp_path_factory.mktemp("videos")
    for index in range(4):
        write_talking(root / f"id0000{index // 2}" / "video" / f"{index}.mp4", seed=index, seconds=1.0 + 0.2 * index)
    write_video(root / "bad" / "mute.mp4", [portrait] * 25, np.arange(25) / 25)
    write_talking(root / "bad" / "wall.mp4", image=np.full((128, 128, 3), 90, np.uint8))
    cut = write_talking(root / "bad" / "cut.mp4", seconds=4.0)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (root / "bad" / "letter.mp4").write_text("Dear reader, this is no video.")
    return root


BAD = {
    "bad/mute.mp4": "no_audio",
    "bad/wall.mp4": "no_face",
    "bad/cut.mp4": "truncated",
    "bad/letter.mp4": "unreadable",
}


def test_good_clips_are_stored_and_bad_ones_refused_with_a_reason(tmp_path: Path, videos: Path) -> None:
    told = []
    report = prepare(videos, tmp_path, on_clip=lambda done, total: told.append((done, total)))
    assert told == [(done, 8) for done in range(1, 9)]
    assert {each.path: each.reason.split(":")[0] for each in report.rejected} == BAD
    assert all(len(each.reason.split(": ", 1)[1].split()) > 5 for each in report.rejected)  # a sentence follows
    assert (report.clips_ok, report.clips_rejected, report.speakers) == (4, 4, 2)
    assert report.minutes == pytest.approx((1.0 + 1.2 + 1.4 + 1.6) / 60, rel=0.05)
    stages = {"hash", "sound", "decode", "landmarks", "speech", "labels", "sync", "blendshapes", "write"}
    assert stages == report.stages_seconds.keys()

    store = Store.open(tmp_path)
    assert store.clips.column("speaker") == ["id00000", "id00000", "id00001", "id00001"]
    assert set(store.clips.column("split")) == {"train", "val"}
    assert report.splits == {"train": 2, "val": 2}
    assert report.split_hash == store.split_hash
    for info in store.clips:
        clip = store.load(info.clip_id)
        assert len(clip.motion) == info.frames == -(-info.samples // 640)
        assert len(clip.waveform) == info.samples
        assert clip.motion.valid.all()
        assert info.source_fps == pytest.approx(25, abs=0.1)

    written = json.loads((tmp_path / "report.json").read_text())
    assert written["content_hash"] == report.content_hash == store.content_hash
    assert {each["path"]: each["reason"] for each in written["rejected"]} == {
        each.path: each.reason for each in report.rejected
    }
    assert {"clips_ok", "clips_rejected", "minutes", "realtime_factor"} <= written.keys()


@pytest.mark.slow  # prepares four times, a process start each
def test_a_stopped_run_goes_on_and_ends_with_the_same_store(tmp_path: Path, videos: Path) -> None:
    class KilledError(Exception):
        pass

    def kill_after_three(done: int, total: int) -> None:
        if done == 3:
            raise KilledError

    whole = prepare(videos, tmp_path / "whole")
    with pytest.raises(KilledError):
        prepare(videos, tmp_path / "stopped", on_clip=kill_after_three)
    assert not (tmp_path / "stopped" / "manifest.parquet").exists()
    # What a process that was killed while it wrote leaves behind, and what no record names.
    (tmp_path / "stopped" / "clips" / "orphan.safetensors").write_bytes(b"of a source that was killed half-way")
    (tmp_path / "stopped" / "clips" / ".0.deadbeef.safetensors").write_bytes(b"half a clip")
    resumed = prepare(videos, tmp_path / "stopped")
    assert resumed.clips_reused >= 3
    assert resumed.content_hash == whole.content_hash
    assert resumed.rejected == whole.rejected

    def files(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != "report.json"
        }

    assert files(tmp_path / "whole") == files(tmp_path / "stopped")
    again = prepare(videos, tmp_path / "stopped")
    assert (again.clips_reused, again.realtime_factor, again.content_hash) == (8, 0.0, whole.content_hash)


def test_the_report_counts_what_was_cut_and_what_is_allowed(tmp_path: Path, write_video, portrait) -> None:
    noise, wall = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), np.full_like(portrait, 90)
    images = [portrait] * 30 + [wall] * 15 + [portrait] * 30
    write_video(tmp_path / "videos" / "ann" / "gap.mp4", images, np.arange(75) / 25, noise)
    (tmp_path / "videos" / "manifest.csv").write_text("file,speaker\n")
    report = prepare(tmp_path / "videos", tmp_path / "store")
    assert (report.sources_ok, report.clips_ok, report.segments) == (1, 2, 2)
    assert report.minutes * 60 + sum(report.seconds_cut.values()) == pytest.approx(3.0, abs=0.01)
    assert report.seconds_cut["no_face"] == pytest.approx(0.6, abs=0.09)
    (source,) = report.cut
    assert (source.path, source.cut[0].reason) == ("ann/gap.mp4", "no_face")
    assert (report.licences, report.consents, report.engine) == ({"": 2}, {"": 2}, "local")
    store = Store.open(tmp_path / "store")
    assert store.source_path(store.clips[0].clip_id) == tmp_path / "videos" / "ann" / "gap.mp4"


@pytest.mark.slow
def test_a_video_that_is_gone_leaves_the_table_but_its_clips_stay(tmp_path: Path, write_talking) -> None:
    for name in ("a", "b"):
        write_talking(tmp_path / "videos" / f"{name}.mp4")
    assert prepare(tmp_path / "videos", tmp_path / "store").clips_ok == 2
    moved = (tmp_path / "videos" / "b.mp4").rename(tmp_path / "b.mp4")
    assert prepare(tmp_path / "videos", tmp_path / "store").clips_ok == 1
    moved.rename(tmp_path / "videos" / "b.mp4")
    again = prepare(tmp_path / "videos", tmp_path / "store")
    assert (again.clips_ok, again.clips_reused) == (2, 2)


def test_nothing_usable_is_an_error_that_shows_why(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_text("no video")
    with pytest.raises(DataError, match=r"none of 1 videos could be used \(a\.mp4: unreadable: "):
        prepare(tmp_path / "videos", tmp_path / "store")
    assert json.loads((tmp_path / "store" / "report.json").read_text())["clips_rejected"] == 1


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("prepare_data", *arguments, env=os.environ | {"COLUMNS": "300"})


@pytest.mark.slow
def test_the_script_prepares_with_rejections_and_ends_well(tmp_path: Path, videos: Path) -> None:
    lenient = ("prepare.settings.min_speech_share=0", "prepare.settings.min_face_px=80")
    ended = run(f"data.root={videos}", f"out={tmp_path / 'store'}", "prepare.workers=1", *lenient)
    assert ended.returncode == 0, ended.stderr
    assert "4 clips" in ended.stderr
    assert len(Store.open(tmp_path / "store").clips) == 4


def test_the_script_ends_with_2_and_one_message_when_there_is_no_video(tmp_path: Path) -> None:
    ended = run(f"data.root={tmp_path}", f"out={tmp_path / 'store'}")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "no video in this folder" in ended.stderr
    assert not (tmp_path / "store").exists()
