"""Random poses and expressions of portraits, to show a student what its teacher does.

All follow from a generator of random numbers: the same one gives the same keypoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from src.errors import ConfigError
from src.render.liveportrait.finishing import Correctors, Portrait, required
from src.render.liveportrait.heads import retargeted, stitched
from src.render.liveportrait.keypoints import FaceMotion, rotation_of


@dataclass(frozen=True, kw_only=True)
class MotionRanges:
    """How far random motion goes; every value is drawn evenly from its range.

    Attributes:
        yaw_degrees, pitch_degrees, roll_degrees: largest turn to either side, added to the portrait's own pose.
        expression: largest move of a keypoint along each axis, in the cube's units before the portrait's scale.
        borrowed: largest share of the way from the portrait's expression to that of another one.
        scale: largest change of size, as a share.
        shift: largest shift to either side, and up or down.
        lips, eyes: largest wanted opening over width; the smallest is 0.
    """

    yaw_degrees: float
    pitch_degrees: float
    roll_degrees: float
    expression: float
    borrowed: float
    scale: float
    shift: float
    lips: float
    eyes: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ConfigError(f"motion.{field.name}={value}: expected a finite number of 0 or more.")
        if self.scale >= 1:
            raise ConfigError(f"motion.scale={self.scale}: expected less than 1, or faces could vanish.")


class RandomMotion:
    """Draws portraits and driven keypoints of them.

    Args:
        portraits: one each, with the openings of their eyes and lips.
        correctors: the teacher's small networks; all three.
        ranges: how far motion goes.

    Raises:
        RenderError: openings or a network are missing.
    """

    def __init__(self, portraits: Sequence[Portrait], correctors: Correctors, ranges: MotionRanges) -> None:
        self._ranges, self._stitching = ranges, correctors.stitching
        checked = [
            (
                required("motion.eyes", one.eye_ratios, correctors.eye),
                required("motion.lips", one.lip_ratio, correctors.lip),
            )
            for one in portraits
        ]
        self._eyes = torch.cat([eyes for (eyes, _), _ in checked])
        self._lips = torch.cat([lips for _, (lips, _) in checked])
        self._eye_network, self._lip_network = checked[0][0][1], checked[0][1][1]
        self._motion = FaceMotion(*(torch.cat(parts) for parts in zip(*(one.motion for one in portraits), strict=True)))
        self.keypoints = self._motion.keypoints
        """(N, 21, 3) of the portraits as they are."""

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Portraits and keypoints.

        Args:
            count: B, how many.
            generator: on the CPU, so that every device sees the same.

        Returns:
            (B,) indices of portraits, and (B, 21, 3) driven keypoints, stitched if there is a network for it.
        """
        device, ranges = self.keypoints.device, self._ranges
        index = torch.randint(len(self.keypoints), (count,), generator=generator)
        other = torch.randint(len(self.keypoints), (count,), generator=generator)
        index, other = index.to(device), other.to(device)

        def even(largest: float, *shape: int) -> Tensor:
            """In [-largest, largest)."""
            return (largest * (2 * torch.rand(count, *shape, generator=generator) - 1)).to(device)

        pitch, yaw, roll = even(ranges.pitch_degrees, 1), even(ranges.yaw_degrees, 1), even(ranges.roll_degrees, 1)
        own = FaceMotion(*(part[index] for part in self._motion))
        borrowed = even(ranges.borrowed, 1, 1).abs() * (self._motion.exp[other] - own.exp)
        moves = even(ranges.expression, *own.exp.shape[1:])
        driven = own._replace(
            rotation=rotation_of(pitch, yaw, roll) @ own.rotation,
            exp=own.exp + borrowed + moves,
            scale=own.scale * (1 + even(ranges.scale, 1)),
            t=own.t + even(ranges.shift, 3),
        ).keypoints
        source, eyes, lips = self.keypoints[index], self._eyes[index], self._lips[index]
        wanted_eyes, wanted_lips = even(ranges.eyes, 1).abs(), even(ranges.lips, 1).abs()
        driven = driven + retargeted(self._eye_network, source, torch.cat([eyes, wanted_eyes], dim=1))
        driven = driven + retargeted(self._lip_network, source, torch.cat([lips, wanted_lips], dim=1))
        return index, driven if self._stitching is None else stitched(self._stitching, source, driven)
