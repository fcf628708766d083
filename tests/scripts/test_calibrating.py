"""The harness reads the known answer: 0 is 0, and a shift is that shift, with a flash and with a face."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.calibrating import brightness, measure_clicks, mouth_opening
from scripts.make_avatar import builtin_avatar
from src.data.audio import load_recording
from src.data.labels import extract_motion
from src.data.rejection import MediaError
from src.eval.lip_sync import av_offset_ms
from src.motion import Motion
from src.realtime.calibration import ClickPredictor, FlashRenderer, click_times_s, click_waveform
from src.render.mesh import MeshRenderer
from src.render.mp4 import Mp4Writer

RATE, SECONDS = 16_000, 5.0
PREDICTOR = ClickPredictor(latency_ms=62.5)

Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
FLASH = FlashRenderer(size=64)


def waveform() -> NDArray[np.float32]:
    return click_waveform(click_times_s(SECONDS), SECONDS, RATE)


def write(path: Path, draw: Draw, side: int, *, sound_late_ms: float = 0.0, dropped: tuple[int, ...] = ()) -> Path:
    """What an engine would write, its sound moved."""
    late = round(sound_late_ms * RATE / 1000)
    sound = np.concatenate([np.zeros(max(late, 0), np.float32), waveform()[max(-late, 0) :]])
    with Mp4Writer(path, width=side, height=side, fps=25, sample_rate_hz=RATE, preset="ultrafast") as writer:
        for index, values in enumerate(PREDICTOR.predict(waveform()).values):
            if index not in dropped:
                writer.add_image(draw(values), index / 25)
        writer.add_audio(sound)
    return path


def flash(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return FLASH.render(None, values)


@pytest.mark.parametrize("sound_late_ms", [0.0, 80.0, -80.0, 23.0])
def test_a_flash_reads_what_the_sound_was_moved_by_through_aac(sound_late_ms: float, tmp_path: Path) -> None:
    found = measure_clicks(write(tmp_path / "flash.mp4", flash, 64, sound_late_ms=sound_late_ms), brightness)
    assert found.median.value == pytest.approx(-sound_late_ms, abs=1)
    assert found.spread_ms == pytest.approx(0, abs=1)
    assert (found.unanswered, found.unasked) == (0, 0)


def test_a_flash_whose_picture_was_dropped_is_late_by_a_picture(tmp_path: Path) -> None:
    first = round(click_times_s(SECONDS)[0] * 25)
    found = measure_clicks(write(tmp_path / "flash.mp4", flash, 64, dropped=(first,)), brightness)
    assert found.offsets_ms[0] == pytest.approx(40, abs=1)
    np.testing.assert_allclose(found.offsets_ms[1:], 0, atol=1)


@pytest.fixture(scope="module")
def draw_face() -> Draw:
    renderer = MeshRenderer(size=192, grid_step=4, iterations=4, moves_along=None)
    state = renderer.prepare(builtin_avatar(192))
    return lambda values: renderer.render(state, values)


@pytest.mark.parametrize("sound_late_ms", [0.0, 80.0])
def test_a_face_reads_what_the_sound_was_moved_by(sound_late_ms: float, draw_face: Draw, tmp_path: Path) -> None:
    video = write(tmp_path / "face.mp4", draw_face, 192, sound_late_ms=sound_late_ms)
    found = measure_clicks(video, mouth_opening)
    assert found.median.value == pytest.approx(-sound_late_ms, abs=5)
    assert (found.unanswered, found.unasked) == (0, 0)
    # and so does the figure of every report, which compares curves
    predicted: Motion = PREDICTOR.predict(load_recording(video).waveform)
    assert av_offset_ms(extract_motion(video), predicted).value == pytest.approx(-sound_late_ms, abs=5)


def test_no_face_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no face"):
        measure_clicks(write(tmp_path / "flash.mp4", flash, 64), mouth_opening)
