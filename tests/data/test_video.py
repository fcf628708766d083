import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.rejection import MediaError, Reason
from src.data.video import LARGEST_STEP_S, MAX_DISTANCE_S, Timeline, read_timeline, sample_images


def numbered(count: int) -> list[np.ndarray]:
    """Pictures that carry their index as brightness, far enough apart to survive compression."""
    return [np.full((64, 64, 3), 4 * index + 2, np.uint8) for index in range(count)]


def indices_at(path: Path, times_s: np.ndarray) -> np.ndarray:
    """(T,) index of the picture given for each instant, -1 for none."""
    found = np.full(len(times_s), -1)
    for instants, image in sample_images(path, read_timeline(path), times_s):
        found[instants] = round((float(image.mean()) - 2) / 4)
    return found


UNEVEN = [0.0, 0.03, 0.08, 0.2, 0.25, 0.31, 0.5, 0.52, 0.6, 0.66, 1.0, 1.04]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov"])
@pytest.mark.parametrize(
    "shown_s",
    [np.arange(50) / 25, np.arange(60) / 30, np.arange(60) / 60, np.arange(15) / 15, np.array(UNEVEN)],
    ids=["25 fps", "30 fps", "60 fps", "15 fps", "variable"],
)
def test_every_instant_gets_the_picture_shown_nearest_to_it(
    tmp_path: Path, write_video, name: str, shown_s: np.ndarray
) -> None:
    path = write_video(tmp_path / name, numbered(len(shown_s)), shown_s)
    shown_s = np.round(shown_s * 1000) / 1000
    times_s = np.arange(round((shown_s[-1] + 0.2) * 25)) / 25
    distance = np.abs(shown_s[None] - times_s[:, None])
    expected = np.where(distance.min(axis=1) <= MAX_DISTANCE_S + 1e-6, distance.argmin(axis=1), -1)
    ties = np.sort(distance, axis=1)[:, 1] - distance.min(axis=1) < 1e-6  # either neighbour is right
    found = indices_at(path, times_s)
    np.testing.assert_array_equal(found[~ties], expected[~ties])


def test_pictures_that_start_late_in_the_container_are_found_late(tmp_path: Path, write_video) -> None:
    noise = np.zeros(32_000, np.float32)
    path = write_video(tmp_path / "late.mp4", numbered(25), 0.4 + np.arange(25) / 25, noise)
    assert read_timeline(path).times_s[0] == pytest.approx(0.4, abs=1e-3)
    np.testing.assert_array_equal(indices_at(path, np.array([0.0, 0.2, 0.4, 0.8])), [-1, -1, 0, 10])


def test_pictures_that_an_edit_list_cuts_away_are_not_shown(tmp_path: Path, write_video) -> None:
    path = write_video(tmp_path / "edited.mp4", numbered(50), np.arange(50) / 25)
    content = bytearray(path.read_bytes())
    entry = content.find(b"elst") + 12
    timescale = struct.unpack(">I", content[(at := content.find(b"mdhd") + 16) : at + 4])[0]
    duration, start, rate = struct.unpack(">IiI", content[entry : entry + 12])
    content[entry : entry + 12] = struct.pack(">IiI", duration - 600, start + round(0.6 * timescale), rate)
    path.write_bytes(content)
    assert len(read_timeline(path).times_s) == 35
    np.testing.assert_array_equal(indices_at(path, np.arange(35) / 25), np.arange(15, 50))


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [((0, 1, 0, -1, 0, 0), "right top"), ((-1, 0, 0, 0, -1, 0), "right bottom"), ((0, -1, 0, 1, 0, 0), "left bottom")],
    ids=["90", "180", "270"],
)
def test_pictures_of_a_turned_phone_are_upright(tmp_path: Path, write_video, matrix: tuple, corner: str) -> None:
    image = np.zeros((96, 160, 3), np.uint8)
    image[:30, :30] = 255  # left top as coded
    path = write_video(tmp_path / "turned.mp4", [image] * 5, np.arange(5) / 25)
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 4 + 4 + 20 + 16
    a, b, u, c, d, v = (65_536 * number for number in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, u, c, d, v, 0, 0, 1 << 30)
    path.write_bytes(content)
    (_, upright), *_ = sample_images(path, read_timeline(path), np.array([0.0]))
    assert upright.shape == ((96, 160, 3) if matrix[0] else (160, 96, 3))
    rows, columns = np.nonzero(upright[..., 0] > 128)
    vertical = "top" if rows.mean() < upright.shape[0] / 2 else "bottom"
    horizontal = "left" if columns.mean() < upright.shape[1] / 2 else "right"
    assert f"{horizontal} {vertical}" == corner


