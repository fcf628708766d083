from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from src.data.au_csv import write_au_csv
from src.errors import ConfigError
from src.motion import ARKIT55, CORE7, Motion


def blinking(start_s: float = 0.0) -> Motion:
    values = np.zeros((5, CORE7.size), np.float32)
    values[:, CORE7.index("eye_blink")] = [0, 0.5, 1, 0.25, 0]
    return Motion(values, CORE7, 25.0, start_s, np.array([True, True, True, False, True]))


def test_the_table_has_openfaces_columns_and_one_row_per_frame(tmp_path: Path) -> None:
    path = tmp_path / "new" / "au.csv"
    write_au_csv(path, blinking(start_s=1.4), shut_intensity=2.0, space_after_comma=True)
    assert path.read_text("utf-8").splitlines() == [
        "frame, face_id, timestamp, confidence, success, AU45_r",
        "1,0,1.400,1,1,0.000",
        "2,0,1.440,1,1,1.000",
        "3,0,1.480,1,1,2.000",
        "4,0,1.520,0,0,0.500",
        "5,0,1.560,1,1,0.000",
    ]


@pytest.mark.parametrize(("space", "column"), [(True, " AU45_r"), (False, "AU45_r")])
def test_trainers_find_their_column(tmp_path: Path, space: bool, column: str) -> None:
    path = tmp_path / "au.csv"
    write_au_csv(path, blinking(), shut_intensity=5.0, space_after_comma=space)
    assert pyarrow.csv.read_csv(path).column(column).to_pylist() == [0, 2.5, 5, 1.25, 0]


def test_blendshapes_are_projected(tmp_path: Path) -> None:
    values = np.zeros((1, ARKIT55.size), np.float32)
    values[0, [ARKIT55.index("eyeBlinkLeft"), ARKIT55.index("eyeBlinkRight")]] = 1.0
    path = tmp_path / "au.csv"
    write_au_csv(path, Motion(values, ARKIT55), shut_intensity=2.0, space_after_comma=False)
    assert path.read_text("utf-8").splitlines()[1] == "1,0,0.000,1,1,2.000"


@pytest.mark.parametrize("intensity", [0.0, -1.0, 5.1])
def test_intensities_off_the_scale_are_refused(tmp_path: Path, intensity: float) -> None:
    with pytest.raises(ConfigError, match="shut_intensity is"):
        write_au_csv(tmp_path / "au.csv", blinking(), shut_intensity=intensity, space_after_comma=True)
    assert not (tmp_path / "au.csv").exists()
