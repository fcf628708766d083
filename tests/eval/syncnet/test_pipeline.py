"""From pictures and sound to scores: which faces are scored, on which pictures and sound, and why others are not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src import seeded_weights
from src.data.audio import load_recording
from src.data.video import read_images, read_timeline
from src.errors import DataError
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.parity import seeded_network
from src.eval.syncnet.pipeline import Scan, detector, scan_video, score_video, why_no_track

HEIGHT, WIDTH, FACE_PX = 160, 400, 120


class Loudness(nn.Module):
    """Hears how loud five images of sound are, and sees how bright the middle of five pictures is."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def embed_lips(self, windows: Tensor) -> Tensor:
        return 20 * windows[:, 0, :, 80:100, 100:120].mean(dim=(2, 3)) / 255

    def embed_audio(self, windows: Tensor) -> Tensor:
        loudness = windows[:, 0, 0].reshape(-1, 5, 4)[:, :, 1]  # row 4 i + 1 lies within image i
        return loudness - 10


def speech(count: int, late_images: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """How bright each of `count` images is, and sound as loud, late by some images."""
    bright = np.random.default_rng(seed).uniform(0.2, 0.9, count)
    loud = np.roll(bright, late_images)
    amplitude = np.repeat(np.exp((20 * loud - 20) / 2), 640)
    samples = 8000 * amplitude * np.random.default_rng(seed + 1).choice([-1, 1], len(amplitude))
    return bright, np.round(samples).astype(np.int16)


def film(bright: dict[int, np.ndarray], count: int) -> list[np.ndarray]:
    """RGB pictures with a face at each given left edge, whose skin is as bright as that."""
    images = []
    for index in range(count):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for left, of_face in bright.items():
            image[20 : 20 + FACE_PX, left : left + FACE_PX] = round(255 * of_face[index])
        images.append(image)
    return images


def boxes(images: range, left: float, size: float = FACE_PX) -> np.ndarray:
    return np.array([[image, left, 20, left + size, 20 + size, 0.99] for image in images])


@pytest.mark.parametrize("late", [-7, 0, 3, 11])
def test_sound_that_is_late_by_k_images_lowers_the_offset_by_k(late: int) -> None:
    bright, samples = speech(140, late)
    scan = Scan(140, [], boxes(range(140), 100))
    (one,) = score_video(Loudness(), film({100: bright}, 140), samples, scan).tracks
    assert one.score.offset_frames == -late
    assert one.num_windows == 135
    assert one.face_px == FACE_PX
    assert one.score.confidence > 1


def test_every_face_is_scored_with_the_sound_of_its_own_time() -> None:
    (left, sound), (right, _) = speech(200), speech(200, seed=5)
    scan = Scan(200, [], np.concatenate([boxes(range(200), 20), boxes(range(60, 190), 250)]))
    whole = score_video(Loudness(), film({20: left, 250: right}, 200), sound, scan)
    assert [(one.track.first_image, one.track.last_image) for one in whole.tracks] == [(0, 199), (60, 189)]
    speaking, silent = (one.score for one in whole.tracks)
    assert speaking.offset_frames == 0
    assert speaking.confidence > 2 * silent.confidence
    assert whole.reasons == []
    assert whole.mean is not None
    assert whole.mean.lse_c == pytest.approx((speaking.confidence + silent.confidence) / 2)
    assert whole.mean.offset_frames == int((speaking.offset_frames + silent.offset_frames) / 2)
    late_face = score_video(Loudness(), film({20: right, 250: left}, 200), sound, scan).tracks[1]
    assert late_face.score.offset_frames == 0, "the track of image 60 hears the sound of image 60"


def test_shots_are_cut_and_a_track_ends_with_its_shot() -> None:
    bright, samples = speech(260)
    images = film({100: bright}, 260)
    for image in images[130:]:
        image[:, :, 2] = 255 - image[:, :, 2]
    found = boxes(range(260), 100)
    scan = scan_video(iter(images), lambda image: found[:1, 1:])
    assert scan.cuts == [130]
    assert scan.shots == [(0, 130), (130, 260)]
    np.testing.assert_array_equal(scan.detections, found)
    score = score_video(Loudness(), images, samples, scan)
    assert [(one.track.first_image, one.track.last_image) for one in score.tracks] == [(0, 129), (130, 259)]


def test_shots_without_a_track_say_why() -> None:
    count = 500
    scan = Scan(
        count,
        [120, 200, 350],
        np.concatenate([boxes(range(120, 200), 9), boxes(range(200, 350), 9, 60), boxes(range(360, 420), 9)]),
    )
    score = score_video(Loudness(), film({}, count), np.zeros(640 * count, np.int16), scan)
    assert score.tracks == []
    assert score.mean is None
    assert score.reasons == [
        "images 0 to 119: no face was found",
        "images 120 to 199: too short, 80 images; a track needs more than 100 pictures with its face",
        "images 200 to 349: the faces are too small, 60 px on average; they must be larger than 100 px",
        "images 350 to 499: no face is seen for long enough; a track needs more than 100 pictures with its face",
    ]
    assert why_no_track(scan, 350, count, 59) != score.reasons[3], "60 pictures are enough then"


def test_a_track_without_sound_is_a_reason_and_not_a_score() -> None:
    bright, samples = speech(240)
    scan = Scan(240, [120], boxes(range(240), 100))
    score = score_video(Loudness(), film({100: bright}, 240), samples[: 640 * 122], scan)
    assert [one.track.first_image for one in score.tracks] == [0]
    assert score.reasons[0].startswith("images 120 to 239: a clip of 120 images and 1280 samples has 2 images with")


def test_a_second_look_at_fewer_pictures_is_refused() -> None:
    bright, samples = speech(140)
    with pytest.raises(DataError, match="the pictures ended before image 139"):
        score_video(Loudness(), film({100: bright}, 130), samples, Scan(140, [], boxes(range(140), 100)))
    with pytest.raises(DataError, match="no pictures"):
        scan_video(iter([]), lambda image: boxes(range(0), 1))


def test_the_network_sees_blue_first() -> None:
    class Blue(Loudness):
        def embed_lips(self, windows: Tensor) -> Tensor:
            seen.append(windows[0, :, 0, 90, 112].tolist())
            return super().embed_lips(windows)

    seen: list[list[float]] = []
    images = [np.full((HEIGHT, WIDTH, 3), (10, 20, 30), np.uint8)] * 30
    score_video(Blue(), images, np.zeros(640 * 30, np.int16), Scan(30, [], boxes(range(30), 100)), 20)
    assert seen[0] == [30, 20, 10]


def test_a_real_clip_gives_the_same_figures_twice(shared: Path) -> None:
    path = shared / "data" / "real" / "video" / "grid_sbwe5n.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    count = 28
    timeline = read_timeline(path)
    samples = np.round(load_recording(path).waveform[: 640 * count] * 32767).astype(np.int16)

    def images() -> Iterator[np.ndarray]:
        return (image for _, image in read_images(path, timeline, np.arange(count)))

    network, _ = seeded_network("syncnet", 1, {"netcnnlip.0.weight": 0.0078125, "netcnnaud.0.weight": 0.0625})
    assert isinstance(network, SyncNet)
    scan = Scan(count, [], boxes(range(count), 110, 130))
    first, second = (score_video(network, images(), samples, scan, 20).tracks[0].score for _ in range(2))
    assert first.distances.shape == (count - 5, 31)
    np.testing.assert_array_equal(first.distances, second.distances)
    assert np.isfinite(first.distances).all()
    assert first.min_distance > 0


def test_boxes_of_an_untrained_detector_are_refused() -> None:
    network, _ = seeded_network("s3fd", 1, {})
    with pytest.raises(DataError, match="image 0: the face detector gives a box of .* Give sfd_face.pth"):
        scan_video([seeded_weights.image("film", 1, 512)], detector(network))
