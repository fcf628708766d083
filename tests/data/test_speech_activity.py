"""Speech activity: the detector agrees with its own package, and tells voices from other sounds."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data import speech_activity as module
from src.data.audio import load_recording
from src.data.speech_activity import SPEECH_PROBABILITY, speech_activity, speech_share
from src.errors import DataError

pytestmark = pytest.mark.skipif(importlib.util.find_spec("silero_vad") is None, reason="silero-vad is not installed")

SAMPLE_RATE_HZ = 16_000


@pytest.fixture(scope="module")
def voice() -> NDArray[np.float32]:
    """Five seconds: a sentence between two pauses."""
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed (extra `speech`)")
    from src.data.speech import EspeakSynthesizer

    spoken = EspeakSynthesizer().speak(
        "Thirty birds heard the first words of the nurse.", voice="en-us", variant="f2", rate_wpm=165, pitch=55
    )
    return spoken.padded(1.0, 1.0).waveform


def _sounds() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    time_s = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * k * time_s) / k for k in range(1, 8)) * 0.1
    notes = [(220, 277, 330), (196, 247, 294), (175, 220, 262), (196, 247, 294)]
    chords = np.concatenate(
        [
            sum(np.sin(2 * np.pi * k * note * time_s[:SAMPLE_RATE_HZ]) / k**2 for note in chord for k in (1, 2, 3, 4))
            * np.exp(-2 * time_s[:SAMPLE_RATE_HZ])
            for chord in notes
        ]
    )
    clicks = np.zeros(len(time_s))
    clicks[:: SAMPLE_RATE_HZ // 3] = 0.8
    brown = np.cumsum(rng.normal(0, 1, len(time_s)))
    brown -= np.convolve(brown, np.ones(801) / 801, "same")
    return {
        name: sound.astype(np.float32)
        for name, sound in {
            "silence": 0 * time_s,
            "white noise": rng.normal(0, 0.1, len(time_s)),
            "brown noise": 0.2 * brown / np.abs(brown).max(),
            "hum": hum,
            "sine": 0.3 * np.sin(2 * np.pi * 440 * time_s),
            "sweep": 0.3 * np.sin(2 * np.pi * (100 + 200 * time_s) * time_s),
            "chords": 0.1 * chords,
            "clicks": clicks,
        }.items()
    }


def test_the_probabilities_are_those_of_the_detectors_own_package(voice: NDArray[np.float32], tmp_path: Path) -> None:
    script = (
        "import sys, warnings, numpy as np, torch; warnings.simplefilter('ignore'); import silero_vad;"
        "waveform = torch.from_numpy(np.load(sys.argv[1]));"
        "print(*silero_vad.load_silero_vad().audio_forward(waveform[None], 16000)[0].tolist())"
    )
    np.save(tmp_path / "voice.npy", voice)
    # In a process of its own: importing the package changes torch's threads.
    command = [sys.executable, "-c", script, str(tmp_path / "voice.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = np.array(done.stdout.split(), float)
    np.testing.assert_allclose(module.speech_probabilities(voice), theirs, atol=1e-4)


def test_a_voice_is_speech_and_the_pauses_around_it_are_none(voice: NDArray[np.float32]) -> None:
    found = speech_activity(voice) >= SPEECH_PROBABILITY
    assert not found[:20].any()
    assert not found[-15:].any()
    assert found[30:-30].mean() > 0.9


@pytest.mark.parametrize("name", _sounds())
def test_what_is_no_voice_is_no_speech(name: str) -> None:
    assert speech_share(speech_activity(_sounds()[name])) == 0


def test_a_voice_is_found_in_noise_and_at_low_level(voice: NDArray[np.float32]) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1 * float(voice.std()), len(voice)).astype(np.float32)
    clean = speech_share(speech_activity(voice))
    assert speech_share(speech_activity(voice + noise)) > 0.8 * clean
    assert speech_share(speech_activity(0.03 * voice)) > 0.8 * clean


@settings(max_examples=25)
@given(samples=st.integers(1, 50_000))
def test_there_is_one_value_per_motion_frame(samples: int) -> None:
    waveform = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    activity = speech_activity(waveform)
    assert activity.shape == (max(1, int(np.ceil(samples * 25 / SAMPLE_RATE_HZ - 1e-9))),)
    assert ((activity >= 0) & (activity <= 1)).all()


def test_the_size_of_a_block_changes_nothing(voice: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = speech_activity(voice)
    monkeypatch.setattr(module, "_BLOCK", 17)
    np.testing.assert_allclose(speech_activity(voice), whole, atol=1e-5)


def test_speech_is_found_when_it_is_spoken(voice: NDArray[np.float32]) -> None:
    def begins(waveform: NDArray[np.float32]) -> int:
        return int(np.argmax(speech_activity(waveform) >= SPEECH_PROBABILITY))

    later = np.concatenate([np.zeros(2 * SAMPLE_RATE_HZ, np.float32), voice])
    assert abs(begins(voice) - 25) <= 3
    assert abs(begins(later) - begins(voice) - 50) <= 1


def test_the_threads_of_the_process_stay_as_they_are(voice: NDArray[np.float32]) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        speech_share(speech_activity(voice[:SAMPLE_RATE_HZ]))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "waveform", [np.zeros((2, 100), np.float32), np.zeros(0, np.float32), np.array([0, np.nan], np.float32)]
)
def test_what_is_no_waveform_is_refused(waveform: NDArray[np.float32]) -> None:
    with pytest.raises(DataError, match="Pass mono sound at 16 kHz"):
        speech_activity(waveform)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    module._network.cache_clear()
    with pytest.raises(DataError, match="pip install silero-vad"):
        speech_share(speech_activity(np.zeros(100, np.float32)))


def test_real_clips_hold_speech(shared: Path) -> None:
    # The least of 372 real clips is the first of GRID: a short sentence between pauses, 0.39.
    for name in ("aoc_5s", "grid_bbaf2n", "interview_oldman_7s", "lrwar/00651", "retalk_man1_6s"):
        waveform = load_recording(shared / f"data/real/video/{name}.mp4").waveform
        assert speech_share(speech_activity(waveform)) > 0.3, name
