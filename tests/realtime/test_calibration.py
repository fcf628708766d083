"""The known answer is what it says: the mouth opens at each click, whatever the chunks, and at no other time."""

import numpy as np
import pytest

from src.errors import ConfigError, RenderError, StreamError
from src.motion import CORE7
from src.realtime.calibration import (
    BRIGHT,
    DARK,
    OPEN_JAW,
    OPEN_S,
    ClickPredictor,
    FlashRenderer,
    click_times_s,
    click_waveform,
)

RATE, SECONDS = 16_000, 6.0
TIMES = click_times_s(SECONDS)


def sound() -> np.ndarray:
    return click_waveform(TIMES, SECONDS, RATE)


def test_clicks_are_on_frames_far_apart_and_at_no_regular_distance() -> None:
    times = click_times_s(600.0)
    assert len(times) > 400
    np.testing.assert_allclose(times * 25, np.round(times * 25), atol=1e-9)
    gaps = np.diff(times)
    assert gaps.min() >= 0.9
    assert times[-1] + OPEN_S < 600.0
    for lag in range(1, 10):  # the times moved by any number of clicks are other times
        assert np.ptp(times[lag:] - times[:-lag]) >= 0.2
    with pytest.raises(ConfigError, match="too short for two clicks"):
        click_times_s(2.0)


def test_a_click_is_loudest_in_its_first_sample() -> None:
    waveform = sound()
    for time_s in TIMES:
        at = round(time_s * RATE)
        assert abs(waveform[at]) == pytest.approx(0.8, abs=0.05)
        assert waveform[at - 100 : at].max() == 0
        assert np.abs(waveform[at + 1 : at + 6000]).max() < abs(waveform[at])


def test_the_mouth_opens_at_each_click_and_stays_open_for_as_long_as_it_says() -> None:
    jaw = ClickPredictor(latency_ms=62.5).predict(sound()).channel("jaw_open")
    expected = np.zeros(150)
    for frame in np.round(TIMES * 25).astype(int):
        expected[frame : frame + round(OPEN_S * 25) + 1] = OPEN_JAW
    np.testing.assert_allclose(jaw, expected, atol=1e-6)


def test_a_click_between_two_frames_is_not_rounded_to_one() -> None:
    jaw = ClickPredictor(latency_ms=50).predict(click_waveform([1.01], 3.0, RATE)).channel("jaw_open")
    np.testing.assert_allclose(jaw[24:27] / OPEN_JAW, [0.0, 0.75, 1.0], atol=1e-6)


@pytest.mark.parametrize("chunk", [37, 401, 640, 5000])
def test_chunks_give_the_frames_of_the_whole(chunk: int) -> None:
    predictor, waveform = ClickPredictor(latency_ms=62.5), sound()[: 2 * RATE]
    stream = predictor.stream()
    frames = []
    for start in range(0, len(waveform), chunk):
        frames.append(stream.push(waveform[start : start + chunk]))
        heard = min(start + chunk, len(waveform))
        assert sum(map(len, frames)) == max(-(-(heard - 1000) // 640), 0)  # as late as it says, and no later
    frames.append(stream.finish())
    np.testing.assert_array_equal(np.concatenate(frames), predictor.predict(waveform).values)


def test_a_click_is_heard_through_another_sample_rate() -> None:
    predictor = ClickPredictor(latency_ms=62.5, sample_rate_hz=48_000)
    other = predictor.predict(click_waveform(TIMES, SECONDS, 48_000))
    np.testing.assert_allclose(other.values, ClickPredictor(latency_ms=62.5).predict(sound()).values, atol=1e-6)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="less than a frame"):
        ClickPredictor(latency_ms=30)
    with pytest.raises(StreamError, match="one row"):
        ClickPredictor(latency_ms=62.5).stream().push(np.zeros((2, 640), np.float32))
    with pytest.raises(RenderError, match="core7"):
        FlashRenderer(size=8).render(None, np.zeros(55))


def test_the_picture_is_bright_while_the_mouth_is_open() -> None:
    renderer = FlashRenderer(size=8)
    renderer.prepare(None)
    values = CORE7.neutral
    assert (renderer.render(None, values) == DARK).all()
    values[0] = OPEN_JAW
    picture = renderer.render(None, values)
    assert picture.shape == (renderer.height, renderer.width, renderer.channels)
    assert (picture == BRIGHT).all()
