"""Stores whose labels are known to be good or bad are said to be so, and why."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.clip_info import ClipInfo
from src.data.clip_ranking import MOST_OF_A_KIND, rank_clips
from src.data.label_figures import BLINKS_JUDGED_S, ClipQa, LabelQa
from src.data.label_qa import measure_labels, true_motion_beside
from src.data.store import Store, write_clip, write_manifest
from src.motion import ARKIT55, CORE7, Motion, core7_of
from tests.tiny_store import write_tiny_store


def talk(frames: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """`core7` of somebody who talks, pauses and blinks, with a little noise on everything."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames) / 25
    talking = np.sin(2 * np.pi * time / 4) > -0.3
    blink = np.zeros(frames)
    for start in range(20, frames - 6, 75):
        blink[start : start + 5] = (0.5, 1.0, 1.0, 0.8, 0.3)
    curves = {
        "jaw_open": 0.02 + talking * 0.1 * np.abs(np.sin(2 * np.pi * 1.3 * time)),
        "mouth_wide": np.maximum(0.05 * np.sin(2 * np.pi * 0.7 * time) * talking, 0),
        "mouth_narrow": np.maximum(-0.05 * np.sin(2 * np.pi * 0.7 * time) * talking, 0),
        "head_yaw": 5 * np.sin(2 * np.pi * 0.11 * time + seed),
        "head_pitch": 3 * np.sin(2 * np.pi * 0.13 * time),
        "head_roll": 2 * np.sin(2 * np.pi * 0.07 * time),
        "eye_blink": np.minimum(0.05 + blink, 1.0),
    }
    return {name: curve + 0.002 * generator.normal(size=frames) for name, curve in curves.items()}


def core7(curves: dict[str, NDArray[np.float64]], valid: NDArray[np.bool_] | None = None) -> Motion:
    values = np.stack([curves[name] for name in CORE7.names], axis=1).astype(np.float32)
    return Motion(values, CORE7, valid=valid).clamped()  # type: ignore[arg-type]


def write_store(folder: Path, clips: dict[str, list[Motion]], landmarks: NDArray[np.float32] | None = None) -> Store:
    """A store of these motions; sound is silence."""
    template = write_tiny_store(folder / "template", {"x": [8]}).info("x_0")
    rows: list[ClipInfo] = []
    for clip_id, motions in clips.items():
        frames = len(motions[0])
        info = replace(
            template,
            clip_id=clip_id,
            path=f"{clip_id}.mp4",
            speaker=clip_id,
            seconds=frames / 25,
            frames=frames,
            samples=frames * 640,
            source_seconds=frames / 25,
            valid_share=float(motions[0].valid.mean()),
        )
        faces = None if landmarks is None else np.resize(landmarks, (frames, 478, 3))
        rows.append(write_clip(folder, info, np.zeros(frames * 640, np.float32), motions, faces))
    return write_manifest(folder, rows)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Store:
    clips = {f"clip_{n}": [core7(talk(1000, seed=n))] for n in range(3)}
    return write_store(tmp_path_factory.mktemp("good"), clips)


def test_channels_that_move_are_alive_rare_blinks_included(good: Store) -> None:
    channels = measure_labels(good).channels
    assert tuple(channels) == CORE7.names
    assert {name: channel.dead for name, channel in channels.items()} == dict.fromkeys(CORE7.names, False)


def test_a_channel_that_never_moves_is_dead(tmp_path: Path) -> None:
    curves = talk(500)
    curves["mouth_narrow"][:] = 0.0
    channel = measure_labels(write_store(tmp_path, {"a": [core7(curves)]})).channels["mouth_narrow"]
    assert channel.dead
    assert "less than 1% of its range" in channel.reasons["dead"]


def test_a_channel_of_nothing_but_noise_is_dead(tmp_path: Path) -> None:
    curves = talk(3000)
    curves["eye_blink"] = 0.5 + 0.02 * np.random.default_rng(0).normal(size=3000)
    channel = measure_labels(write_store(tmp_path, {"a": [core7(curves)]})).channels["eye_blink"]
    assert channel.dead
    assert "times its noise" in channel.reasons["dead"]
    assert channel.noise_floor == pytest.approx(0.02, rel=0.15)


