"""Changes of the clock: sound against motion, and both together.

Frames whose new sound or motion would come from outside of a window count for nothing.
"""

import torch
from torch import Tensor

from src.data.augment import Augmentation, Setting, uniform
from src.data.windows import Windows
from src.errors import ConfigError


class TimeShift(Augmentation):
    """The sound some milliseconds earlier or later than the motion, by any fraction of a frame.

    This is jitter of the labels: no sound tells it, so it is never learned, but a network trained with it is
    less sure of the moment and moves more smoothly. Keep it below the error of the labels' own alignment.
    """

    needs_log_mel = False

    def __init__(self, *, max_ms: float) -> None:
        """max_ms: largest shift, both signs."""
        if not 0.0 <= max_ms <= 200.0:
            raise ConfigError(f"augmentation TimeShift: max_ms is {max_ms}, expected 0 to 200. Correct it.")
        self._max_s = max_ms / 1000.0

    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """See `Augmentation.apply`."""
        shift = uniform(len(windows.hops), -self._max_s, self._max_s, generator)[:, 0] / setting.hop_s  # (B, 1) hops
        positions = torch.arange(windows.hops.shape[1]) + shift
        # Rows at either edge that hear something from outside.
        rows = (shift[:, 0].abs() / setting.hops_per_frame).ceil().long()
        late, early = rows * (shift[:, 0] < 0), rows * (shift[:, 0] > 0)
        frames = windows.valid.shape[1]
        is_cut = windows.known <= frames
        return windows._replace(
            hops=_sampled(windows.hops, positions, setting.silence),
            first=torch.where(windows.first > 0, windows.first + late, windows.first),
            known=torch.where(is_cut, windows.known - early, windows.known),
        )


class Speed(Augmentation):
    """Faster or slower speech: sound and motion resampled in time together, at the same pitch.

    Velocities grow with the speed, as a face that speaks faster moves faster.
    """

    needs_log_mel = False

    def __init__(self, *, slowest: float, fastest: float) -> None:
        """Range of the speed; 1 is as it was."""
        if not 0.5 <= slowest <= fastest <= 2.0:
            raise ConfigError(
                f"augmentation Speed: slowest {slowest} and fastest {fastest}; expected 0.5 <= slowest <= fastest "
                "<= 2. Set them to e.g. 0.9 and 1.1."
            )
        self._slowest, self._fastest = slowest, fastest

    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """See `Augmentation.apply`."""
        speed = uniform(len(windows.hops), self._slowest, self._fastest, generator)[:, 0]  # (B, 1)
        frames = windows.valid.shape[1]
        # Time 0 is that of frame 0, which some of its hops precede.
        before = setting.hops_before_frame
        hops = (before + speed * (torch.arange(windows.hops.shape[1]) - before)).clamp(min=0)
        moments = speed * torch.arange(frames)
        inside = moments <= frames - 1
        below = moments.floor().long().clamp(max=frames - 1)
        above = (below + 1).clamp(max=frames - 1)
        valid = windows.valid.gather(1, below) & (windows.valid.gather(1, above) | (moments == below)) & inside
        # Slower: the window's end now cuts sound off. Faster: only rows whose last hop lies before a former cut.
        per_frame = setting.hops_per_frame
        last = (per_frame * windows.known - 1 - before) / speed[:, 0]
        reached = ((last + 1 + before) / per_frame).floor().long()
        is_cut = windows.known <= frames
        slower = speed[:, 0] < 1
        return Windows(
            hops=_sampled(windows.hops, hops, setting.silence),
            motion=_sampled(windows.motion, moments, windows.motion.new_zeros(windows.motion.shape[2])),
            valid=valid,
            first=windows.first,
            known=torch.where(slower, windows.known.clamp(max=frames), torch.where(is_cut, reached, windows.known)),
        )


def _sampled(values: Tensor, positions: Tensor, outside: Tensor) -> Tensor:
    """Rows of values (B, N, F) at positions (B, M) between them; `outside` (F,) where there are none."""
    last = values.shape[1] - 1
    below = positions.floor().long()
    weight = (positions - below)[:, :, None]

    def rows(index: Tensor) -> Tensor:
        found = values.gather(1, index.clamp(0, last)[:, :, None].expand(-1, -1, values.shape[2]))
        return torch.where(((index >= 0) & (index <= last))[:, :, None], found, outside)

    # Exact at whole positions, also beside the edge.
    return torch.where(weight == 0, rows(below), torch.lerp(rows(below), rows(below + 1), weight))
