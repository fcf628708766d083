"""The detector without trained weights: shapes, order and suppression; `scripts.check_syncnet` compares its numbers."""

import numpy as np
import pytest
import torch

from src.errors import DataError
from src.eval.syncnet.s3fd import S3FD, detect_faces, suppress


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.5], [1, 0, 11, 10, 0.9], [50, 50, 60, 60, 0.7], [9, 9, 19, 19, 0.6]])
    assert suppress(boxes, 0.3).tolist() == [1, 2, 3]
    assert suppress(boxes[:0], 0.3).tolist() == []


def test_detector_gives_boxes_of_the_full_picture_or_none() -> None:
    torch.manual_seed(0)
    network = S3FD().eval()
    picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    assert detect_faces(network, picture).shape[1] == 5
    found = detect_faces(network, picture, lowest_score=0.0)
    assert len(found)
    assert (np.diff(found[:, 4]) <= 0).all()
    with pytest.raises(DataError, match="RGB"):
        detect_faces(network, picture[..., 0])
