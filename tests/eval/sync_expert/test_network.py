"""A window knows its frames and nothing else: not the loudness, not how far a mouth opens."""

import numpy as np
import pytest
import torch

from src.errors import ConfigError, MotionError
from src.eval.sync_expert.clips import SyncClip, sync_clip
from src.eval.sync_expert.network import SyncNetwork, level, mouth_shape
from src.motion import CORE7, Motion
from tests.eval.sync_expert.related import ROW_SIZE, related, small_network

EVERYWHERE = np.ones(40, bool)


def test_embeddings_have_length_one_and_one_window_per_start() -> None:
    network = small_network().eval()
    sound, mouth = network.embed_sound(torch.randn(2, 30, ROW_SIZE)), network.embed_mouth(torch.randn(2, 30, 2))
    assert sound.shape == mouth.shape == (2, 22, 16)
    torch.testing.assert_close(sound.norm(dim=2), torch.ones(2, 22))


@pytest.mark.parametrize("window_frames", [2, 5, 13, 14])
def test_a_window_depends_on_its_frames_alone(window_frames: int) -> None:
    network = SyncNetwork(row_size=3, window_frames=window_frames, hidden_size=8, embedding_size=4, dropout=0.0).eval()
    rows = torch.randn(1, 40, 3)
    whole = network.embed_sound(rows)
    assert whole.shape[1] == 40 - window_frames + 1
    torch.testing.assert_close(network.embed_sound(rows[:, 10 : 10 + window_frames]), whole[:, 10:11])


def test_a_gain_changes_the_level_and_not_what_is_relative_to_it() -> None:
    rows, _ = related(40, 0)
    assert level(rows + 2.5) == pytest.approx(level(rows) + 2.5, abs=1e-5)


def test_a_timid_mouth_is_seen_as_the_same_mouth() -> None:
    _, motion = related(40, 0)
    timid = Motion(0.3 * motion.values, CORE7)
    np.testing.assert_allclose(mouth_shape(timid, EVERYWHERE), mouth_shape(motion, EVERYWHERE), atol=1e-4)


def test_a_mouth_that_rests_has_no_shape_and_noise_is_not_blown_up() -> None:
    values = np.zeros((40, CORE7.size), np.float32)
    assert mouth_shape(Motion(values, CORE7), EVERYWHERE) is None
    values[:, 0] = 0.0025 * (1 + np.resize([-1, 1], 40))
    shape = mouth_shape(Motion(values, CORE7), EVERYWHERE)
    assert shape is not None
    assert shape[:, 0].std() == pytest.approx(0.5, rel=1e-3)
    assert not shape[:, 1].any()


def test_a_clip_says_why_it_can_not_be_used() -> None:
    rows, motion = related(40, 0)

    def made(rows: np.ndarray, motion: Motion, counted: np.ndarray) -> SyncClip | str:
        return sync_clip(rows, motion, counted, speaker="a", window_frames=13)

    assert made(rows[:12], motion, EVERYWHERE) == "12 frames, a window has 13"
    assert made(rows, motion, ~EVERYWHERE) == "no frame in which the mouth was seen"
    assert made(rows, Motion(np.zeros_like(motion.values), CORE7), EVERYWHERE) == "the mouth doesn't move"
    clip = made(rows[:39], motion, EVERYWHERE)
    assert isinstance(clip, SyncClip)
    assert len(clip) == 39
    with pytest.raises(MotionError, match="one truth value per frame"):
        made(rows, motion, EVERYWHERE[:-1])


def test_sizes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="window_frames=1"):
        SyncNetwork(row_size=3, window_frames=1, hidden_size=8, embedding_size=4, dropout=0.0)
