"""A strip shows the pictures of their times, the landmarks, the guessed stretches, and says what is missing."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.clip_info import ClipInfo
from src.data.store import Store, write_clip, write_manifest
from src.data.strip import caption_of, clip_strip, encoded
from src.errors import DataError
from src.motion import CORE7, Motion
from tests.data.conftest import WriteVideo
from tests.tiny_store import write_tiny_store

FRAMES = 50
ORANGE = np.array([213, 94, 0])


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_tiny_store(tmp_path_factory.mktemp("plain"), {"anna": [FRAMES]})


def with_landmarks(folder: Path, plain: Store, landmarks: NDArray[np.float32] | None, **changes: object) -> Store:
    """The same clip with landmarks, and with other words in its row."""
    clip = plain.load("anna_0")
    info: ClipInfo = replace(clip.info, **changes)  # type: ignore[arg-type]
    return write_manifest(folder, [write_clip(folder, info, clip.waveform, [clip.motion], landmarks)])


def talking_face(face: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tile(face, (FRAMES, 1, 1))


def cells(strip: NDArray[np.uint8], number: int) -> list[NDArray[np.uint8]]:
    """The pictures on a strip: squares over 86 % of its width, the first rows that aren't white from side to side."""
    left, right = 0.068 * strip.shape[1], 0.93 * strip.shape[1]
    side = (right - left) / number
    middle = int(left + side / 2)
    dark = (strip[:, middle - 5 : middle + 5] < 200).all(axis=(1, 2))
    runs = np.flatnonzero(np.convolve(dark, np.ones(40), "valid") == 40)
    top = int(runs[0]) if len(runs) else 0
    return [
        strip[top + 6 : top + int(side) - 6, int(left + n * side) + 6 : int(left + (n + 1) * side) - 6]
        for n in range(number)
    ]


def test_each_picture_is_the_one_of_its_time(plain: Store, write_video: WriteVideo, tmp_path: Path) -> None:
    levels = np.linspace(10, 190, FRAMES)
    images = [np.full((64, 64, 3), round(level), np.uint8) for level in levels]
    write_video(tmp_path / "anna" / "0.mp4", images, np.arange(FRAMES) / 25, np.zeros(32_000, np.float32))
    strip = clip_strip(plain, "anna_0", root=tmp_path, num_images=5)
    shown = [float(np.median(cell)) for cell in cells(strip, 5)]
    np.testing.assert_allclose(shown, levels[[5, 15, 25, 35, 45]], atol=6)


def test_pictures_follow_the_clips_own_start_in_its_source(
    plain: Store, write_video: WriteVideo, tmp_path: Path
) -> None:
    levels = np.linspace(10, 190, 2 * FRAMES)
    images = [np.full((64, 64, 3), round(level), np.uint8) for level in levels]
    write_video(tmp_path / "anna" / "0.mp4", images, np.arange(2 * FRAMES) / 25, np.zeros(64_000, np.float32))
    store = with_landmarks(tmp_path / "store", plain, None, start_s=1.1, motion_start_s=1.0, path="anna/0.mp4#t=1,3")
    shown = [float(np.median(cell)) for cell in cells(clip_strip(store, "anna_0", root=tmp_path, num_images=5), 5)]
    np.testing.assert_allclose(shown, levels[[30, 40, 50, 60, 70]], atol=6)


def test_landmarks_are_drawn_where_the_video_is_gone(plain: Store, face: NDArray[np.float32], tmp_path: Path) -> None:
    store = with_landmarks(tmp_path / "store", plain, talking_face(face))
    strip = clip_strip(store, "anna_0", root=tmp_path / "nowhere", num_images=4)
    for cell in cells(strip, 4):
        saturation = cell.max(axis=2).astype(int) - cell.min(axis=2)
        assert 0.01 < (saturation > 60).mean() < 0.3
        assert np.median(cell) == 96  # grey behind


@pytest.mark.parametrize("num_images", [1, 8, 12])
def test_a_strip_is_as_wide_as_asked_and_opens_as_a_picture(plain: Store, num_images: int) -> None:
    strip = clip_strip(plain, "anna_0", num_images=num_images, width_px=900)
    assert strip.shape[1:] == (900, 3)
    assert strip.dtype == np.uint8
    again = cv2.imdecode(np.frombuffer(encoded(strip, ".png"), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(again, strip)


def test_guessed_stretches_are_shaded(tmp_path: Path) -> None:
    store = write_tiny_store(tmp_path, {"anna": [FRAMES]})
    clip = store.load("anna_0")
    seen = Motion(clip.motion.values, CORE7, valid=np.ones(FRAMES, bool))
    guessed = clip_strip(store, "anna_0")
    write_manifest(tmp_path, [write_clip(tmp_path, clip.info, clip.waveform, [seen], None)])
    whole = clip_strip(Store.open(tmp_path), "anna_0")
    shade = np.round(255 - 0.18 * (255 - ORANGE))  # the colour at its opacity on white
    counts = [int((np.abs(strip - shade).max(axis=2) <= 2).sum()) for strip in (guessed, whole)]
    # Frames 3 to 5 of 50, on 86 % of the width and four panels of which most is empty.
    assert counts[0] > 0.05 * 0.86 * guessed.shape[1] * 200
    assert counts[1] == 0


def test_a_clip_of_one_frame_has_a_strip(tmp_path: Path) -> None:
    store = write_tiny_store(tmp_path, {"anna": [1]})
    assert clip_strip(store, "anna_0").shape[1] == 1600


def test_the_caption_says_whose_clip_it_is_and_under_which_terms(plain: Store) -> None:
    info = replace(plain.info("anna_0"), consent="signed 2026-03-02", offset_ms=-80.0, offset_confidence=0.9)
    caption = caption_of(info, "no pictures")
    for words in (
        "anna_0",
        "anna/0.mp4",
        "speaker anna",
        "language en",
        "2.00 s from 0.00 s",
        "licence: made here",
        "consent: signed 2026-03-02",
        "sound 80 ms early, confidence 0.90",
        "Note: no pictures.",
    ):
        assert words in caption
    assert "consent: unknown" in caption_of(plain.info("anna_0"))


def test_a_long_caption_stays_inside_the_picture(plain: Store) -> None:
    info = replace(plain.info("anna_0"), licence="a licence of many words " * 20)
    assert max(len(line) for line in caption_of(info, columns=120).splitlines()) <= 120


def test_a_corrected_offset_is_no_fault_of_the_clip(plain: Store) -> None:
    info = replace(plain.info("anna_0"), offset_ms=300.0, start_s=2.0, motion_start_s=1.7)
    assert "sound 0 ms late" in caption_of(info)


def test_an_unknown_clip_is_an_error(plain: Store) -> None:
    with pytest.raises(DataError, match="no clip 'bob_0'"):
        clip_strip(plain, "bob_0")
