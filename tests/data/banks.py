"""Frame banks made in the test."""

from pathlib import Path

import numpy as np

from src.data.frame_bank import FrameBank
from src.data.windows import Spans


def counting_bank(*lengths: int, row_size: int = 3) -> FrameBank:
    """Features and motion that count the frames of each clip; every seventh frame is not valid."""
    frames = np.concatenate([np.arange(length) for length in lengths])
    ramp = frames.astype(np.float32)[:, None]
    valid = frames % 7 != 3
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FrameBank(
        folder=Path(),
        offsets=offsets,
        features=np.repeat(ramp, row_size, axis=1),
        motion=np.repeat(ramp, 2, axis=1),
        valid=valid,
        valid_frames=np.add.reduceat(valid.astype(np.int64), offsets[:-1]),
        motion_sums=np.zeros((len(lengths), 2, 2)),
    )


def all_of(bank: FrameBank) -> Spans:
    """Every clip, whole."""
    clips = np.arange(len(bank.offsets) - 1)
    names = [f"clip{clip}" for clip in clips]
    return Spans(names, names, clips, bank.offsets[:-1], np.diff(bank.offsets))
