"""Whatever file comes: it ends in clips that hold together, or in a reason. Never in a crash, a hang or a bug."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data.audio import load_recording
from src.data.clips import ClipMaker, SourceResult
from src.data.rejection import MediaError, Reason
from src.data.store import Store, write_manifest
from src.data.video import read_images, read_timeline
from tests.preparing import SETTINGS, source

CODECS = {
    "mp4": ("libx264", "aac"),
    "mov": ("mpeg4", "pcm_s16le"),
    "mkv": ("libx264", "libopus"),
    "webm": ("libvpx", "libopus"),
    "avi": ("mpeg4", "pcm_s16le"),
}
BOUNDED = settings(
    max_examples=40, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def write(
    path: Path, images: list[NDArray[np.uint8]], times_s: NDArray[np.float64], waveform: NDArray[np.float32],
    rate_hz: int, audio_start_s: float = 0.0,
) -> Path:  # fmt: skip
    """A file of the kind that its ending says, with (C, S) sound."""
    video_codec, audio_codec = CODECS[path.suffix[1:]]
    options = {"deadline": "realtime", "cpu-used": "8"} if video_codec == "libvpx" else {}
    with av.open(str(path), "w") as container:
        ticks = 25 if path.suffix == ".avi" else 1000
        video = container.add_stream(video_codec, rate=ticks, options=options)
        video.height, video.width = (side // 2 * 2 for side in images[0].shape[:2])
        video.pix_fmt, video.codec_context.time_base = "yuv420p", Fraction(1, ticks)
        layout = "stereo" if len(waveform) == 2 else "mono"
        audio = container.add_stream(audio_codec, rate=48_000 if audio_codec == "libopus" else rate_hz, layout=layout)
        for image, time_s in zip(images, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(image[: video.height, : video.width], format="rgb24")
            frame.pts, frame.time_base = round(time_s * ticks), Fraction(1, ticks)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = np.ascontiguousarray(waveform.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=layout)
        frame.rate, frame.pts, frame.time_base = rate_hz, round(audio_start_s * rate_hz), Fraction(1, rate_hz)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


def babble(seconds: float, rate_hz: int, channels: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.1, (channels, round(seconds * rate_hz))).astype(np.float32)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return ClipMaker(tmp_path_factory.mktemp("store"), SETTINGS, 120.0, None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, portrait: NDArray[np.uint8]) -> dict[str, bytes]:
    """A sound file of each kind, 0.8 s long."""
    folder = tmp_path_factory.mktemp("whole")
    times_s = np.arange(20) / 25
    return {
        kind: write(folder / f"whole.{kind}", [portrait] * 20, times_s, babble(0.8, 16_000), 16_000).read_bytes()
        for kind in CODECS
    }


def holds_together(result: SourceResult, maker: ClipMaker) -> None:
    """It has a reason and no clip, or clips whose parts agree and no reason."""
    code = result.record.reason.split(":")[0]
    assert bool(code) != bool(result.clips), result.record
    if code:
        assert Reason(code) != Reason.FAILED, result.record.reason
        return
    store = write_manifest(maker.folder, result.clips)
    for info in Store.open(store.folder).clips:
        clip = store.load(info.clip_id)
        assert len(clip.waveform) == info.samples
        assert len(clip.motion) == info.frames == -(-info.samples // 640)
        assert np.isfinite(clip.motion.values).all()
        assert np.isfinite(clip.waveform).all()
        assert clip.motion.valid.any()
        assert info.seconds >= SETTINGS.min_seconds - 0.04


damages = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1), st.just(b"")),
    st.tuples(st.just("overwrite"), st.floats(0, 1), st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("remove"), st.floats(0, 1), st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("zero"), st.floats(0, 1), st.binary(min_size=64, max_size=2000)),
)


def damaged(content: bytes, damage: tuple[str, float, bytes]) -> bytes:
    kind, where, piece = damage
    at = int(where * len(content))
    rest = {
        "cut": b"",
        "overwrite": piece + content[at + len(piece) :],
        "insert": piece + content[at:],
        "remove": content[at + len(piece) :],
        "zero": bytes(len(piece)) + content[at + len(piece) :],
    }
    return content[:at] + rest[kind]


def read_all(path: Path) -> str:
    """The reason why a file can't be read, or an empty text; anything else raises."""
    try:
        recording, timeline = load_recording(path), read_timeline(path)
        assert np.isfinite(recording.waveform).all()
        assert (np.diff(timeline.times_s) >= 0).all()
        for _ in read_images(path, timeline, timeline.between(-1.0, 10.0)):
            pass
    except MediaError as error:
        return str(error.reason)
    return ""


@BOUNDED
@given(kind=st.sampled_from(sorted(CODECS)), first=damages, second=damages)
def test_damaged_containers_are_read_or_refused(tmp_path: Path, whole: dict[str, bytes], kind, first, second) -> None:
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(damaged(damaged(whole[kind], first), second))
    read_all(path)


@settings(BOUNDED, max_examples=8)
@given(kind=st.sampled_from(sorted(CODECS)), damage=damages)
def test_damaged_containers_end_in_clips_or_a_reason(
    tmp_path: Path, maker: ClipMaker, whole: dict[str, bytes], kind, damage
) -> None:
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(damaged(whole[kind], damage))
    holds_together(maker(source(path)), maker)


@settings(BOUNDED, max_examples=30)
@given(content=st.binary(max_size=300), kind=st.sampled_from(sorted(CODECS)))
def test_bytes_that_are_no_video_are_refused(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / f"noise.{kind}"
    path.write_bytes(content)
    assert read_all(path)


@settings(BOUNDED, max_examples=12)
@given(
    kind=st.sampled_from(sorted(CODECS)),
    rate_hz=st.sampled_from([8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]),
    channels=st.sampled_from([1, 2]),
    width=st.integers(120, 300),
    height=st.integers(120, 300),
    steps_ms=st.lists(st.integers(5, 90), min_size=15, max_size=40),
    audio_start_s=st.sampled_from([0.0, 0.12, 0.5]),
)
def test_odd_rates_sizes_and_times_end_in_clips_or_a_reason(
    tmp_path: Path, maker: ClipMaker, portrait, kind, rate_hz, channels, width, height, steps_ms, audio_start_s
) -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    image[:256, :256] = portrait
    times_s = np.cumsum(steps_ms) / 1000
    if kind == "avi":  # knows no times
        times_s = np.arange(len(steps_ms)) / 25
    if kind == "webm" or kind == "mkv":  # opus knows one rate
        rate_hz = 48_000
    path = tmp_path / f"odd.{kind}"
    path.unlink(missing_ok=True)
    write(
        path, [image[:height, :width]] * len(times_s), times_s, babble(times_s[-1], rate_hz, channels), rate_hz,
        audio_start_s,
    )  # fmt: skip
    holds_together(maker(source(path)), maker)


@pytest.mark.parametrize("kind", sorted(CODECS))
def test_every_kind_of_file_becomes_a_clip(tmp_path: Path, maker: ClipMaker, whole: dict[str, bytes], kind) -> None:
    path = tmp_path / f"whole.{kind}"
    path.write_bytes(whole[kind])
    result = maker(source(path))
    assert result.record.reason == ""
    (clip,) = result.clips
    assert clip.seconds == pytest.approx(0.8, abs=0.05)
    assert clip.valid_share > 0.9
