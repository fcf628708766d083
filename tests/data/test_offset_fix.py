"""A known shift between sound and picture is found and taken out, on a clip of the synthetic corpus."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from src.data.audio import load_recording
from src.data.clips import ClipMaker
from src.data.store import Store, write_manifest
from tests.preparing import SETTINGS, source
from tests.script_process import run_script

ROOT = Path(__file__).resolve().parents[2]
SPEAKER = "{_target_: src.data.synthetic.Speaker, voice: en-us, variant: f2, pitch: 55, rate_wpm: 165}"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose sound and picture belong together."""
    pytest.importorskip("espeakng_loader", reason="the synthetic corpus speaks with espeak-ng (extra `speech`)")
    corpus = tmp_path_factory.mktemp("corpus") / "corpus"
    options = (f"out={corpus}", "data.clips_per_speaker=1", f"data.speakers=[{SPEAKER}]", "workers=1")
    run_script("make_corpus", *options).check_returncode()
    (video,) = corpus.rglob("*.mp4")
    return video


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return ClipMaker(tmp_path_factory.mktemp("store"), SETTINGS, 120.0, None)


def remuxed(video: Path, path: Path, *, stamps_s: float = 0.0, silence_s: float = 0.0, trim_s: float = 0.0) -> Path:
    """The same pictures with sound that is stamped later, begins with silence, or lacks its beginning.

    Trimmed sound is stamped to begin later by as much, as a recorder does that starts it late.
    """
    recording = load_recording(video)
    rate_hz = recording.sample_rate_hz
    waveform = np.concatenate([np.zeros(round(silence_s * rate_hz), np.float32), recording.waveform])
    waveform = waveform[round(trim_s * rate_hz) :]
    with av.open(str(video)) as given, av.open(str(path), "w") as container:
        pictures = container.add_stream_from_template(given.streams.video[0])
        audio = container.add_stream("pcm_s16le" if path.suffix == ".mov" else "aac", rate=rate_hz, layout="mono")
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = pictures
                container.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None]), format="flt", layout="mono")
        frame.rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
        frame.pts = round((recording.start_s + stamps_s + trim_s) * rate_hz)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


@pytest.mark.parametrize(
    ("name", "shift", "expected_ms"),
    [
        ("stamps.mp4", {"stamps_s": 0.12}, 120),
        ("stamps.mkv", {"stamps_s": 0.12}, 120),
        ("silence.mov", {"silence_s": 0.12}, 120),
        ("late.mov", {"trim_s": 0.3}, 0),
    ],
)
def test_a_shift_of_120_ms_is_found_within_20_ms_and_corrected(
    tmp_path: Path, talking: Path, maker: ClipMaker, name: str, shift: dict[str, float], expected_ms: float
) -> None:
    (straight,) = maker(source(talking)).clips
    assert abs(straight.offset_ms) < 20
    path = remuxed(talking, tmp_path / name, **shift)
    (found,) = maker(source(path)).clips
    assert found.offset_ms == pytest.approx(expected_ms, abs=20)
    assert found.offset_confidence > 0.8
    assert found.motion_start_s == found.start_s

    result = maker(source(path, f"fixed-{name}", fix_offset=True))
    (fixed,) = result.clips
    assert result.record.offset_fixed == (expected_ms != 0)
    if expected_ms:
        assert (fixed.start_s - fixed.motion_start_s) * 1000 == pytest.approx(expected_ms, abs=20)
    store = write_manifest(maker.folder, [straight, fixed])
    truth, corrected = (Store.open(store.folder).load_motion(each.clip_id) for each in (straight, fixed))
    # In the video's own time both describe the same pictures.
    times_s = corrected.start_s + np.arange(len(corrected)) / corrected.fps
    at = truth.start_s + np.arange(len(truth)) / truth.fps
    inside = (times_s > at[0]) & (times_s < at[-1])
    jaw = np.interp(times_s[inside], at, truth.channel("jaw_open"))
    assert np.corrcoef(jaw, corrected.channel("jaw_open")[inside])[0, 1] > 0.97


def test_too_large_an_offset_is_refused_unless_it_is_to_be_corrected(tmp_path: Path, talking: Path) -> None:
    strict = ClipMaker(tmp_path / "store", replace(SETTINGS, max_offset_ms=80.0), 120.0, None)
    path = remuxed(talking, tmp_path / "late.mp4", stamps_s=0.12)
    assert strict(source(path)).record.reason.startswith("offset: the sound comes 1")
    assert len(strict(source(path, fix_offset=True)).clips) == 1
    early = remuxed(talking, tmp_path / "early.mp4", trim_s=0.12, stamps_s=-0.12)
    assert strict(source(early)).record.reason.startswith("offset: the picture comes 1")
