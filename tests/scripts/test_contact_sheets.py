"""The sheets of an avatar, run for real on a tiny untrained model and a drawn face."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import scripts.contact_sheets
from src.errors import ConfigError
from src.motion import ARKIT55, Motion
from tests.scripts.test_realtime import composed

SHEETS = ("core7.png", "arkit55.png")


def sheets(inputs: Path, out: Path, *more: str) -> list[str]:
    """Names of the files that the script writes."""
    avatar = f"avatar='{inputs / 'avatar'}'"
    small = ("render.size=256", "steps=3", "width=64")
    scripts.contact_sheets.main(composed("contact_sheets", avatar, f"out='{out}'", *small, *more))
    return sorted(path.name for path in out.iterdir())


def test_without_speech_there_is_no_sheet_of_it(inputs: Path, tmp_path: Path) -> None:
    assert sheets(inputs, tmp_path / "out") == sorted(SHEETS)


def test_a_recording_is_spoken_with_one_second_in_a_row(inputs: Path, tmp_path: Path) -> None:
    speech = f"checkpoint='{inputs / 'best.ckpt'}'", f"audio='{inputs / 'speech.wav'}'"
    assert sheets(inputs, tmp_path / "out", *speech) == sorted([*SHEETS, "speech.png"])
    assert cv2.imread(str(tmp_path / "out" / "speech.png")).shape == (64, 5 * 64, 3)


def test_a_motion_file_of_either_vocabulary_is_shown(inputs: Path, tmp_path: Path) -> None:
    motion = tmp_path / "motion.npz"
    Motion(np.tile(ARKIT55.neutral, (50, 1)), ARKIT55, 25).save(motion)
    sheets(inputs, tmp_path / "out", f"motion='{motion}'", "speech.longest_s=1.2", "speech.per_second=4")
    assert cv2.imread(str(tmp_path / "out" / "speech.png")).shape == (64, 4 * 64, 3)


def test_wrong_requests_write_nothing(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="motion and audio were both given"):
        sheets(inputs, tmp_path / "out", "motion=a.npz", "audio=b.wav")
    with pytest.raises(ConfigError, match="speech.per_second=0"):
        sheets(inputs, tmp_path / "out", "speech.per_second=0")
    assert not (tmp_path / "out").exists()
