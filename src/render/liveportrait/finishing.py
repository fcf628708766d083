"""What is done to driven keypoints at the end: retargeting, lip normalisation, stitching, the multiplier."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from src.errors import MotionError, RenderError
from src.render.liveportrait.animation_options import AnimationOptions
from src.render.liveportrait.driving import DrivingFrame
from src.render.liveportrait.heads import Corrector, retargeted, stitched
from src.render.liveportrait.keypoints import FaceMotion

OPEN_LIPS = 0.03
"""Opening of the lips from which on a portrait's lips are closed by lip normalisation."""


class Correctors(NamedTuple):
    """The small networks; None where the weights lack them.

    Attributes:
        stitching: S; without it, keypoints stay as they are.
        eye, lip: R_eye and R_lip.
    """

    stitching: Corrector | None
    eye: Corrector | None
    lip: Corrector | None


@dataclass(frozen=True, eq=False)
class Portrait:
    """A face that is driven: what M and landmarks say about it.

    Attributes:
        motion: B faces, or the frames of a video.
        eye_ratios: (B, 2) openings of the eyes; None: unknown.
        lip_ratio: (B, 1); None: unknown.
    """

    motion: FaceMotion
    eye_ratios: Tensor | None = None
    lip_ratio: Tensor | None = None

    @cached_property
    def keypoints(self) -> Tensor:
        """(B, 21, 3) where the keypoints are, computed once."""
        return self.motion.keypoints


class Finishing:
    """What is done to driven keypoints at the end: retargeting, lip normalisation, stitching, the multiplier.

    Args:
        portrait: B portraits or frames.
        correctors: the small networks.
        options: how to follow.
        corrections: (B, 21, 3) that are added besides; None: none.

    Raises:
        RenderError: the options want openings of eyes or lips, or a network, that aren't there.
    """

    def __init__(
        self,
        portrait: Portrait,
        correctors: Correctors,
        options: AnimationOptions,
        corrections: Tensor | None = None,
    ) -> None:
        self._portrait, self._correctors, self._options = portrait, correctors, options
        self._corrections = corrections
        wants_lips = options.retarget_lips or (options.normalize_lips and options.relative)
        if options.retarget_eyes:
            required("retarget_eyes", portrait.eye_ratios, correctors.eye)
        if wants_lips:
            required("retarget_lips or normalize_lips", portrait.lip_ratio, correctors.lip)
        if options.normalize_lips and options.relative and not options.retargets:
            closing = closing_of_lips(portrait, correctors)
            self._corrections = closing if corrections is None else closing + corrections

    def __call__(self, driven: Tensor, frame: DrivingFrame) -> Tensor:
        """(B, 21, 3) -> (B, 21, 3)."""
        source, options = self._portrait.keypoints, self._options
        if options.retargets:
            x = source if options.relative else driven
            x = self._stitched(x + self._retargeting(frame))
        else:
            x = self._stitched(driven)
            if self._corrections is not None:
                x = x + self._corrections
        return source + (x - source) * options.multiplier

    def _stitched(self, driven: Tensor) -> Tensor:
        if not self._options.stitching or self._correctors.stitching is None:
            return driven
        return stitched(self._correctors.stitching, self._portrait.keypoints, driven)

    def _retargeting(self, frame: DrivingFrame) -> Tensor:
        """Moves of the keypoints towards the driver's openings."""
        source = self._portrait.keypoints
        moves = torch.zeros_like(source)
        if self._options.retarget_eyes:
            ours, network = required("retarget_eyes", self._portrait.eye_ratios, self._correctors.eye)
            if frame.eye_ratios is None:
                raise MotionError("animation: the driver has no openings of the eyes. Set retarget_eyes=false.")
            # The network was trained with one wanted opening; the official program takes that of the left eye.
            wanted = frame.eye_ratios[:, :1].expand(len(source), 1)
            moves = moves + retargeted(network, source, torch.cat([ours, wanted], dim=1))
        if self._options.retarget_lips:
            ours, network = required("retarget_lips", self._portrait.lip_ratio, self._correctors.lip)
            if frame.lip_ratio is None:
                raise MotionError("animation: the driver has no openings of the lips. Set retarget_lips=false.")
            wanted = frame.lip_ratio.expand(len(source), 1)
            moves = moves + retargeted(network, source, torch.cat([ours, wanted], dim=1))
        return moves


def closing_of_lips(portrait: Portrait, correctors: Correctors) -> Tensor:
    """(B, 21, 3) moves that close the lips of portraits with an open mouth; 0 for the others."""
    ratio, network = required("normalize_lips", portrait.lip_ratio, correctors.lip)
    closing = retargeted(network, portrait.keypoints, torch.cat([ratio, torch.zeros_like(ratio)], dim=1))
    return torch.where(ratio[..., None] >= OPEN_LIPS, closing, torch.zeros_like(closing))


def required(option: str, ratios: Tensor | None, network: Corrector | None) -> tuple[Tensor, Corrector]:
    """Both, or a `RenderError` that names the option which wants them."""
    if ratios is None:
        raise RenderError(
            f"animation: {option} needs openings of the portrait, from landmarks. Give them or set it off."
        )
    if network is None:
        raise RenderError(f"animation: {option} needs the retargeting networks. Give their weights or set it off.")
    return ratios, network
