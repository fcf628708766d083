import numpy as np
import pytest

from src.data.person_matte import person_matte
from src.errors import DataError


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(DataError, match="expected \\(H, W, 3\\) uint8 RGB"):
        person_matte(np.zeros((8, 8, 3), np.float32))  # type: ignore[arg-type]


def test_the_astronaut_is_found_and_a_wall_is_nobody() -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed (extra `data`)")
    photo = np.ascontiguousarray(data.astronaut()[:300, 80:380, :3])
    matte = person_matte(photo)
    assert matte.shape == photo.shape[:2]
    assert matte[110, 145] > 250  # the nose
    assert matte[5, 5] < 5
    assert person_matte(np.full((200, 300, 3), 128, np.uint8)).mean() < 5
