"""SyncNet's opinion of a video: AV offset, LSE-C and LSE-D of every face that is seen for long enough.

python -m scripts.score_sync video=<file> weights.syncnet=<syncnet_v2.model> weights.detector=<sfd_face.pth> out=<json>

Needs the official weight files, which this project does not carry; without them it says where they are. Pictures are
not encoded again between the steps as the official scripts do ("lossless"), so figures differ by what a codec does.
Prints a table on stderr and JSON on stdout. A video without a track has no figure; the JSON says why, shot by shot.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from scripts.entry import run
from src.data.audio import Recording, load_recording
from src.data.video import nearest_of, read_images, read_timeline
from src.errors import ConfigError
from src.eval.provenance import provenance
from src.eval.syncnet.front_end import SAMPLE_RATE_HZ
from src.eval.syncnet.pipeline import (
    IMAGES_PER_SECOND,
    LOSSLESS,
    Image,
    MeanScore,
    TrackScore,
    VideoScore,
    detector,
    scan_video,
    score_video,
)
from src.eval.syncnet.protocol import SAMPLES_PER_IMAGE
from src.eval.syncnet.weights import S3FD, SYNCNET_V2, load_detector, load_syncnet
from src.files import sha256_of, write_json
from src.official_weights import OfficialFile, check_given

logger = logging.getLogger(__name__)

LEAST_TRACK = 6
"""Detections; with fewer the smoothing of the crops, zeros beyond the ends, leaves nothing of them."""


class Pictures:
    """The pictures of a video 25 times a second, RGB, from its first one on; each loop decodes the file again.

    They are chosen by presentation time, the nearest to each instant, so a slow video repeats some, a fast one loses
    some, and across a hole the picture before it stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.timeline = read_timeline(path)
        self.start_s = float(self.timeline.times_s[0])
        count = max(1, round((self.timeline.end_s - self.start_s) * IMAGES_PER_SECOND))
        self._chosen = nearest_of(self.timeline.times_s, self.start_s + np.arange(count) / IMAGES_PER_SECOND)

    def __len__(self) -> int:
        """Pictures in a loop."""
        return len(self._chosen)

    def __iter__(self) -> Iterator[Image]:
        """(H, W, 3) one after the other."""
        indices, times = np.unique(self._chosen, return_counts=True)
        for (_, image), repeated in zip(read_images(self.path, self.timeline, indices), times, strict=True):
            for _ in range(repeated):
                yield image


def main(config: DictConfig) -> None:
    """Look, track, score, write."""
    given = {
        "weights.syncnet": (SYNCNET_V2, config.weights.syncnet),
        "weights.detector": (S3FD, config.weights.detector),
    }
    syncnet, detector_file = check_given(given)
    if config.min_track < LEAST_TRACK:
        raise ConfigError(f"min_track={config.min_track}: at least {LEAST_TRACK}; published figures have 100 or 50.")
    if config.num_threads > 0:
        torch.set_num_threads(config.num_threads)
    video = Path(config.video)
    pictures, recording = Pictures(video), load_recording(video, SAMPLE_RATE_HZ)
    faces = detector(load_detector(detector_file, config.device))
    with progress_bar("faces", len(pictures)) as advance:
        scan = scan_video(advance(pictures), faces)
    logger.info("%s: %d pictures, %d shots, %d faces", video, len(pictures), len(scan.shots), len(scan.detections))
    network = load_syncnet(syncnet, config.device)
    samples = sound_beside(recording, pictures.start_s, len(pictures))
    with progress_bar("lips", len(pictures)) as advance:
        score = score_video(network, advance(pictures), samples, scan, config.min_track)
    Console(stderr=True).print(table(score))
    for reason in score.reasons:
        logger.warning("%s: no score for %s", video, reason)
    content = {
        **record(score),
        "video": {
            "path": str(config.video),
            "sha256": sha256_of(video),
            "width": pictures.timeline.width,
            "height": pictures.timeline.height,
            "fps": round(pictures.timeline.fps, 3),
            "images": len(pictures),
        },
        "min_track": config.min_track,
        "weights": {
            "syncnet": weights_record(SYNCNET_V2, syncnet),
            "detector": weights_record(S3FD, detector_file),
        },
        "machine": provenance().to_dict(),
    }
    print(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False))
    if config.out is not None:
        write_json(Path(config.out), content)


