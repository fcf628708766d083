import json
import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from src.data.clip_info import ClipInfo
from src.data.store import Store, clip_path, describe_clip, read_row, write_clip, write_local, write_manifest
from src.errors import DataError, MotionError
from src.motion import CORE7, Motion


def info(clip_id: str = "a-0", **changes) -> ClipInfo:
    row = ClipInfo(
        clip_id=clip_id, path=f"{clip_id}.mp4", speaker="id00001", language="en", licence="CC0-1.0", consent="",
        split="", seconds=0.4, frames=10, samples=6400, specs="core7:1", fps=25.0, sample_rate_hz=16_000,
        valid_share=0.9, segment=0, start_s=0.25, motion_start_s=0.13, source_seconds=2.0, offset_ms=120.0,
        offset_confidence=0.9, source_fps=30.0, width=640, height=480, face_px=200.0, yaw_deg=4.0, speech_share=1.0,
        level_db=-20.0, landmark_step_px=0.0, source_sha256="0" * 64, config_hash="1" * 16, audio_sha256="",
        clip_sha256="",
    )  # fmt: skip
    return replace(row, **changes)


def content(seed: int = 0) -> tuple[np.ndarray, list[Motion], np.ndarray]:
    generator = np.random.default_rng(seed)
    values = generator.uniform(CORE7.minimum, CORE7.maximum, (10, 7)).astype(np.float32)
    motion = Motion(values, CORE7, valid=np.arange(10) != 4)
    landmarks = generator.uniform(-50, 700, (10, 478, 3)).astype(np.float32)
    return generator.uniform(-1, 1, 6400).astype(np.float32), [motion], landmarks


def test_what_is_written_is_read(tmp_path: Path) -> None:
    waveform, (motion,), landmarks = content()
    row = write_clip(tmp_path, info(), waveform, [motion], landmarks)
    write_manifest(tmp_path, [row])
    store = Store.open(tmp_path)
    clip = store.load("a-0")
    assert (list(store.clips), clip.info) == ([row], row)
    np.testing.assert_allclose(clip.waveform, waveform, atol=1 / 32_768)
    np.testing.assert_array_equal(clip.motion.values, motion.values)
    np.testing.assert_array_equal(clip.motion.valid, motion.valid)
    assert (clip.motion.spec, clip.motion.fps, clip.motion.start_s) == (CORE7, 25.0, 0.0)
    np.testing.assert_allclose(store.load_landmarks("a-0"), landmarks, atol=0.02)  # pixels


def test_full_scale_sound_does_not_wrap(tmp_path: Path) -> None:
    waveform = np.array([-1.0, 1.0, 0.0] * 10, np.float32)
    write_manifest(tmp_path, [write_clip(tmp_path, info(), waveform, content()[1], None)])
    np.testing.assert_allclose(Store.open(tmp_path).load("a-0").waveform, waveform, atol=1 / 32_768)


def test_files_are_readable_without_this_project(tmp_path: Path) -> None:
    waveform, (motion,), landmarks = content()
    row = write_clip(tmp_path, info(), waveform, [motion], landmarks)
    write_manifest(tmp_path, [row])
    table = pq.read_table(tmp_path / "manifest.parquet")
    assert table.column_names == [field.name for field in fields(ClipInfo)]
    assert table["speaker"].to_pylist() == ["id00001"]
    with safe_open(tmp_path / "clips" / "a-0.safetensors", framework="np") as file:
        assert json.loads(file.metadata()["clip"])["seconds"] == 0.4
        assert {name: file.get_tensor(name).dtype.name for name in file.keys()} == {  # noqa: SIM118
            "audio": "int16", "motion.core7": "float32", "valid": "uint8", "landmarks": "int16",
        }  # fmt: skip


def test_equal_content_gives_equal_bytes_and_hash_wherever_and_whenever(tmp_path: Path) -> None:
    hashes = []
    for folder, order in ((tmp_path / "here", ("a-0", "b-1")), (tmp_path / "there" / "deep", ("b-1", "a-0"))):
        rows = [write_clip(folder, info(clip_id), *content(len(clip_id))) for clip_id in order]
        os.utime(clip_path(folder, "a-0"), (0, 0))
        hashes.append(write_manifest(folder, rows).content_hash)
    assert hashes[0] == hashes[1] == Store.open(tmp_path / "here").content_hash
    for name in ("manifest.parquet", "clips/a-0.safetensors"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / "deep" / name).read_bytes()


def test_other_content_gives_another_hash(tmp_path: Path) -> None:
    first = write_manifest(tmp_path / "1", [write_clip(tmp_path / "1", info(), *content(0))])
    second = write_manifest(tmp_path / "2", [write_clip(tmp_path / "2", info(), *content(1))])
    assert first.content_hash != second.content_hash


def test_a_clip_file_tells_its_own_row(tmp_path: Path) -> None:
    row = write_clip(tmp_path, info(), *content())
    assert read_row(clip_path(tmp_path, "a-0")) == row
    assert read_row(clip_path(tmp_path, "other")) is None
    damaged = clip_path(tmp_path, "a-0")
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert read_row(damaged) is None


def test_a_folder_without_a_manifest_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.parquet is missing.*scripts\.prepare_data"):
        Store.open(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, [])
    table = pq.read_table(tmp_path / "manifest.parquet").replace_schema_metadata({"store_version": "0"})
    pq.write_table(table, tmp_path / "manifest.parquet")
    with pytest.raises(DataError, match="store version 0"):
        Store.open(tmp_path)


