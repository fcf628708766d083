"""Clips too short to tell their offset alone tell it together, and their motion is moved by it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.data.feature_cache import FeatureCache
from src.data.features import LogMel
from src.data.frame_bank import FrameBank
from src.data.speaker_offset import SpeakerAlignment, alignment_record, delayed
from src.data.store import Store, write_clip, write_manifest
from src.errors import ConfigError
from src.motion import CORE7, Motion
from tests.tiny_store import write_tiny_store

ALIGNMENT = SpeakerAlignment(least_confidence=0.7, least_ms=20.0)


def syllables(seconds: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Times at which a mouth opens, and how far, at an uneven pace of about four a second."""
    times = np.cumsum(generator.uniform(0.15, 0.4, size=round(seconds * 5)))
    times = times[times < seconds]
    return times, generator.uniform(0.1, 0.25, size=len(times))


def opening_at(times_s: np.ndarray, events: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return sum(size * np.exp(-(((times_s - at) / 0.06) ** 2)) for at, size in zip(*events, strict=True))


def store_of_words(folder: Path, late_ms: dict[str, float], words: int = 40) -> Store:
    """Clips of 1.2 s whose sound comes the given time after the mouth."""
    generator = np.random.default_rng(0)
    template = write_tiny_store(folder.with_name("template"), {"x": [30]}).clips[0]
    rows = []
    for speaker, late in late_ms.items():
        for number in range(words):
            events = syllables(1.2, generator)
            times = np.arange(30 * 640) / 16_000
            noise = generator.normal(size=len(times))
            waveform = (0.5 * opening_at(times - late / 1000, events) * noise).astype(np.float32)
            values = np.zeros((30, CORE7.size), np.float32)
            values[:, 0] = opening_at(np.arange(30) / 25, events)
            info = replace(
                template, clip_id=f"{speaker}_{number:02d}", speaker=speaker, seconds=1.2, samples=len(times)
            )
            rows.append(write_clip(folder, info, waveform, [Motion(values, CORE7)], None))
    return write_manifest(folder, rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store_of_words(tmp_path_factory.mktemp("words") / "store", {"late": 90.0, "sync": 0.0, "early": -60.0})


def test_words_of_a_speaker_tell_their_common_offset(store: Store, tmp_path: Path) -> None:
    offsets = ALIGNMENT.offsets(store, tmp_path)
    base = offsets["sync"].offset_ms  # a burst of noise is loudest when the mouth is widest, not while it opens
    assert abs(base) < 20
    assert offsets["late"].offset_ms - base == pytest.approx(90, abs=10)
    assert offsets["early"].offset_ms - base == pytest.approx(-60, abs=10)
    assert all(offset.clips == 40 and offset.confidence > 0.7 for offset in offsets.values())
    assert offsets["sync"].moved_ms == 0
    assert set(alignment_record(offsets)) == {"early", "late"}


def test_estimates_are_kept(store: Store, tmp_path: Path) -> None:
    first = ALIGNMENT.offsets(store, tmp_path)
    (path,) = tmp_path.glob("speaker-offsets-*.json")
    estimates = json.loads(path.read_text())
    estimates["sync"]["offset_ms"] = 33.0
    path.write_text(json.dumps(estimates))
    again = ALIGNMENT.offsets(store, tmp_path)
    assert again["sync"].moved_ms == 33.0
    assert again["late"] == first["late"]


def test_what_is_not_sure_stays(store: Store, tmp_path: Path) -> None:
    unsure = SpeakerAlignment(least_confidence=1.0, least_ms=0.0).offsets(store, tmp_path)
    large = SpeakerAlignment(least_confidence=0.0, least_ms=1000.0).offsets(store, tmp_path)
    assert not alignment_record(large)
    assert not any(offset.moved_ms for offset in unsure.values() if offset.confidence < 1.0)


@pytest.mark.parametrize("delay_ms", [40.0, -80.0, 90.0, -15.0])
def test_delayed_motion_is_the_motion_of_that_long_before(delay_ms: float) -> None:
    times = np.arange(50) / 25
    values = np.zeros((50, CORE7.size), np.float32)
    values[:, 0] = 0.2 + 0.1 * np.sin(2 * np.pi * 3 * times)
    delay = delayed(Motion(values, CORE7), delay_ms)
    moved, valid = delay.values, delay.valid
    wanted = 0.2 + 0.1 * np.sin(2 * np.pi * 3 * (times - delay_ms / 1000))
    inside = (times - delay_ms / 1000 >= 0) & (times - delay_ms / 1000 <= times[-1])
    np.testing.assert_array_equal(valid, inside)
    np.testing.assert_allclose(moved[valid, 0], wanted[valid], atol=0.005)
    assert moved.dtype == np.float32


def test_frames_beside_one_that_is_not_valid_are_not_either() -> None:
    seen = np.ones(20, bool)
    seen[8] = False
    motion = Motion(np.zeros((20, CORE7.size), np.float32), CORE7, valid=seen)
    assert np.flatnonzero(~delayed(motion, 60.0).valid).tolist() == [0, 1, 9, 10]
    assert np.flatnonzero(~delayed(motion, 40.0).valid).tolist() == [0, 9]
    assert delayed(motion, 0.0) is motion


def test_a_bank_holds_the_moved_motion_of_that_speaker_alone(store: Store, tmp_path: Path) -> None:
    mel = LogMel(
        sample_rate_hz=16_000, n_mels=4, hop_length=160, window_length=400, f_min_hz=60.0, f_max_hz=7600.0,
        log_floor=1e-5,
    )  # fmt: skip
    plain = FrameBank.of(store, mel, CORE7, tmp_path, FeatureCache(tmp_path / "hops"), {})
    moved = FrameBank.of(store, mel, CORE7, tmp_path, FeatureCache(tmp_path / "hops"), {"late": 80.0})
    assert plain.folder != moved.folder
    assert np.array_equal(plain.features, moved.features)
    for number, speaker in enumerate(store.clips.column("speaker")):
        rows = slice(plain.offsets[number], plain.offsets[number + 1])
        if speaker == "late":
            np.testing.assert_allclose(moved.motion[rows][2:], plain.motion[rows][:-2], atol=1e-6)
            assert moved.valid[rows].tolist() == [False, False] + [True] * 28
        else:
            assert np.array_equal(moved.motion[rows], plain.motion[rows])
    assert moved.valid_frames.sum() == plain.valid_frames.sum() - 2 * 40


@pytest.mark.parametrize("wrong", [{"least_confidence": 1.5}, {"least_ms": -1.0}], ids=str)
def test_impossible_settings_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SpeakerAlignment(**{"least_confidence": 0.7, "least_ms": 20.0, **wrong})
