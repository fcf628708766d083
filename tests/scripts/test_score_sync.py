"""SyncNet on a video by command: a row per face, reasons, and where to get weights that are missing."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.score_sync import Pictures, in_words, sound_beside
from src.data.audio import Recording
from src.eval.syncnet.parity import seeded_network
from src.eval.syncnet.s3fd import S3FD
from src.files import sha256_of
from src.render.mp4 import Mp4Writer
from tests.script_process import run_script


def score(*overrides: str) -> subprocess.CompletedProcess[str]:
    return run_script("score_sync", *overrides)


def attentive(face: bool) -> dict[str, torch.Tensor]:
    """Weights of a detector that sees one large face in every picture of 512 pixels, or none."""
    weights = {key: torch.zeros_like(tensor) for key, tensor in S3FD().state_dict().items()}
    for source in range(6):
        sees = face and source == 4  # priors of 1024 pixels: the first of four takes the others' place
        weights[f"conf.{source}.bias"] = torch.tensor([0.0, 9.0 if sees else -9.0][-2:]).repeat(2 if source == 0 else 1)
    return weights


def test_missing_weights_are_one_message_with_places_sizes_and_check_sums(tmp_path: Path) -> None:
    done = score("video=x.mp4", f"weights.detector='{tmp_path / 'd.pth'}'")
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    for words in (
        "weights.syncnet=<path>: syncnet_v2.model (54.6 MB; SHA-256 961e8696f888fce4",
        "www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
        f"weights.detector={tmp_path / 'd.pth'}, no such file: sfd_face.pth (89.8 MB; no check sum is published)",
        "www.robots.ox.ac.uk/~vgg/software/lipsync/data/sfd_face.pth",
    ):
        assert words in done.stderr, done.stderr


def film(path: Path, images: int, fps: float) -> Path:
    """A grey picture of 512 pixels that brightens, with noise for sound."""
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, round(images / fps * 16_000)).astype(np.float32)
    with Mp4Writer(path, width=512, height=512, fps=fps, sample_rate_hz=16_000) as writer:
        for index in range(images):
            writer.add_image(np.full((512, 512, 3), 40 + index, np.uint8), index / fps)
        writer.add_audio(sound)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files as the official ones are: seeded, and detectors that see one face or none."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(seeded_network("syncnet", 1, {"netcnnlip.0.weight": 0.0078125})[1], folder / "syncnet.model")
    torch.save(attentive(True), folder / "face.pth")
    torch.save(attentive(False), folder / "none.pth")
    return folder


def test_a_video_gives_a_row_for_its_face_and_one_without_a_face_a_reason(weights: Path, tmp_path: Path) -> None:
    video = film(tmp_path / "fi lm.mp4", 36, 30)
    settings = [f"video='{video}'", f"weights.syncnet={weights / 'syncnet.model'}", "min_track=20", "num_threads=1"]
    done = score(*settings, f"weights.detector={weights / 'face.pth'}", f"out='{tmp_path / 'sync.json'}'")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "sync.json").read_text())
    assert report["mode"] == "lossless"
    assert report["shots"] == [[0, 30]]
    assert report["reasons"] == []
    (row,) = report["tracks"]
    assert (row["first_image"], row["last_image"], row["start_s"], row["end_s"]) == (0, 29, 0.0, 1.2)
    assert row["face_px"] == pytest.approx(1024, abs=1)
    assert row["windows"] == 25
    assert row["offset_ms"] == 40 * row["offset_frames"]
    assert row["offset"] == in_words(row["offset_frames"])
    assert report["mean"]["lse_c"] == row["lse_c"] > 0
    assert report["mean"]["lse_d"] == row["lse_d"] > 0
    assert report["video"]["sha256"] == sha256_of(video)
    assert report["weights"]["syncnet"]["published"] is False
    assert report["weights"]["detector"]["published"] is None
    assert "not the published syncnet_v2.model" in " ".join(done.stderr.split())

    done = score(*settings, f"weights.detector={weights / 'none.pth'}")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["tracks"] == []
    assert report["mean"] is None
    assert report["reasons"] == ["images 0 to 29: no face was found"]


@pytest.mark.parametrize("fps", [10, 25, 30, 50])
def test_pictures_come_25_times_a_second_whatever_the_video_has(fps: float, tmp_path: Path) -> None:
    pictures = Pictures(film(tmp_path / "film.mp4", 2 * fps // 2, fps))
    assert len(pictures) == 25
    for _ in range(2):
        shown = [image[256, 256].mean() - 40 for image in pictures]
        np.testing.assert_allclose(shown, np.arange(25) / 25 * fps, atol=2.0)


def test_sound_begins_with_the_first_picture_and_is_not_made_longer() -> None:
    recording = Recording(np.linspace(0.1, 0.5, 16_000, dtype=np.float32), 16_000, 2.0)
    early = sound_beside(recording, 1.9, 25)
    assert early.dtype == np.int16
    assert (early[:1600] == 0).all()
    assert early[1600] == round(0.1 * 32768)
    late = sound_beside(recording, 2.5, 25)
    assert len(late) == 8000
    assert late[0] == round(float(recording.waveform[8000]) * 32768)
    assert len(sound_beside(recording, 2.0, 10)) == 6400


def test_the_sign_of_an_offset_is_spelt_out() -> None:
    assert [in_words(frames) for frames in (-3, 0, 2)] == ["sound 120 ms late", "in sync", "sound 80 ms early"]
