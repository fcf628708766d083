"""Motion frames in, driven keypoints of a portrait out: our vocabulary in the terms of LivePortrait.

* Head: yaw, pitch and roll are added to those of the photo, as the official editor does. LivePortrait's axes are those
  of `src.motion` (x right, y down, z into the picture) and its angles right-handed turns about them, so looking up and
  turning left have the other sign there.
* Jaw: R_lip opens the lips to the wanted gap (`src.render.liveportrait.openings`). Lips of a photo that are less apart
  than `lip_threshold` count as closed and open from where they are; others are closed first, so 0 is always closed.
* Lids: R_eye brings the eyes to their own opening times (1 - blink). It knows one wanted opening for both eyes; where
  `arkit55` asks for two, each eye's keypoints take the moves for its own, and those of the face the mean.
* All else: offsets of the expression (`src.render.liveportrait.offsets`).
* Stitching, then the factor of all motion.

What a network adds for the photo's own openings is subtracted, and so is what stitching does to the photo itself:
networks are never quite exact, and a face at rest is to be the photo.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, Motion, MotionSpec, core7_of, head_angles
from src.render.liveportrait.finishing import Correctors, Portrait, required
from src.render.liveportrait.heads import Corrector, retargeted, stitched
from src.render.liveportrait.keypoints import FaceMotion, rotation_of
from src.render.liveportrait.offsets import expression_offsets
from src.render.liveportrait.openings import LARGEST_RATIO
from src.render.liveportrait.settings import Settings

_LIDS = {"eyeBlink": -1.8, "eyeSquint": -0.35, "eyeWide": 0.35}
"""What shapes of a side add to the opening of its eye, as a share of the photo's: blinks as in `core7_of`, because
MediaPipe scores a shut lid at little more than a half; the others by eye."""
_EYE, _OTHER_EYE = (11, 13), (15, 16)
"""Keypoints of the two eyes. Which of them is on which side of the picture the photo's own keypoints tell."""


class Puppet:
    """Keypoints of one portrait, for frames of `core7` or `arkit55`.

    Args:
        portrait: one, with the openings of its eyes and lips.
        lips_per_jaw: ratio of its lips when they are one face size apart, of `Openings`.
        correctors: the small networks; all of them.
        settings: of the portrait.

    Raises:
        RenderError: an opening or a network is missing.
    """

    def __init__(self, portrait: Portrait, lips_per_jaw: float, correctors: Correctors, settings: Settings) -> None:
        self.portrait, self._settings, self._lips_per_jaw = portrait, settings, lips_per_jaw
        self._eyes, self._eye_network = required("the lids", portrait.eye_ratios, correctors.eye)
        self._lips, self._lip_network = required("the jaw", portrait.lip_ratio, correctors.lip)
        self._stitching = correctors.stitching if settings.stitching else None
        source, device = portrait.keypoints, portrait.keypoints.device
        turned = head_angles(portrait.motion.rotation[0].mT.double().cpu().numpy())
        self._angles = torch.tensor(turned, dtype=source.dtype, device=device)
        self._closed = torch.where(self._lips < settings.lip_threshold, self._lips, torch.zeros_like(self._lips))
        self._open_eyes = self._eyes.mean(dim=1, keepdim=True)
        self._lip_rest = retargeted(self._lip_network, source, torch.cat([self._lips, self._lips], dim=1))
        self._eye_rest = retargeted(self._eye_network, source, torch.cat([self._eyes, self._open_eyes], dim=1))
        self._stitch_rest = self._stitch(source) - source
        self._specs = {spec.size: _Reading(spec, source) for spec in (CORE7, ARKIT55)}
        # (2, 21, 1) how much of the moves for the left and the right eye of the picture a keypoint takes.
        left, right = (_EYE, _OTHER_EYE) if self._is_left(_EYE, _OTHER_EYE) else (_OTHER_EYE, _EYE)
        self._sides = torch.full((2, source.shape[1], 1), 0.5, device=device)
        for side, own in enumerate((left, right)):
            self._sides[:, list(own)] = 0
            self._sides[side, list(own)] = 1

    def keypoints(self, frames: Tensor) -> Tensor:
        """Driven keypoints, for W; all on the device, without looking at values.

        Args:
            frames: (B, 7) of `core7` or (B, 55) of `arkit55`; values outside their ranges are clamped.

        Returns:
            (B, 21, 3).

        Raises:
            RenderError: frames of another number of values.
        """
        if frames.ndim != 2 or frames.shape[1] not in self._specs:
            expected = " or ".join(f"{spec.size} of {spec.name}" for spec in (CORE7, ARKIT55))
            raise RenderError(
                f"motion frames of shape {tuple(frames.shape)} can't be rendered, expected {expected} values each. "
                "Predict or convert the motion with one of these specs."
            )
        reading = self._specs[frames.shape[1]]
        values = frames.clamp(reading.minimum, reading.maximum)
        source, settings = self.portrait.keypoints, self._settings
        x = self._posed(reading, values).keypoints
        x = x + settings.lips * self._jaw(values @ reading.jaw)
        x = x + settings.eyes * self._lids(1 + values @ reading.lids)
        x = self._stitch(x) - self._stitch_rest
        return source + (x - source) * settings.motion

    def _posed(self, reading: "_Reading", values: Tensor) -> FaceMotion:
        """The photo's face, turned and with another expression."""
        motion = self.portrait.motion
        yaw, pitch, roll = (self._angles + values[:, reading.head]).split(1, dim=1)
        exp = motion.exp + (values @ reading.offsets).unflatten(1, motion.exp.shape[1:])
        return motion._replace(rotation=rotation_of(-pitch, -yaw, roll), exp=exp)

    def _jaw(self, jaw_open: Tensor) -> Tensor:
        """(B, 1) gaps in face sizes -> (B, 21, 3) moves."""
        wanted = (self._closed + jaw_open * self._lips_per_jaw).clamp(max=LARGEST_RATIO)
        return self._retargeted(self._lip_network, self._lips, wanted) - self._lip_rest

    def _lids(self, openness: Tensor) -> Tensor:
        """(B, 2) openings of the left and the right eye of the picture over the photo's -> (B, 21, 3) moves."""
        wanted = (openness.clamp(min=0) * self._open_eyes).clamp(max=LARGEST_RATIO)
        left, right = (self._retargeted(self._eye_network, self._eyes, side) for side in wanted.split(1, dim=1))
        return left * self._sides[0] + right * self._sides[1] - self._eye_rest

    def _retargeted(self, network: Corrector, ratios: Tensor, wanted: Tensor) -> Tensor:
        count = len(wanted)
        source = self.portrait.keypoints.expand(count, -1, -1)
        return retargeted(network, source, torch.cat([ratios.expand(count, -1), wanted], dim=1))

    def _stitch(self, driven: Tensor) -> Tensor:
        if self._stitching is None:
            return driven
        return stitched(self._stitching, self.portrait.keypoints.expand_as(driven), driven)

    def _is_left(self, eye: tuple[int, ...], other: tuple[int, ...]) -> bool:
        x = self.portrait.keypoints[0, :, 0]
        return bool(x[list(eye)].mean() <= x[list(other)].mean())


