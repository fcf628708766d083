"""Offsets of sound and picture where the truth is made (the synthetic corpus) and where it is not (real clips).

Only figures are kept here: what the estimator says about each real clip. `MANIFEST.csv` holds what a plain
correlation of mouth opening and loudness said.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.data.audio import load_recording
from src.data.sync import AvOffset, estimate_offset, pool_offsets
from tests.script_process import run_script

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_RATE_HZ = 16_000
Clip = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]

# Estimated from the same landmarks at 25 frames per second on 2026-11-20.
RELIABLE_MS = {
    "obama_20s_sync": 44,
    "obama_weekly_8s": 110,
    "avse_E2": 20,
    "interview_oldman_7s": 39,
    "lrs3_YyXRYgjQXX0_00002": 40,
    "lrs3_xTkKSJSqUSI_00012": 42,
    "lrs3_JSSc7hYKstI_00010": 32,
    "av2av_11": -29,
}
# No reliable offset: too little speech, or lips that move little.
UNCERTAIN = ("khill_8s_unverified", "aoc_5s", "retalk_woman5_5s", "lrs3_ZJNESMhIxQ0_00024")


def delayed(waveform: NDArray[np.float32], late_ms: float) -> NDArray[np.float32]:
    """The same sound, so much later; as long as before."""
    samples = round(late_ms * SAMPLE_RATE_HZ / 1000)
    silence = np.zeros(abs(samples), np.float32)
    return (
        np.concatenate([silence, waveform])[: len(waveform)]
        if samples >= 0
        else np.concatenate([waveform[-samples:], silence])
    )


def remuxed(source: Path, target: Path, sound_late_ms: int) -> Path:
    """The same packets with other time stamps: the sound later, or the picture."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        streams = {
            stream.index: made.add_stream_from_template(stream)
            for stream in (given.streams.video[0], given.streams.audio[0])
        }
        for packet in given.demux(*(given.streams[index] for index in streams)):
            if packet.dts is None or packet.pts is None:
                continue
            is_late = (packet.stream.type == "audio") == (sound_late_ms > 0)
            later = round(Fraction(abs(sound_late_ms), 1000) / packet.time_base) if is_late else 0
            packet.pts, packet.dts = packet.pts + later, packet.dts + later
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    return target


def measured(path: Path) -> Clip:
    from src.data.labels import extract_motion

    motion = extract_motion(path)
    return motion.channel("jaw_open"), motion.valid, load_recording(path).waveform


def test_the_voices_of_the_corpus_are_found_in_sync_with_their_mouths() -> None:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        corpus = instantiate(compose("make_corpus", ["out=unused"]).data)
    errors = []
    for speaker in range(len(corpus.speakers)):
        said = corpus.clip(speaker, 1)
        jaw = said.motion.channel("jaw_open")
        valid = np.ones(len(jaw), bool)
        unshifted = estimate_offset(jaw, valid, said.speech.waveform)
        for late_ms in (0, 120, -120):
            found = estimate_offset(jaw, valid, delayed(said.speech.waveform, late_ms))
            assert found.confidence > 0.6
            assert found.offset_ms - unshifted.offset_ms == pytest.approx(late_ms, abs=3)
            errors.append(found.offset_ms - late_ms)
    # Sentences differ: those without lip sounds say less about when.
    assert np.abs(errors).max() <= 30
    assert np.mean(np.abs(errors) <= 20) >= 0.9


@pytest.mark.slow
def test_a_shift_by_time_stamps_is_found_through_the_whole_chain(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    speaker = "{_target_:src.data.synthetic.Speaker,voice:en-us,variant:f2,pitch:55,rate_wpm:165}"
    options = (f"out={tmp_path}", "data.clips_per_speaker=1", f"data.speakers=[{speaker}]", "workers=1")
    run_script("make_corpus", *options).check_returncode()
    video = tmp_path / "id00001/clip001/00001.mp4"
    for late_ms in (0, 120, -120):
        found = estimate_offset(*measured(remuxed(video, tmp_path / f"shifted{late_ms}.mkv", late_ms)))
        assert found.reliable
        assert found.offset_ms == pytest.approx(late_ms, abs=20)


@pytest.fixture(scope="module")
def real(shared: Path) -> dict[str, Clip]:
    """Opening, mask and sound of real clips by name."""
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    videos = shared / "data/real/video"
    names = [*RELIABLE_MS, *UNCERTAIN, *(path.stem for path in sorted(videos.glob("grid_*.mp4")))]
    return {name: measured(videos / f"{name}.mp4") for name in names}


@pytest.mark.slow
def test_real_clips_have_the_offsets_that_were_found_before(real: dict[str, Clip]) -> None:
    for name, expected_ms in RELIABLE_MS.items():
        found = estimate_offset(*real[name])
        assert found.reliable, name
        assert found.offset_ms == pytest.approx(expected_ms, abs=20), name


@pytest.mark.slow
def test_estimates_of_real_clips_follow_a_shift(real: dict[str, Clip]) -> None:
    for name in RELIABLE_MS:
        opening, valid, waveform = real[name]
        before_ms = estimate_offset(opening, valid, waveform).offset_ms
        for late_ms in (120, -120, 240, -240):
            found = estimate_offset(opening, valid, delayed(waveform, late_ms))
            assert found.offset_ms - before_ms == pytest.approx(late_ms, abs=20), name


@pytest.mark.slow
def test_clips_that_tell_too_little_are_not_believed(real: dict[str, Clip]) -> None:
    assert [name for name in UNCERTAIN if estimate_offset(*real[name]).reliable] == []


@pytest.mark.slow
def test_the_sound_of_another_person_is_rarely_believed(real: dict[str, Clip]) -> None:
    long = [*RELIABLE_MS, *UNCERTAIN]
    believed = [
        estimate_offset(real[one][0], real[one][1], real[other][2]).reliable
        for one in long
        for other in long
        if one.split("_")[0] != other.split("_")[0]
    ]
    assert np.mean(believed) < 0.08


@pytest.mark.slow
def test_short_sentences_of_one_corpus_agree_as_a_group(real: dict[str, Clip]) -> None:
    group: list[AvOffset] = [estimate_offset(*clip) for name, clip in real.items() if name.startswith("grid_")]
    together = pool_offsets(group)
    assert together.confidence > 0.95
    assert together.offset_ms == pytest.approx(5, abs=15)
