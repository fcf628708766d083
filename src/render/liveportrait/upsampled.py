"""A 3x3 convolution over a map that was enlarged by repeating its pixels, without enlarging it.

Most of the nine pixels under the kernel are then copies of each other: their weights can be summed beforehand. Which
fall together depends on where in its copies a pixel lies (its phase), so each phase has a smaller kernel of its own.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class UpsampledConv(nn.Module):
    """What a convolution gives of a map, or of the slices of a volume, enlarged by repetition."""

    def __init__(self, weight: Tensor, bias: Tensor, factor: int) -> None:
        """Sum the weights of each phase.

        Args:
            weight: (C', C, 3, 3), or (C', C, 3, 3, 3) of which the depth is not enlarged; of a padding of 1.
            bias: (C',).
            factor: of height and width, 2 or more.
        """
        super().__init__()
        self.factor, self.depth = factor, weight.ndim == 5
        self.register_buffer("bias", bias)
        for row, column in self._phases():
            summed = _summed(_summed(weight, row, factor, axis=-2), column, factor, axis=-1)
            self.register_buffer(f"weight_{row}_{column}", summed.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', factor H, factor W), or the same with a depth before H."""
        height, width = x.shape[-2:]
        padded = functional.pad(x, (1, 1, 1, 1, *((1, 1) if self.depth else ())))
        conv = functional.conv3d if self.depth else functional.conv2d
        rows: dict[int, list[Tensor]] = {}
        for row, column in self._phases():
            weight = self.get_buffer(f"weight_{row}_{column}")
            top, left = _first(row), _first(column)
            seen = padded[..., top : top + height + weight.shape[-2] - 1, left : left + width + weight.shape[-1] - 1]
            rows.setdefault(row, []).append(conv(seen, weight, self.get_buffer("bias")).movedim(1, -1))
        # Channels last: whole pixels are put between pixels, and the convolutions that follow like it.
        wide = [torch.stack(self._repeated(columns), dim=-2).flatten(-3, -2) for columns in rows.values()]
        return torch.stack(self._repeated(wide), dim=-3).flatten(-4, -3).movedim(-1, 1)

    def _phases(self) -> list[tuple[int, int]]:
        """Row and column of the phases that differ: the first, the inner ones as one, the last."""
        different = (0, self.factor - 1) if self.factor == 2 else (0, 1, self.factor - 1)
        return [(row, column) for row in different for column in different]

    def _repeated(self, different: list[Tensor]) -> list[Tensor]:
        """All phases of those that differ."""
        inner = [different[1]] * (self.factor - 2)
        return [different[0], *inner, different[-1]]


def _summed(weight: Tensor, phase: int, factor: int, axis: int) -> Tensor:
    """Weights along one axis, added where their pixels are copies."""
    before, here, after = weight.split(1, dim=axis)
    if phase == 0:
        return torch.cat([before, here + after], dim=axis)
    if phase == factor - 1:
        return torch.cat([before + here, after], dim=axis)
    return before + here + after


def _first(phase: int) -> int:
    """Of the pixels under the kernel, in a map with a border of one."""
    return 0 if phase == 0 else 1