def test_figures_of_a_channel_are_in_its_unit(good: Store) -> None:
    yaw = measure_labels(good).channels["head_yaw"]
    assert (yaw.unit, yaw.minimum, yaw.maximum) == ("degrees", -30, 30)
    assert yaw.range["p99"] == pytest.approx(5, abs=0.1)
    assert yaw.range["p1"] == pytest.approx(-5, abs=0.1)
    assert yaw.noise_floor == pytest.approx(0.002, rel=0.5)


def test_resting_at_the_neutral_end_is_no_saturation(tmp_path: Path) -> None:
    curves = talk(500)
    curves["mouth_wide"] = np.where(np.arange(500) < 400, 0.0, 0.1)
    curves["head_yaw"] = np.where(np.arange(500) < 50, 45.0, 0.0)
    channels = measure_labels(write_store(tmp_path, {"a": [core7(curves)]})).channels
    assert (channels["mouth_wide"].saturation, channels["mouth_wide"].at_rest) == (0.0, pytest.approx(0.8))
    assert (channels["head_yaw"].saturation, channels["head_yaw"].at_rest) == (pytest.approx(0.1), 0.0)


def test_guessed_frames_count_for_nothing(tmp_path: Path) -> None:
    curves, valid = talk(500), np.ones(500, bool)
    for curve in curves.values():
        curve[100:150] = 0.5
    valid[100:150] = False
    guessed = measure_labels(write_store(tmp_path / "a", {"a": [core7(curves, valid)]})).channels
    assert sum(guessed["jaw_open"].histogram["counts"]) <= 450
    assert guessed["jaw_open"].range["p99"] < 0.2  # type: ignore[operator]


def shifted(motion: Motion, seconds: float) -> Motion:
    return replace(motion, values=motion.sample(motion.times_s - seconds))


def test_labels_that_follow_the_truth_late_are_found_to(good: Store) -> None:
    truths = {clip.clip_id: shifted(good.load_motion(clip.clip_id), -0.02) for clip in good.clips}
    channel = measure_labels(good, lambda info: truths[info.clip_id]).channels["jaw_open"]
    assert channel.lag_reference_ms == pytest.approx(20, abs=3)
    assert 0.9 < (channel.r_reference or 0) < 1


def test_the_truth_is_compared_at_the_times_of_the_source(good: Store, tmp_path: Path) -> None:
    clip = good.load("clip_0")
    info = replace(clip.info, start_s=4.0, motion_start_s=4.0)
    later = write_manifest(tmp_path, [write_clip(tmp_path, info, clip.waveform, [clip.motion], None)])
    truth = Motion(np.concatenate([np.zeros((100, 7), np.float32), clip.motion.values]), CORE7)
    channel = measure_labels(later, lambda info: truth).channels["head_yaw"]
    assert channel.r_reference == pytest.approx(1)
    assert channel.lag_reference_ms == pytest.approx(0, abs=0.5)


def test_true_motion_is_found_beside_the_video(good: Store, tmp_path: Path) -> None:
    good.load("clip_1").motion.save(tmp_path / "clip_1.motion.npz")
    reference = true_motion_beside(good, tmp_path)
    assert reference(good.info("clip_1")) is not None
    assert reference(good.info("clip_0")) is None
    assert true_motion_beside(good)(good.info("clip_1")) is None  # nobody says where the videos are
    assert measure_labels(good, reference).channels["jaw_open"].r_reference == pytest.approx(1)


