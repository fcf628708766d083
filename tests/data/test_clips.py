from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.data.clips import ClipMaker
from src.data.records import refuse
from src.data.rejection import MediaError, Reason
from src.data.store import clip_path, write_manifest
from src.errors import ConfigError
from src.files import sha256_of
from tests.preparing import SETTINGS, source


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return ClipMaker(tmp_path_factory.mktemp("store"), SETTINGS, 120.0, None)


def test_only_the_same_file_with_the_same_settings_is_reused(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    clip = source(write_talking(tmp_path / "a.mp4", seed=0), "reused.mp4")
    first, again = maker(clip), maker(clip)
    assert (first.reused, again.reused) == (False, True)
    assert (first.clips, first.record) == (again.clips, again.record)
    without = ClipMaker(maker.folder, replace(SETTINGS, keep_landmarks=False), 120.0, None)
    assert not without(clip).reused
    assert not without(replace(clip, fix_offset=True)).reused
    write_talking(clip.path, seed=3)
    assert not without(clip).reused


def test_other_words_about_a_source_are_written_without_looking_at_it_again(
    tmp_path: Path, maker: ClipMaker, write_talking
) -> None:
    clip = source(write_talking(tmp_path / "a.mp4", seed=0), "renamed.mp4")
    before = maker(clip)
    (old,) = before.clips
    after = maker(replace(clip, speaker="bob", licence="CC-BY-4.0", consent="signed"))
    (new,) = after.clips
    assert after.reused
    assert (new.speaker, new.licence, new.consent) == ("bob", "CC-BY-4.0", "signed")
    assert after.record.clips == {new.clip_id: new.clip_sha256}
    assert new.clip_sha256 != old.clip_sha256
    assert maker(clip).clips == before.clips  # byte for byte what it was


def test_a_damaged_clip_is_made_again(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    clip = source(write_talking(tmp_path / "a.mp4"), "damaged.mp4")
    (made,) = maker(clip).clips
    path = clip_path(maker.folder, made.clip_id)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    again = maker(clip)
    assert (again.reused, again.clips) == (False, (made,))


def test_a_clip_that_turns_bad_leaves_the_store(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    clip = source(write_talking(tmp_path / "a.mp4"), "turns_bad.mp4")
    stored = clip_path(maker.folder, maker(clip).clips[0].clip_id)
    assert stored.is_file()
    clip.path.write_text("overwritten")
    refused, again = maker(clip), maker(clip)
    assert refused.record.reason.startswith("unreadable: ")
    assert (again.record, again.reused) == (refused.record, True)
    assert not stored.exists()


def test_what_took_too_long_is_tried_again_when_more_time_is_allowed(
    tmp_path: Path, maker: ClipMaker, write_talking
) -> None:
    clip = source(write_talking(tmp_path / "a.mp4"), "slow.mp4")
    error = MediaError(clip.path, Reason.TIMEOUT, "not done after 100 s.")
    refuse(maker.folder, clip, error, sha256_of(clip.path), maker.config_hash, timeout_s=120.0)
    assert maker(clip).reused
    refuse(maker.folder, clip, error, sha256_of(clip.path), maker.config_hash, timeout_s=60.0)
    assert len(maker(clip).clips) == 1


def test_silence_is_refused(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    path = write_video(tmp_path / "mute.mp4", [portrait] * 25, np.arange(25) / 25, np.zeros(16_000, np.float32))
    assert maker(source(path)).record.reason.startswith("silent: the sound track is silent")


def test_a_moment_is_too_short(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    assert maker(source(write_talking(tmp_path / "moment.mp4", seconds=0.4))).record.reason.startswith("too_short: ")


def test_sound_beside_too_few_pictures_is_too_short(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    path = write_video(tmp_path / "radio.mp4", [portrait] * 5, np.arange(5) / 25, noise)
    assert "picture and sound run together for 0.2" in maker(source(path)).record.reason


def test_two_people_are_refused(tmp_path: Path, maker: ClipMaker, write_talking, portrait) -> None:
    path = write_talking(tmp_path / "pair.mp4", image=np.hstack([portrait, portrait]))
    assert maker(source(path)).record.reason.startswith("several_faces: ")


def test_a_far_face_is_refused(tmp_path: Path, maker: ClipMaker, write_talking, portrait) -> None:
    path = write_talking(tmp_path / "far.mp4", image=np.ascontiguousarray(portrait[::2, ::2]))
    assert maker(source(path)).record.reason.startswith("small_face: the face is 5")


def test_a_face_that_leaves_for_a_moment_is_bridged_and_for_longer_is_cut(
    tmp_path: Path, maker: ClipMaker, write_video, portrait
) -> None:
    noise, wall = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), portrait.copy()
    wall[20:170, 60:200] = 90  # the room stays: no shot change
    moment = write_video(
        tmp_path / "moment.mp4", [portrait] * 30 + [wall] * 3 + [portrait] * 42, np.arange(75) / 25, noise
    )
    longer = write_video(
        tmp_path / "longer.mp4", [portrait] * 30 + [wall] * 9 + [portrait] * 36, np.arange(75) / 25, noise
    )
    (clip,) = maker(source(moment)).clips
    assert clip.valid_share == pytest.approx(72 / 75)
    result = maker(source(longer))
    first, second = result.clips
    assert (first.clip_id[-3:], second.clip_id[-3:]) == ("_s0", "_s1")
    assert (first.segment, second.segment, first.valid_share, second.valid_share) == (0, 1, 1.0, 1.0)
    (gap,) = result.record.cut
    assert (gap.start_s, gap.end_s, gap.reason) == (first.frames / 25, second.start_s, "no_face")
    assert (first.samples, second.samples) == (640 * first.frames, 640 * second.frames)
    assert first.frames + second.frames + round((gap.end_s - gap.start_s) * 25) == 75


def test_a_shot_change_divides_a_source(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    other = np.ascontiguousarray(np.roll(portrait[:, ::-1], 10, axis=0))
    other[:, :60] = 255
    path = write_video(tmp_path / "shots.mp4", [portrait] * 40 + [other] * 35, np.arange(75) / 25, noise)
    first, second = maker(source(path)).clips
    assert first.frames == 40
    assert second.start_s == pytest.approx(41 / 25)  # the first picture of a shot is not believed
    quick = write_video(tmp_path / "quick.mp4", ([portrait] * 9 + [other] * 9) * 4, np.arange(72) / 25, noise)
    assert maker(source(quick)).record.reason.startswith("shot_change: the shot changes 7 times")


def test_a_stretch_of_a_file_becomes_a_clip_of_that_stretch(tmp_path: Path, maker: ClipMaker, write_talking) -> None:
    path = write_talking(tmp_path / "long.mp4", seconds=4.0)
    (whole,) = maker(source(path)).clips
    (part,) = maker(source(path, "long.mp4#t=1.02,3", start_s=1.02, end_s=3.0)).clips
    assert (part.start_s, part.motion_start_s) == (pytest.approx(1.02, abs=1e-4), pytest.approx(1.02, abs=1e-4))
    assert part.seconds == pytest.approx(1.98, abs=1e-4)
    assert whole.clip_id != part.clip_id


@pytest.mark.parametrize("fps", [15.0, 24.0, 29.97, 60.0])
def test_videos_of_any_usual_rate_give_25_frames_a_second_that_were_seen(
    tmp_path: Path, maker: ClipMaker, write_video, portrait, fps: float
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    times_s = np.arange(round(2 * fps)) / fps
    path = write_video(tmp_path / "clip.mp4", [portrait] * len(times_s), times_s, noise)
    (clip,) = maker(source(path, f"{fps}.mp4")).clips
    assert clip.source_fps == pytest.approx(fps, rel=0.01)
    assert (clip.frames, clip.valid_share) == (pytest.approx(50, abs=2), 1.0)


def test_a_slide_show_is_refused(tmp_path: Path, maker: ClipMaker, write_video, portrait) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    path = write_video(tmp_path / "slides.mp4", [portrait] * 30, np.arange(30) / 10, noise)
    assert maker(source(path)).record.reason.startswith("low_frame_rate: the video has 10.0 pictures per second")


def test_noise_is_no_speech_where_speech_is_asked_for(tmp_path: Path, write_talking) -> None:
    strict = ClipMaker(tmp_path, replace(SETTINGS, min_speech_share=0.1), 120.0, None)
    assert strict(source(write_talking(tmp_path / "noise.mp4"))).record.reason.startswith("no_speech: nobody speaks")


def test_an_unforeseen_failure_is_a_reason_and_not_the_end(
    tmp_path: Path, maker: ClipMaker, write_talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("of a bug")

    monkeypatch.setattr("src.data.clips.label_core7", fail)
    assert maker(source(write_talking(tmp_path / "odd.mp4"))).record.reason.startswith(
        "failed: ZeroDivisionError: of a bug"
    )


@pytest.mark.parametrize(
    "wrong", [{"min_speech_share": 2.0}, {"rival_ratio": 1.5}, {"max_side_px": 10}, {"max_yaw_deg": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)


def test_blendshapes_are_a_second_specification(tmp_path: Path, shared: Path, maker: ClipMaker, write_talking) -> None:
    pytest.importorskip("ai_edge_litert", reason="the LiteRT interpreter is not installed (extra `data`)")
    with_model = ClipMaker(tmp_path, SETTINGS, 120.0, shared / "models" / "face_landmarker.task")
    clip = source(write_talking(tmp_path / "a.mp4"))
    result = with_model(clip)
    (info,) = result.clips
    assert info.specs == "core7:1,arkit55:1"
    assert info.config_hash != maker.config_hash
    assert "blendshapes" in result.stages_s
    store = write_manifest(tmp_path, result.clips)
    core7, arkit55 = (store.load_motion(info.clip_id, spec) for spec in ("core7", "arkit55"))
    np.testing.assert_array_equal(core7.valid, arkit55.valid)
    np.testing.assert_array_equal(core7.channel("head_yaw"), arkit55.channel("head_yaw"))