def test_a_slow_video_serves_several_instants_with_one_picture(tmp_path: Path, write_video) -> None:
    path = write_video(tmp_path / "slow.mp4", numbered(5), np.arange(5) / 12.5)
    given = list(sample_images(path, read_timeline(path), np.arange(9) / 25))
    assert len(given) == 5
    assert sorted(np.concatenate([instants for instants, _ in given])) == list(range(9))


@given(
    shown=st.lists(st.integers(0, 3000), min_size=1, max_size=40, unique=True),
    asked=st.lists(st.integers(-500, 3500), min_size=1, max_size=40),
)
def test_nearest_agrees_with_looking_at_every_picture(shown: list[int], asked: list[int]) -> None:
    times_s = np.sort(np.array(shown)) / 1000
    timeline = Timeline(times_s, 0.0, times_s[-1], 2, 2)
    instants = np.sort(np.array(asked)) / 1000
    for instant, index in zip(instants, timeline.nearest(instants), strict=True):
        closest = np.abs(times_s - instant).min()
        if index < 0:
            assert closest > MAX_DISTANCE_S
        else:
            assert abs(times_s[index] - instant) == pytest.approx(closest)


def test_a_file_without_pictures_is_refused(tmp_path: Path, write_video) -> None:
    path = tmp_path / "sound.wav"
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(3200))
    with pytest.raises(MediaError, match="no video track") as caught:
        read_timeline(path)
    assert caught.value.reason == Reason.NO_VIDEO


def test_a_damaged_video_is_refused(tmp_path: Path, write_video) -> None:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(50)]
    path = write_video(tmp_path / "damaged.mp4", images, np.arange(50) / 25, faststart=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match="Copy it again|Convert it") as caught:
        list(sample_images(path, read_timeline(path), np.arange(50) / 25))
    assert caught.value.reason in (Reason.TRUNCATED, Reason.UNREADABLE)


def test_a_video_in_an_unknown_format_is_refused(tmp_path: Path, write_video) -> None:
    path = write_video(tmp_path / "odd.mkv", numbered(5), np.arange(5) / 25)
    content = path.read_bytes()
    assert content.count(b"V_MPEG4/ISO/AVC") == 1
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_NOBODY/KNOWS/"))
    with pytest.raises(MediaError, match="no format that FFmpeg knows") as caught:
        read_timeline(path)
    assert caught.value.reason == Reason.UNREADABLE


@given(
    steps_ms=st.lists(st.integers(1, 120), min_size=1, max_size=60),
    start_ms=st.integers(-100, 3000),
    length_ms=st.integers(0, 3000),
)
def test_chosen_pictures_are_no_further_apart_than_need_be(steps_ms: list[int], start_ms: int, length_ms: int) -> None:
    times_s = np.cumsum(steps_ms) / 1000
    timeline = Timeline(times_s, 0.0, times_s[-1], 2, 2)
    start_s, end_s = start_ms / 1000, (start_ms + length_ms) / 1000
    chosen = timeline.between(start_s, end_s)
    inside = np.flatnonzero((times_s >= start_s) & (times_s < end_s))
    assert set(chosen) <= set(inside)
    if len(inside):
        assert (chosen[0], len(set(chosen))) == (inside[0], len(chosen))
    for one, following in itertools.pairwise(chosen):
        assert following == one + 1 or times_s[following] - times_s[one] <= LARGEST_STEP_S + 1e-9
