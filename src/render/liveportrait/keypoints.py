"""Pose and keypoints: what the heads of M say -> 21 points in the cube [-1, 1]^3.

Axes: x right, y down, z into the picture. Keypoints are row vectors: a rotation stands on their right.
"""

from typing import NamedTuple

import torch
from torch import Tensor

BIN_DEGREES, OFFSET_DEGREES = 3.0, 97.5


class RawMotion(NamedTuple):
    """What the heads of M say: (B, 66) logits of the angles, (B, 3), (B, 63), (B, 1) and (B, 63)."""

    pitch: Tensor
    yaw: Tensor
    roll: Tensor
    t: Tensor
    exp: Tensor
    scale: Tensor
    kp: Tensor


class FaceMotion(NamedTuple):
    """A face in the terms of LivePortrait.

    Attributes:
        kp: (B, 21, 3) canonical keypoints.
        rotation: (B, 3, 3), on the right of row vectors.
        exp: (B, 21, 3) expression, added to rotated keypoints.
        scale: (B, 1).
        t: (B, 3) translation; its z is never used.
    """

    kp: Tensor
    rotation: Tensor
    exp: Tensor
    scale: Tensor
    t: Tensor

    @property
    def keypoints(self) -> Tensor:
        """(B, 21, 3) where the keypoints are."""
        moved = self.scale[..., None] * (self.kp @ self.rotation + self.exp)
        return moved + torch.nn.functional.pad(self.t[:, :2], (0, 1))[:, None]


def degrees_of(logits: Tensor) -> Tensor:
    """(B, 66) logits of angle bins -> (B, 1) degrees."""
    bins = torch.arange(logits.shape[1], dtype=logits.dtype, device=logits.device)
    return BIN_DEGREES * (logits.softmax(dim=1) * bins).sum(dim=1, keepdim=True) - OFFSET_DEGREES


def rotation_of(pitch: Tensor, yaw: Tensor, roll: Tensor) -> Tensor:
    """(B, 1) degrees each -> (B, 3, 3), the transpose of Rz Ry Rx."""
    angles = torch.stack([pitch, yaw, roll])[..., 0] * (torch.pi / 180)
    (cx, cy, cz), (sx, sy, sz) = angles.cos(), angles.sin()
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    about_x = torch.stack([one, zero, zero, zero, cx, -sx, zero, sx, cx], dim=1).view(-1, 3, 3)
    about_y = torch.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], dim=1).view(-1, 3, 3)
    about_z = torch.stack([cz, -sz, zero, sz, cz, zero, zero, zero, one], dim=1).view(-1, 3, 3)
    return (about_z @ about_y @ about_x).mT


def motion_of(raw: RawMotion) -> FaceMotion:
    """What M says, in angles and points."""
    angles = (degrees_of(raw.pitch), degrees_of(raw.yaw), degrees_of(raw.roll))
    kp, exp = raw.kp.unflatten(1, (-1, 3)), raw.exp.unflatten(1, (-1, 3))
    return FaceMotion(kp, rotation_of(*angles), exp, raw.scale, raw.t)
