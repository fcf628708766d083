import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.data.clips import ClipMaker, ClipSettings, clip_id_of
from src.data.layouts import Source, VideoFolder
from src.data.prepare import Preparation
from src.data.store import Store, clip_path
from src.errors import ConfigError, DataError

SETTINGS = ClipSettings(
    max_side_px=720, probe_every_s=2.0, rival_ratio=0.6, max_rival_share=0.3, min_seconds=0.5, min_face_share=0.5,
    min_face_px=80.0, silence_db=-60.0, keep_landmarks=True,
)  # fmt: skip


def source(path: Path, name: str = "") -> Source:
    return Source(path, name or path.name, "ann", "en", "CC0-1.0")


def prepare(root: Path, folder: Path, *, settings: ClipSettings = SETTINGS, on_clip=lambda done, total: None):
    layout = VideoFolder(root=str(root), extensions=[".mp4"], manifests=[], licence_columns=[])
    return Preparation(settings=settings, workers=1, timeout_s=120).run(layout, folder, on_clip)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return ClipMaker(tmp_path_factory.mktemp("store"), SETTINGS)


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
    assert {"decode", "landmarks", "sound", "labels", "write"} <= report.stages_seconds.keys()

    store = Store.open(tmp_path)
    assert [clip.speaker for clip in store.clips] == ["id00000", "id00000", "id00001", "id00001"]
    for info in store.clips:
        clip = store.load(info.clip_id)
        assert len(clip.motion) == info.frames == -(-info.samples // 640)
        assert len(clip.waveform) == info.samples
        assert clip.motion.valid.mean() > 0.9
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
    # What a process that was killed while it wrote leaves behind.
    (tmp_path / "stopped" / "clips" / ".0.deadbeef.safetensors").write_bytes(b"half a clip")
    resumed = prepare(videos, tmp_path / "stopped")
    assert resumed.clips_reused >= 3
    assert resumed.content_hash == whole.content_hash
    assert resumed.rejected == whole.rejected

    def files(folder: Path) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".safetensors", ".parquet")
        }

    assert files(tmp_path / "whole") == files(tmp_path / "stopped")
    again = prepare(videos, tmp_path / "stopped")
    assert (again.clips_reused, again.realtime_factor, again.content_hash) == (8, 0.0, whole.content_hash)


def test_only_the_same_file_with_the_same_settings_is_reused(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    clip = source(write_talking(tmp_path / "a.mp4", seed=0), "reused.mp4")
    first, again = maker(clip), maker(clip)
    assert (first.reused, again.reused, first.info) == (False, True, again.info)
    relabelled = maker(replace(clip, speaker="bob"))
    assert (relabelled.reused, relabelled.info.speaker) == (False, "bob")
    without = ClipMaker(maker.folder, replace(SETTINGS, keep_landmarks=False))
    assert not without(clip).reused
    write_talking(clip.path, seed=3)
    assert not without(clip).reused


def test_a_clip_that_turns_bad_leaves_the_store(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    clip = source(write_talking(tmp_path / "a.mp4"), "turns_bad.mp4")
    stored = clip_path(maker.folder, maker(clip).info.clip_id)
    assert stored.is_file()
    clip.path.write_text("overwritten")
    refused, again = maker(clip), maker(clip)
    assert refused.reason.startswith("unreadable: ")
    assert (again.reason, again.reused) == (refused.reason, True)
    assert not stored.exists()


def test_nothing_usable_is_an_error_that_shows_why(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_text("no video")
    with pytest.raises(DataError, match=r"none of 1 videos could be used \(a\.mp4: unreadable: "):
        prepare(tmp_path / "videos", tmp_path / "store")
    assert json.loads((tmp_path / "store" / "report.json").read_text())["clips_rejected"] == 1


def test_silence_is_refused(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    path = write_video(tmp_path / "mute.mp4", [portrait] * 25, np.arange(25) / 25, np.zeros(16_000, np.float32))
    assert maker(source(path)).reason.startswith("silent: the sound track is silent")


def test_a_moment_is_too_short(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    assert maker(source(write_talking(tmp_path / "moment.mp4", seconds=0.4))).reason.startswith("too_short: ")


def test_sound_beside_too_few_pictures_is_too_short(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    path = write_video(tmp_path / "radio.mp4", [portrait] * 5, np.arange(5) / 25, noise)
    assert "picture and sound run together for 0.2" in maker(source(path)).reason


def test_two_people_are_refused(tmp_path: Path, maker: ClipMaker, write_talking, portrait) -> None:
    path = write_talking(tmp_path / "pair.mp4", image=np.hstack([portrait, portrait]))
    assert maker(source(path)).reason.startswith("several_faces: ")


def test_a_far_face_is_refused(tmp_path: Path, maker: ClipMaker, write_talking, portrait) -> None:
    path = write_talking(tmp_path / "far.mp4", image=np.ascontiguousarray(portrait[::2, ::2]))
    assert maker(source(path)).reason.startswith("small_face: the face is 5")


def test_a_face_that_leaves_is_refused_below_the_share_and_marked_above(
    tmp_path: Path, maker: ClipMaker, write_video, portrait
) -> None:
    noise, wall = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32), np.full_like(portrait, 90)
    most = write_video(tmp_path / "most.mp4", [portrait] * 40 + [wall] * 10, np.arange(50) / 25, noise)
    some = write_video(tmp_path / "some.mp4", [portrait] * 10 + [wall] * 40, np.arange(50) / 25, noise)
    info = maker(source(most)).info
    assert info is not None
    assert info.valid_share == pytest.approx(0.8, abs=0.03)
    assert maker(source(some)).reason.startswith("no_face: a face is seen in 2")


def test_an_unforeseen_failure_is_a_reason_and_not_the_end(
    tmp_path: Path, maker: ClipMaker, write_talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("of a bug")

    monkeypatch.setattr("src.data.clips.label_core7", fail)
    assert maker(source(write_talking(tmp_path / "odd.mp4"))).reason.startswith("failed: ZeroDivisionError: of a bug")


def test_ids_are_readable_unique_file_names() -> None:
    names = [
        "id00001/video/0 1.mp4",
        "id00001/video/0-1.mp4",
        "id00001/video/0 1.mkv",
        "../é/ü.mp4",
        "x" * 300 + ".mp4",
    ]
    ids = [clip_id_of(name) for name in names]
    assert len(set(ids)) == len(names)
    assert ids[0].startswith("id00001-video-0-1-")
    assert all(len(each) < 100 and "/" not in each and not each.startswith((".", "-")) for each in ids)


@pytest.mark.parametrize("wrong", [{"min_face_share": 0.0}, {"rival_ratio": 1.5}, {"max_side_px": 10}])
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)


def run_script(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "scripts.prepare_data", *arguments],
        capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"},
    )  # fmt: skip


def test_the_script_prepares_with_rejections_and_ends_well(tmp_path: Path, videos: Path) -> None:
    ended = run_script(f"data.root={videos}", f"out={tmp_path / 'store'}", "prepare.workers=1")
    assert ended.returncode == 0, ended.stderr
    assert "4 clips" in ended.stderr
    assert len(Store.open(tmp_path / "store").clips) == 4


def test_the_script_ends_with_2_and_one_message_when_there_is_no_video(tmp_path: Path) -> None:
    ended = run_script(f"data.root={tmp_path}", f"out={tmp_path / 'store'}")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "no video in this folder" in ended.stderr
    assert not (tmp_path / "store").exists()