def arkit(curves: dict[str, NDArray[np.float64]]) -> Motion:
    frames = len(curves["jaw_open"])
    values = np.zeros((frames, ARKIT55.size), np.float32)
    for name, curve in {
        "jawOpen": curves["jaw_open"] * 3,
        "mouthSmileLeft": curves["mouth_wide"] * 5,
        "mouthSmileRight": curves["mouth_wide"] * 4,
        "eyeBlinkLeft": curves["eye_blink"],
        "eyeBlinkRight": np.roll(curves["eye_blink"], 2),
        "jawLeft": np.abs(curves["head_yaw"]) / 10,
        "jawRight": np.abs(curves["head_roll"]) / 10,
        "head_yaw": curves["head_yaw"],
    }.items():
        values[:, ARKIT55.index(name)] = curve
    return Motion(values, ARKIT55).clamped()


def test_both_specifications_are_judged_and_compared(tmp_path: Path) -> None:
    curves = talk(800)
    motions = [core7(curves), arkit(curves)]
    quality = measure_labels(write_store(tmp_path, {"a": motions}))
    channels = quality.channels
    assert len(channels) == CORE7.size + ARKIT55.size
    assert channels["head_yaw"].spec == "core7"
    assert channels["arkit55.head_yaw"].spec == "arkit55"
    assert channels["cheekPuff"].dead
    assert not channels["jawOpen"].dead
    expected = np.corrcoef(motions[0].channel("jaw_open"), core7_of(motions[1]).channel("jaw_open"))[0, 1]
    assert channels["jaw_open"].r_arkit == pytest.approx(expected, abs=1e-5)
    assert channels["head_yaw"].r_arkit is None
    assert channels["head_yaw"].reasons["r_arkit"] == "both have the same head"
    assert quality.clips[0].r_arkit == pytest.approx(expected, abs=1e-5)


def test_left_and_right_are_compared_where_they_are_sides_of_a_face(tmp_path: Path) -> None:
    curves = talk(800)
    channels = measure_labels(write_store(tmp_path, {"a": [core7(curves), arkit(curves)]})).channels
    smile, blink = channels["mouthSmileLeft"].symmetry, channels["eyeBlinkRight"].symmetry
    assert smile is not None
    assert smile["r"] == pytest.approx(1, abs=1e-3)
    assert smile["difference"] > 0  # left minus right
    assert blink is not None
    assert 0.2 < blink["r"] < 0.9
    assert channels["jawLeft"].symmetry is None
    assert "moves to a side" in channels["jawLeft"].reasons["symmetry"]
    assert "keeps no landmarks" in channels["jaw_open"].reasons["symmetry"]


def test_halves_of_the_face_are_compared_where_landmarks_are_kept(face: NDArray[np.float32], tmp_path: Path) -> None:
    faces = np.tile(face, (500, 1, 1))
    jaw = talk(500)["jaw_open"]
    for lower_lip in (95, 88, 178, 87, 14, 317, 402, 318, 324):
        faces[:, lower_lip, 1] += 100 * jaw
    channel = measure_labels(write_store(tmp_path, {"a": [core7(talk(500))]}, faces)).channels["jaw_open"]
    assert channel.symmetry is not None
    assert channel.symmetry["of"] == "lip gap"
    assert channel.symmetry["r"] > 0.99


@pytest.mark.parametrize("frames", [1, 9, 30])
def test_the_shortest_clips_and_unseen_faces_end_in_figures_or_reasons(tmp_path: Path, frames: int) -> None:
    curves = {name: curve[:frames] for name, curve in talk(50).items()}
    unseen = np.zeros(frames, bool)
    store = write_store(tmp_path, {"short": [core7(curves)], "unseen": [core7(curves, unseen)]})
    for part in (store, write_manifest(tmp_path, [store.info("unseen")])):
        quality = measure_labels(part)
        told = json.loads(json.dumps(quality.as_dict, allow_nan=False))
        for channel in told["label_qa"].values():
            for figure in ("noise_floor", "r_reference", "r_arkit", "symmetry"):
                assert channel[figure] is not None or channel["reasons"][figure]
        rank_clips(quality.clips, 2, 2)
    assert told["label_qa"]["jaw_open"]["dead"] is None
    assert told["label_qa"]["jaw_open"]["reasons"]["dead"] == "no frame shows the face"


