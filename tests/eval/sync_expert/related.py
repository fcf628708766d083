"""Sound and mouths with a known relation: the mouth opens with the level and widens with the tilt of the spectrum."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from src.eval.sync_expert.clips import SyncClip, sync_clip
from src.eval.sync_expert.network import SyncNetwork
from src.eval.sync_expert.training import SyncTraining
from src.motion import CORE7, Motion

ROW_SIZE = 16
TRAINING = {
    "piece_frames": 40, "batch_size": 8, "steps_per_epoch": 25, "max_epochs": 3, "patience": 3, "learning_rate": 5e-3,
    "weight_decay": 0.01, "temperature": 0.1, "near_frames": 1, "noise": 0.1,
}  # fmt: skip


def related(frames: int, seed: int) -> tuple[np.ndarray, Motion]:
    """(T, 16) rows and the motion of a clip."""
    random = np.random.default_rng(seed)
    opening, width = gaussian_filter1d(random.normal(size=(2, frames)), 1.5, axis=1)
    rows = -4 + 3 * opening[:, None] + 3 * width[:, None] * np.linspace(-1, 1, ROW_SIZE)
    values = np.zeros((frames, CORE7.size), np.float32)
    values[:, 0] = np.clip(0.15 + 0.1 * opening, 0, 0.5)
    values[:, 1], values[:, 2] = np.maximum(0.05 * width, 0), np.maximum(-0.05 * width, 0)
    noise = 0.3 * random.normal(size=rows.shape)
    return (rows + noise).astype(np.float32), Motion(values, CORE7)


def clip(frames: int, seed: int, speaker: str = "a") -> SyncClip:
    """The same as a clip."""
    rows, motion = related(frames, seed)
    made = sync_clip(rows, motion, np.ones(frames, bool), speaker=speaker, window_frames=9)
    assert isinstance(made, SyncClip)
    return made


def small_network(seed: int = 0) -> SyncNetwork:
    """Untrained."""
    torch.manual_seed(seed)
    return SyncNetwork(row_size=ROW_SIZE, window_frames=9, hidden_size=16, embedding_size=16, dropout=0.0)


def trained(
    train: Sequence[SyncClip], val: Sequence[SyncClip], seed: int = 0, **settings: float
) -> tuple[SyncNetwork, list]:
    """A small network that learned, and its curves of the validation clips."""
    network = small_network(seed)
    curves = SyncTraining(**{**TRAINING, **settings}).fit(network, train, val, seed=seed, callbacks=[])
    return network, curves
