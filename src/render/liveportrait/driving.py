"""What drives a portrait: the motion of another face, frame by frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.errors import MotionError
from src.render.liveportrait.keypoint_sets import NUM_KEYPOINTS
from src.render.liveportrait.keypoints import FaceMotion, motion_of
from src.render.liveportrait.pictures import Picture, network_input
from src.render.liveportrait.ratios import eye_ratios, lip_ratios

Array = NDArray[np.float32]

_POINTS = (NUM_KEYPOINTS, 3)
SHAPES: Mapping[str, tuple[int, ...]] = {
    "rotation": (3, 3),
    "exp": _POINTS,
    "scale": (1,),
    "t": (3,),
    "eye_ratios": (2,),
    "lip_ratios": (1,),
    "kp": _POINTS,
    "keypoints": _POINTS,
}
"""Of one frame of a template."""
OPTIONAL = ("eye_ratios", "lip_ratios", "kp", "keypoints")


class DrivingFrame(NamedTuple):
    """A driving face at one moment; B is 1, or the number of portraits that are driven at once.

    Attributes:
        rotation: (B, 3, 3), on the right of row vectors.
        exp: (B, 21, 3) expression.
        scale: (B, 1).
        t: (B, 3).
        eye_ratios: (B, 2) openings of the left and the right eye; None: unknown.
        lip_ratio: (B, 1); None: unknown.
    """

    rotation: Tensor
    exp: Tensor
    scale: Tensor
    t: Tensor
    eye_ratios: Tensor | None = None
    lip_ratio: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionTemplate:
    """The motion of a face over T frames, in the terms of LivePortrait.

    Attributes:
        fps: frames per second.
        rotation: (T, 3, 3), on the right of row vectors.
        exp: (T, 21, 3) expression.
        scale: (T, 1), above 0.
        t: (T, 3).
        eye_ratios: (T, 2) openings of the left and the right eye; None: unknown.
        lip_ratios: (T, 1); None: unknown.
        kp, keypoints: (T, 21, 3) canonical and full keypoints of the face itself. Driving doesn't need them.

    Raises:
        MotionError: shapes that don't fit together, NaN, infinity, a scale that isn't above 0.
    """

    fps: float
    rotation: Array
    exp: Array
    scale: Array
    t: Array
    eye_ratios: Array | None = None
    lip_ratios: Array | None = None
    kp: Array | None = None
    keypoints: Array | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"template: fps is {self.fps}, expected a number above 0")
        if self.num_frames == 0:
            raise MotionError("template: it has no frames")
        for name, shape in SHAPES.items():
            values = getattr(self, name)
            if values is None and name in OPTIONAL:
                continue
            expected = (self.num_frames, *shape)
            if values.shape != expected:
                raise MotionError(f"template: {name} is {values.shape}, expected {expected}")
            broken = np.flatnonzero(~np.isfinite(values).reshape(self.num_frames, -1).all(axis=1))
            if len(broken):
                raise MotionError(f"template: NaN or infinity in {name} of frame {broken[0]}")
        if not (self.scale > 0).all():
            raise MotionError(f"template: scale is {self.scale.min():g} at its lowest, expected above 0")

    @property
    def num_frames(self) -> int:
        """One: a single picture is the driver."""
        return len(self.rotation)

    def frames(self, device: str | torch.device = "cpu") -> DrivingFrame:
        """All of them: T is in the place of B."""
        given = {name: getattr(self, ours) for name, ours in _FRAME_FIELDS.items()}
        tensors = {name: torch.from_numpy(values).to(device) for name, values in given.items() if values is not None}
        return DrivingFrame(**tensors)

    def frame(self, index: int, device: str | torch.device = "cpu") -> DrivingFrame:
        """One of them: B is 1."""
        return frame_of(self.frames(device), index)


_FRAME_FIELDS = {
    "rotation": "rotation",
    "exp": "exp",
    "scale": "scale",
    "t": "t",
    "eye_ratios": "eye_ratios",
    "lip_ratio": "lip_ratios",
}


def frame_of(frames: DrivingFrame, index: int) -> DrivingFrame:
    """One of several frames: B is 1."""
    return DrivingFrame(*(None if values is None else values[index : index + 1] for values in frames))  # type: ignore[arg-type]


@torch.no_grad()
def template_of_images(
    extractor: nn.Module, images: Sequence[Picture], fps: float, landmarks: NDArray[np.floating] | None = None
) -> MotionTemplate:
    """The motion of a face in pictures.

    Args:
        extractor: M, on any device.
        images: (H, W, 3) RGB each, cut around the face alike.
        fps: frames per second.
        landmarks: (T, 203, 2) of the face; None: the openings of eyes and lips stay unknown.

    Raises:
        MotionError: no pictures, or the network finds NaN in them.
        RenderError: a picture is none, or the landmarks are others.
    """
    device = next(extractor.parameters()).device
    motions = [motion_of(extractor(network_input(image).to(device))) for image in images]
    if not motions:
        raise MotionError("template: no pictures to make one from")
    whole = FaceMotion(*(torch.cat(parts) for parts in zip(*motions, strict=True)))
    if landmarks is not None and len(landmarks) != len(images):
        raise MotionError(f"template: landmarks of {len(landmarks)} frames for {len(images)} pictures")
    return MotionTemplate(
        fps=fps,
        rotation=_array(whole.rotation),
        exp=_array(whole.exp),
        scale=_array(whole.scale),
        t=_array(whole.t),
        kp=_array(whole.kp),
        keypoints=_array(whole.keypoints),
        eye_ratios=None if landmarks is None else eye_ratios(landmarks),
        lip_ratios=None if landmarks is None else lip_ratios(landmarks),
    )


def _array(values: Tensor) -> Array:
    return values.float().cpu().numpy()
