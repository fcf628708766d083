"""Cuts of a made-up film."""

import numpy as np

from src.eval.syncnet.scenes import change_scores, find_cuts


def test_cuts_are_15_images_apart() -> None:
    assert find_cuts([0, 31, 40, 0, *[0] * 12, 35, 30]) == [2, 17]
    dark, light = np.zeros((20, 20, 3), dtype=np.uint8), np.full((20, 20, 3), 255, dtype=np.uint8)
    assert list(change_scores([dark, dark, light])) == [0.0, 85.0]