def test_a_broken_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        Store.open(tmp_path)


def test_an_unknown_or_damaged_clip_is_refused_by_name(tmp_path: Path) -> None:
    write_manifest(tmp_path, [write_clip(tmp_path, info(), *content())])
    store = Store.open(tmp_path)
    with pytest.raises(DataError, match="no clip 'b-1'"):
        store.load("b-1")
    clip_path(tmp_path, "a-0").write_bytes(b"short")
    with pytest.raises(DataError, match="the clip can't be read"):
        store.load("a-0")


def test_landmarks_that_were_not_kept_are_asked_for_by_setting(tmp_path: Path) -> None:
    waveform, motions, _ = content()
    write_manifest(tmp_path, [write_clip(tmp_path, info(), waveform, motions, None)])
    with pytest.raises(DataError, match="keep_landmarks=true"):
        Store.open(tmp_path).load_landmarks("a-0")


def test_motion_is_given_in_the_time_of_the_source(tmp_path: Path) -> None:
    write_manifest(tmp_path, [write_clip(tmp_path, info(), *content())])
    store = Store.open(tmp_path)
    assert store.load_motion("a-0").times_s[:2] == pytest.approx([0.13, 0.17])
    assert np.array_equal(store.load_motion("a-0").values, store.load("a-0").motion.values)


def test_a_specification_that_was_not_labelled_is_asked_for_by_name(tmp_path: Path) -> None:
    write_manifest(tmp_path, [write_clip(tmp_path, info(), *content())])
    with pytest.raises(MotionError, match="unknown motion spec 'smile'"):
        Store.open(tmp_path).load("a-0", "smile")
    rows = [replace(row, specs="core7:0") for row in Store.open(tmp_path).clips]
    write_manifest(tmp_path, rows)
    with pytest.raises(DataError, match="holds core7:0, not core7 version 1"):
        Store.open(tmp_path).load("a-0")


def test_another_split_of_the_same_clips_has_another_split_hash(tmp_path: Path) -> None:
    row = write_clip(tmp_path, info(), *content())
    first, second = (write_manifest(tmp_path, [row], {"a-0": part}) for part in ("train", "val"))
    assert first.content_hash == second.content_hash
    assert first.split_hash != second.split_hash


def test_other_words_about_a_clip_leave_its_sound_and_motion_as_they_are(tmp_path: Path) -> None:
    waveform, motions, landmarks = content()
    row = write_clip(tmp_path, info(), waveform, motions, landmarks)
    before = clip_path(tmp_path, "a-0").read_bytes()
    renamed = describe_clip(tmp_path, replace(row, speaker="bob"))
    assert (renamed.speaker, renamed.frames) == ("bob", row.frames)
    assert renamed.clip_sha256 != row.clip_sha256
    assert read_row(clip_path(tmp_path, "a-0")) == renamed
    assert describe_clip(tmp_path, replace(renamed, speaker=row.speaker)) == row
    assert clip_path(tmp_path, "a-0").read_bytes() == before
    clip_path(tmp_path, "a-0").write_bytes(b"damaged")
    with pytest.raises(DataError, match="the clip can't be read"):
        describe_clip(tmp_path, row)


def test_a_store_knows_where_its_videos_are_and_says_when_they_are_gone(tmp_path: Path) -> None:
    waveform, motions, _ = content()
    rows = [info("a-0", path="x/a.mp4"), info("b-0", path="b.mp4#t=1,2"), info("c-0", path="c.mp4")]
    store = write_manifest(
        tmp_path / "store", [write_clip(tmp_path / "store", r, waveform, motions, None) for r in rows]
    )
    with pytest.raises(DataError, match=r"local\.json: says not where the videos are"):
        store.source_path("a-0")
    paths = {"x/a.mp4": tmp_path / "x" / "a.mp4", "b.mp4": tmp_path / "b.mp4", "c.mp4": tmp_path / "other" / "z.mp4"}
    write_local(store.folder, paths)
    assert json.loads((store.folder / "local.json").read_text()) == {
        "root": str(tmp_path), "elsewhere": {"c.mp4": str(tmp_path / "other" / "z.mp4")}
    }  # fmt: skip
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [store.source_path(row.clip_id) for row in rows] == list(paths.values())
    paths["c.mp4"].unlink()
    with pytest.raises(DataError, match="not there any more"):
        store.source_path("c-0")


def test_where_the_videos_are_is_in_no_hash(tmp_path: Path) -> None:
    waveform, motions, _ = content()
    store = write_manifest(tmp_path, [write_clip(tmp_path, info(), waveform, motions, None)])
    before = store.content_hash
    write_local(tmp_path, {"a-0.mp4": Path("/elsewhere/a-0.mp4")})
    assert Store.open(tmp_path).content_hash == before


def test_clips_labelled_again_keep_the_hash_of_their_sound(tmp_path: Path) -> None:
    waveform, motions, landmarks = content()
    row = write_clip(tmp_path, info(), waveform, motions, landmarks)
    again = write_clip(tmp_path, info(), waveform, motions, None)
    other = write_clip(tmp_path, info(), waveform[::-1], motions, landmarks)
    assert row.clip_sha256 != again.clip_sha256
    assert row.audio_sha256 == again.audio_sha256 != other.audio_sha256