def sound_beside(recording: Recording, start_s: float, num_images: int) -> NDArray[np.int16]:
    """(S,) 16-bit samples from the instant of the first picture to the end of the last; silence where none was heard.

    Sound that ends early stays short: what nobody heard is not scored.
    """
    first = round((start_s - recording.start_s) * recording.sample_rate_hz)
    waveform = recording.waveform[max(first, 0) :]
    waveform = np.concatenate([np.zeros(max(-first, 0), np.float32), waveform])[: num_images * SAMPLES_PER_IMAGE]
    return np.clip(np.round(waveform * 32768.0), -32768, 32767).astype(np.int16)


def record(score: VideoScore) -> dict[str, Any]:
    """What the JSON says about a video; `mean` is null without a track."""
    return {
        "mode": LOSSLESS,
        "crop": "tracked faces",
        "offset_sign": "positive: the sound is early, delay it by as much; negative: it is late",
        "mean": None if score.mean is None else mean_record(score.mean, len(score.tracks)),
        "tracks": [track_record(one) for one in score.tracks],
        "shots": [list(shot) for shot in score.shots],
        "reasons": score.reasons,
    }


def mean_record(mean: MeanScore, num_tracks: int) -> dict[str, Any]:
    """The mean over all tracks."""
    frames = mean.offset_frames
    offset = {"offset_frames": frames, "offset_ms": 1000.0 * frames / IMAGES_PER_SECOND, "offset": in_words(frames)}
    return {**offset, "lse_c": mean.lse_c, "lse_d": mean.lse_d, "tracks": num_tracks}


def track_record(one: TrackScore) -> dict[str, Any]:
    """A row of the JSON; seconds count from the first picture."""
    start_s, end_s = one.track.sound_s
    return {
        "first_image": one.track.first_image,
        "last_image": one.track.last_image,
        "start_s": start_s,
        "end_s": end_s,
        "face_px": round(one.face_px, 1),
        "offset_frames": one.score.offset_frames,
        "offset_ms": 1000.0 * one.score.offset_s,
        "offset": in_words(one.score.offset_frames),
        "lse_c": one.score.confidence,
        "lse_d": one.score.min_distance,
        "windows": one.num_windows,
    }


def in_words(offset_frames: int) -> str:
    """An offset with its sign spelt out."""
    if offset_frames == 0:
        return "in sync"
    milliseconds = 1000 * abs(offset_frames) // IMAGES_PER_SECOND
    return f"sound {milliseconds} ms {'early' if offset_frames > 0 else 'late'}"


def weights_record(source: OfficialFile, path: Path) -> dict[str, Any]:
    """Which file was used, and whether it is the published one; null where no check sum is published."""
    found = sha256_of(path)
    official = None if source.sha256 is None else found == source.sha256
    if official is False:
        logger.warning("%s: not the published %s, its SHA-256 differs; name it beside the figures", path, source.name)
    return {"path": str(path), "sha256": found, "published": official}


def table(score: VideoScore) -> Table:
    """One line per track, and the mean."""
    shown = Table(title=f"SyncNet, tracked faces, {LOSSLESS}", title_justify="left")
    for name in ("seconds", "face px", "offset", "LSE-C", "LSE-D", "windows"):
        shown.add_column(name, justify="right")
    for one in score.tracks:
        start_s, end_s = one.track.sound_s
        frames = one.score.offset_frames
        shown.add_row(
            f"{start_s:.2f}-{end_s:.2f}",
            f"{one.face_px:.0f}",
            f"{frames:+d} = {in_words(frames)}",
            f"{one.score.confidence:.3f}",
            f"{one.score.min_distance:.3f}",
            str(one.num_windows),
        )
    if (mean := score.mean) is not None and len(score.tracks) > 1:
        frames = mean.offset_frames
        shown.add_section()
        shown.add_row(
            "mean of tracks", "", f"{frames:+d} = {in_words(frames)}", f"{mean.lse_c:.3f}", f"{mean.lse_d:.3f}", ""
        )
    return shown


@contextmanager
def progress_bar(name: str, total: int) -> Iterator[Callable[[Pictures], Iterator[Image]]]:
    """A bar on stderr over the pictures of a loop."""
    with Progress(console=Console(stderr=True), refresh_per_second=4) as progress:
        yield lambda pictures: iter(progress.track(pictures, total=total, description=name))


if __name__ == "__main__":
    run(main, "score_sync")
