"""Keypoints of a portrait that moves as a driving face does.

A `Portrait` is prepared once; an `Animator` gives keypoints for one driving frame after the other, live as well as from
a file. Its first frame is the reference of relative motion. `src.render.liveportrait.video_animation` does the same for
a portrait that is a video itself.
"""

import numpy as np
import torch
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from src.errors import MotionError, RenderError
from src.render.liveportrait.animation_options import AnimationOptions, Friendly, Region
from src.render.liveportrait.driving import DrivingFrame
from src.render.liveportrait.finishing import Correctors, Finishing, Portrait
from src.render.liveportrait.keypoint_sets import CLOSED_LIPS, expression_mask, mask_of
from src.render.liveportrait.keypoints import FaceMotion


class Animator:
    """Driving frames in, keypoints of a portrait out, one by one.

    Args:
        portrait: B portraits.
        correctors: the small networks.
        options: how to follow.
        lone: the driver is a single picture: its expression is measured from closed lips, not from a first frame.

    Raises:
        RenderError: the options want openings of eyes or lips, or a network, that aren't there.
    """

    def __init__(
        self, portrait: Portrait, correctors: Correctors, options: AnimationOptions, *, lone: bool = False
    ) -> None:
        self.portrait = portrait
        self._options, self._lone = options, lone
        self._finish = Finishing(portrait, correctors, options)
        self._closed_lips = torch.from_numpy(CLOSED_LIPS).to(portrait.keypoints)
        self._reference: DrivingFrame | None = None
        self._start: tuple[Tensor, Tensor] | None = None  # keypoints of the first frame, and the sizes' ratio

    def step(self, frame: DrivingFrame) -> Tensor:
        """(B, 21, 3) driven keypoints, for W.

        Raises:
            MotionError: the frame has NaN or infinity, or lacks the openings that the options follow.
        """
        check_frame(frame)
        if self._reference is None:
            self._reference = frame
        driven = self._driven(frame, self._reference).keypoints
        if self._options.relative and self._options.friendly is Friendly.EXPRESSION and not self._lone:
            if self._start is None:
                self._start = driven, size_ratio(self.portrait.keypoints, driven)
            first, ratio = self._start
            driven = self.portrait.keypoints + ratio * (driven - first)
        return self._finish(driven, frame)

    def _driven(self, frame: DrivingFrame, first: DrivingFrame) -> FaceMotion:
        """The portrait in the driver's motion, before keypoints are corrected."""
        source, region = self.portrait.motion, self._options.region
        if self._options.relative:
            rotation = frame.rotation @ first.rotation.mT @ source.rotation
            if not self._lone:
                exp = source.exp + (frame.exp - first.exp)
            elif region is Region.EYES:
                exp = source.exp + frame.exp
            else:
                exp = source.exp + (frame.exp - self._closed_lips)
            taken = exp
            scale = source.scale * (frame.scale / first.scale) if region is Region.ALL else source.scale
            t = source.t + (frame.t - first.t)
        else:
            rotation, exp, scale, t = frame.rotation, frame.exp, source.scale, frame.t
            taken = torch.where(expression_mask(exp.device), exp, source.exp)
        return FaceMotion(
            kp=source.kp,
            rotation=rotation if region.moves_pose else source.rotation,
            exp=expression_in(region, source.exp, exp, taken),
            scale=scale,
            t=t if region.moves_pose else source.t,
        )


def expression_in(region: Region, source: Tensor, exp: Tensor, taken: Tensor) -> Tensor:
    """(B, 21, 3) expression of a portrait of which only a region follows.

    Args:
        region: that follows.
        source: (B, 21, 3) the portrait's own.
        exp: (B, 21, 3) what lips or eyes follow.
        taken: (B, 21, 3) what the whole face follows.
    """
    if region is Region.POSE:
        return source
    if region.keypoints is None:
        return taken.expand_as(source)
    return torch.where(mask_of(region.keypoints, exp.device), exp, source)


def size_ratio(portrait: Tensor, driven: Tensor) -> Tensor:
    """(B, 1, 1) size of faces to that of others: roots of the volumes of the hulls of (B, 21, 3) keypoints.

    Raises:
        RenderError: the keypoints of a face lie in a plane.
    """
    ratios = [_volume(ours) ** 0.5 / _volume(other) ** 0.5 for ours, other in zip(portrait, driven, strict=True)]
    return torch.tensor(ratios, dtype=portrait.dtype, device=portrait.device).view(-1, 1, 1)


def check_frame(frame: DrivingFrame) -> None:
    """Finite numbers, or a `MotionError`."""
    for name, values in frame._asdict().items():
        if values is not None and not values.isfinite().all():
            raise MotionError(f"animation: NaN or infinity in {name} of a driving frame. Leave the frame out.")


def _volume(keypoints: Tensor) -> float:
    try:
        return float(ConvexHull(keypoints.detach().cpu().numpy().astype(np.float64)).volume)
    except (QhullError, ValueError) as error:
        raise RenderError(
            "animation: the keypoints of a face lie in a plane or are no numbers. Use another picture of it."
        ) from error