class _Reading:
    """Where a vocabulary says what, as matrices on the device.

    Attributes:
        minimum, maximum: (F,) ranges.
        head: yaw, pitch and roll, which stand side by side.
        offsets: (F, 63) of the expression.
        jaw: (F, 1) to `jaw_open`.
        lids: (F, 2) to what is added to the opening of the left and the right eye of the picture.
    """

    def __init__(self, spec: MotionSpec, like: Tensor) -> None:
        jaw, lids = (_core7_rows if spec is CORE7 else _arkit_rows)(spec)
        parts = (spec.minimum, spec.maximum, expression_offsets(spec), jaw, lids)
        self.minimum, self.maximum, self.offsets, self.jaw, self.lids = (
            torch.as_tensor(part, dtype=like.dtype, device=like.device) for part in parts
        )
        first, *_, last = (spec.index(f"head_{angle}") for angle in ("yaw", "pitch", "roll"))
        self.head = slice(first, last + 1)


def _core7_rows(spec: MotionSpec) -> tuple[Tensor, Tensor]:
    return _rows(spec, {"jaw_open": (1.0,)}, 1), _rows(spec, {"eye_blink": (-1.0, -1.0)}, 2)


def _arkit_rows(spec: MotionSpec) -> tuple[Tensor, Tensor]:
    # A tenth of each shape: no channel of `core7` reaches the end of its range.
    projected = core7_of(Motion(0.1 * np.eye(spec.size, dtype=np.float32), spec)).channel("jaw_open")
    lids: dict[str, tuple[float, ...]] = {}
    for name, share in _LIDS.items():
        # The person's right eye is on the left of the picture.
        lids |= {f"{name}Right": (share, 0.0), f"{name}Left": (0.0, share)}
    return torch.from_numpy(10 * projected[:, None]), _rows(spec, lids, 2)


def _rows(spec: MotionSpec, entries: Mapping[str, tuple[float, ...]], width: int) -> Tensor:
    rows = torch.zeros(spec.size, width)
    for name, values in entries.items():
        rows[spec.index(name)] = torch.tensor(values)
    return rows
