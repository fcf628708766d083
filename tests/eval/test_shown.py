"""The A/V offset of a real video file is the offset that was put into it."""

from pathlib import Path

import numpy as np
import pytest

from src.eval.metrics import frame_rms
from src.eval.shown import judge, shown_record
from src.motion import CORE7, Motion
from tests.eval.test_lip_sync import motion
from tests.eval.test_metrics import mouth

RATE, SIDE = 16_000, 512


def test_a_shown_mouth_is_judged_against_the_prediction_for_its_sound() -> None:
    shown = judge(Path("a.mp4"), np.zeros(RATE * 10, np.float32), RATE, motion(mouth()), motion(mouth(shift_s=0.08)))
    record = shown_record(shown)
    assert record["av_offset_ms"] == pytest.approx(80, abs=3)
    assert record["shown_lip_r"] < 0.9, "a late mouth correlates less"


def test_without_shown_motion_there_are_reasons_and_no_numbers() -> None:
    shown = judge(Path("a.mp4"), np.zeros(RATE, np.float32), RATE, motion(mouth()), None, "evaluate=false")
    for record in (shown_record(shown), shown_record(None)):
        assert record["av_offset_ms"] is None
        assert record["av_offset_ms_reason"] in ("evaluate=false", "the sink writes no video")
        assert record["shown_lip_r"] is None


def test_a_mouth_that_hardly_moves_has_no_offset() -> None:
    still = motion(np.full(250, 0.1))
    record = shown_record(judge(Path("a.mp4"), np.zeros(RATE * 10, np.float32), RATE, motion(mouth()), still))
    assert record["av_offset_ms"] is None
    assert record["av_offset_ms_reason"] == "the predicted curve is constant"


@pytest.mark.slow
@pytest.mark.parametrize("sound_late_ms", [0, 80, -80])
def test_sound_shifted_by_80_ms_in_a_real_file_reads_80_ms(sound_late_ms: int, tmp_path: Path) -> None:
    """Known mouth -> renderer -> mp4 with a tone as loud as the mouth is open, shifted -> landmarks of the file."""
    pytest.importorskip("mediapipe", reason="finds the mouth in the written pictures")
    data = pytest.importorskip("skimage.data", reason="holds the portrait")
    from src.data.audio import load_recording
    from src.data.labels import extract_motion
    from src.data.landmarks import FaceLandmarker
    from src.data.person_matte import person_matte
    from src.render.avatar import create_avatar
    from src.render.mesh import MeshRenderer
    from src.render.mp4 import Mp4Writer

    picture = data.astronaut()
    with FaceLandmarker(max_faces=2, static=True) as landmarker:
        avatar = create_avatar(picture, landmarker.detect(picture), person_matte, SIDE, "astronaut")
    renderer = MeshRenderer(size=SIDE, grid_step=4, iterations=10)
    state = renderer.prepare(avatar)

    num_frames = 100
    jaw = np.clip(mouth(num_frames) - 0.05, 0.02, 0.3)
    path = tmp_path / "talking.mp4"
    loudness = np.interp(np.arange(num_frames * 640) / 640, np.arange(num_frames), jaw)
    tone = (loudness * np.sin(2 * np.pi * 400 * np.arange(len(loudness)) / RATE)).astype(np.float32)
    shift = sound_late_ms * RATE // 1000
    tone = np.concatenate([np.zeros(max(shift, 0), np.float32), tone[max(-shift, 0) :]])[: num_frames * 640]
    with Mp4Writer(path, width=SIDE, height=SIDE, fps=25.0, sample_rate_hz=RATE) as writer:
        for index, value in enumerate(jaw):
            values = CORE7.neutral
            values[CORE7.index("jaw_open")] = value
            writer.add_image(renderer.render(state, values), index / 25.0)
        writer.add_audio(tone)

    recording = load_recording(path)
    found = extract_motion(path)
    values = np.zeros((len(found), CORE7.size), np.float32)
    values[:, 0] = np.clip(frame_rms(recording.waveform, RATE, 25.0, len(found)), 0, 0.5)
    shown = judge(path, recording.waveform, RATE, Motion(values, CORE7), found)
    assert shown.av_offset.value == pytest.approx(-sound_late_ms, abs=5)
    assert (shown.lip_r.value or 0) > (0.9 if sound_late_ms == 0 else -1)