def test_a_large_store_is_judged_by_clips_spread_over_it(tmp_path: Path) -> None:
    store = write_store(tmp_path, {f"clip_{n:02}": [core7(talk(20, seed=n))] for n in range(21)})
    seen: list[tuple[int, int]] = []
    quality = measure_labels(store, max_clips=3, on_clip=lambda done, total: seen.append((done, total)))
    assert [clip.clip_id for clip in quality.clips] == ["clip_00", "clip_10", "clip_20"]
    assert (quality.clips_measured, quality.clips_total) == (3, 21)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_blink_rates_are_judged_on_clips_that_are_long_enough(tmp_path: Path) -> None:
    frames = round(BLINKS_JUDGED_S * 25)
    never = talk(frames)
    never["eye_blink"][:] = 0.1
    store = write_store(
        tmp_path, {"usual": [core7(talk(frames))], "never": [core7(never)], "short": [core7(talk(100))]}
    )
    quality = measure_labels(store)
    assert quality.blinks.clips_judged == 2
    assert quality.blinks.implausible == 0.5
    rates = {clip.clip_id: clip.blinks_per_minute for clip in quality.clips}
    assert rates["usual"] == pytest.approx(20, abs=2)
    assert rates["never"] == 0


def qa_of(clip_id: str, **changes: object) -> ClipQa:
    usual = ClipQa(
        clip_id=clip_id, seconds=30.0, valid_share=1.0, offset_ms=0.0, offset_confidence=0.0, movement=0.1,
        noise=0.003, saturation=0.0, saturated="", blinks_per_minute=15.0, r_arkit=0.9, r_reference=None,
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_share": 0.6}, "the face is seen in 60% of the frames"),
        ({"noise": 0.03}, "the jaw trembles by 0.0300 of face size while still, 10 times the median"),
        ({"movement": 0.004}, "the jaw moves by 0.004 of face size, 0.04 times the median"),
        ({"saturation": 0.5, "saturated": "head_yaw"}, "head_yaw lies at the end of its range in 50% of the frames"),
        ({"blinks_per_minute": 140.0}, "140 blinks per minute"),
        ({"blinks_per_minute": 0.0}, "0 blinks per minute"),
        ({"r_arkit": 0.1}, "jaw_open and the blendshape jawOpen agree by r = 0.10"),
        ({"r_reference": 0.2}, "jaw_open follows the true motion by r = 0.20"),
        ({"offset_ms": 320.0, "offset_confidence": 0.9}, "the sound is 320 ms late (confidence 0.90)"),
    ],
)
def test_the_worst_clip_is_named_with_what_is_wrong(changes: dict[str, object], words: str) -> None:
    clips = [qa_of(f"usual_{n}") for n in range(5)] + [qa_of("odd", **changes)]
    ranked = rank_clips(clips, 1, 2)
    assert (ranked[0].clip_id, ranked[0].kind) == ("odd", "worst")
    assert words in ranked[0].reason
    assert ranked[0].badness >= 1
    assert [clip.kind for clip in ranked[1:]] == ["median", "median"]
    assert "odd" not in [clip.clip_id for clip in ranked[1:]]


def test_few_of_the_worst_clips_are_bad_in_the_same_way() -> None:
    clips = [qa_of(f"noisy_{n}", noise=0.05) for n in range(4)] + [qa_of(f"usual_{n}") for n in range(9)]
    clips.append(qa_of("unseen", valid_share=0.8))
    worst = [clip.clip_id for clip in rank_clips(clips, 3, 0)]
    assert len([clip_id for clip_id in worst if clip_id.startswith("noisy")]) == MOST_OF_A_KIND
    assert "unseen" in worst


def test_the_worst_of_good_clips_is_not_called_bad() -> None:
    assert rank_clips([qa_of("a"), qa_of("b")], 1, 0)[0].reason.startswith("unremarkable")


def test_nothing_is_ranked_in_an_empty_store() -> None:
    assert rank_clips([], 3, 3) == []


def test_the_same_store_gives_the_same_figures(good: Store) -> None:
    first, second = (measure_labels(good) for _ in range(2))
    assert isinstance(first, LabelQa)
    assert first == second
