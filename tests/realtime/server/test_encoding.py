"""What is encoded comes out of a decoder at its time on the timeline."""

from fractions import Fraction

import av
import numpy as np
import pytest

from src.realtime.server.encoding import VIDEO_CLOCK_HZ, PictureEncoder, SoundEncoder


def test_each_picture_gives_its_packet_at_once_with_its_time() -> None:
    encoder = PictureEncoder(width=64, height=64, fps=25, kbps=500)
    decoder = av.CodecContext.create("libvpx", "r")
    for index in range(10):
        packet = encoder.encode(np.full((64, 64, 3), 20 * index, np.uint8), 3 + index / 25, key=index == 0)
        assert packet.pts * packet.time_base == 3 + Fraction(index, 25)
        assert packet.is_keyframe == (index == 0)
        (picture,) = decoder.decode(packet)
        assert picture.to_ndarray(format="rgb24").mean() == pytest.approx(20 * index, abs=4)


def test_a_key_picture_comes_when_it_is_asked_for_and_with_another_bit_rate() -> None:
    encoder = PictureEncoder(width=64, height=64, fps=25, kbps=500)
    picture = np.zeros((64, 64, 3), np.uint8)
    assert [encoder.encode(picture, n / 25, key=n == 2).is_keyframe for n in range(4)] == [True, False, True, False]
    encoder.set_kbps(200)
    assert encoder.encode(picture, 1.0, key=False).is_keyframe


def test_colours_arrive_in_their_order() -> None:
    encoder = PictureEncoder(width=64, height=64, fps=25, kbps=500)
    decoder = av.CodecContext.create("libvpx", "r")
    (picture,) = decoder.decode(encoder.encode(np.full((64, 64, 3), (200, 90, 30), np.uint8), 0.0, key=True))
    np.testing.assert_allclose(picture.to_ndarray(format="rgb24").mean((0, 1)), (200, 90, 30), atol=6)


@pytest.mark.parametrize("piece", [640, 160, 1000])
def test_a_click_is_heard_at_its_time(piece: int) -> None:
    first, click_s = 48_000, 3.5  # the timeline is 3 s old when the first sound comes
    waveform = np.zeros(16_000, np.float32)
    waveform[round((click_s - 3.0) * 16_000)] = 0.9
    encoder = SoundEncoder(sample_rate_hz=16_000, kbps=48)
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    heard = []
    for start in range(0, len(waveform), piece):
        for packet in encoder.encode(waveform[start : start + piece], first + start):
            for frame in decoder.decode(packet):
                samples = frame.to_ndarray().reshape(-1)
                time_s = float(packet.pts * packet.time_base) + np.arange(len(samples)) / 48_000
                heard.append((time_s, np.abs(samples.astype(float))))
    times_s, loudness = (np.concatenate(part) for part in zip(*heard, strict=True))
    assert times_s[loudness.argmax()] == pytest.approx(click_s, abs=0.001)
    assert VIDEO_CLOCK_HZ == 90_000
