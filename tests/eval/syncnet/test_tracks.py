"""Detections become tracks: gaps, several people, and what is too small or too short."""

import numpy as np
import pytest

from src.errors import DataError
from src.eval.syncnet.tracks import link_tracks


def detections(images: list[int], size: float = 120.0, left: float = 40.0) -> np.ndarray:
    return np.array([[image, left, 30, left + size, 30 + size, 0.99] for image in images])


def test_a_gap_of_25_images_is_filled_and_one_of_26_ends_a_track() -> None:
    whole = link_tracks(detections([*range(60), *range(84, 140)]), 0, 140)
    assert [(track.first_image, track.last_image) for track in whole] == [(0, 139)]
    assert link_tracks(detections([*range(60), *range(85, 140)]), 0, 140) == []


def test_two_people_are_two_tracks_and_small_or_short_ones_none() -> None:
    both = np.concatenate([detections(list(range(150))), detections(list(range(20, 150)), left=300)])
    tracks = link_tracks(both, 0, 150)
    assert [(track.first_image, len(track.boxes)) for track in tracks] == [(0, 150), (20, 130)]
    assert tracks[1].sound_s == (0.8, 6.0)
    assert link_tracks(detections(list(range(150)), size=100), 0, 150) == []
    assert link_tracks(both, 0, 100) == []


def test_missing_boxes_are_interpolated() -> None:
    seen = np.delete(detections(list(range(150))), 70, axis=0)
    seen[70:, [1, 3]] += 4
    (track,) = link_tracks(seen, 0, 150)
    np.testing.assert_allclose(track.boxes[[69, 70, 71], 0], [40, 42, 44])


def test_detections_without_boxes_are_refused() -> None:
    with pytest.raises(DataError, match="image number and box"):
        link_tracks(np.zeros((4, 2)), 0, 4)
