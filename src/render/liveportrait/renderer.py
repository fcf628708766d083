"""LivePortrait as a renderer: the face of an avatar drawn by networks, put back into the avatar's picture.

Everything that depends on the avatar alone is done once and stays on the engine's device. A frame is: keypoints
(`src.render.liveportrait.puppet`), W and G, and the drawn face through a soft border into the picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.liveportrait.animation import Animator
from src.render.liveportrait.animation_options import OFFICIAL
from src.render.liveportrait.crop import CROP_PX, Framing, Rectangle, cut_face, face_rectangle, inverse, network_crop
from src.render.liveportrait.driving import MotionTemplate, frame_of
from src.render.liveportrait.engine import Engine
from src.render.liveportrait.finishing import Portrait
from src.render.liveportrait.openings import openings_of
from src.render.liveportrait.paste_mask import CropPaste
from src.render.liveportrait.pictures import Picture, network_input
from src.render.liveportrait.puppet import Puppet
from src.render.liveportrait.settings import Settings, checked, chosen
from src.render.renderer import SquarePictures
from src.render.resizing import resized, scaled

_SOFTEST, _SHARPEST = 0.5, 1.0
"""Pixels of the picture per drawn pixel between which the drawn face is put in by one bilinear step. Outside, it is
brought to the size of the picture first: averaged when it is much smaller there, by Lanczos when it is larger."""


@dataclass(frozen=True, eq=False)
class LivePortraitState:
    """What `LivePortraitRenderer.prepare` knows about an avatar; read only.

    Attributes:
        source: of the engine.
        puppet: gives keypoints.
        settings: of this avatar.
        paste: puts drawn faces into the picture; None: they are the picture.
        face_px: pixels in which `paste` takes them.
    """

    source: Any
    puppet: Puppet
    settings: Settings
    paste: CropPaste | None
    face_px: int


class LivePortraitRenderer(SquarePictures):
    """Renders `core7` and `arkit55` motion on an avatar by LivePortrait's networks.

    Args:
        size: pixels of each side of the pictures; avatars of other sizes are scaled to it. Faces are always drawn with
            512 pixels.
        engine: runs the networks.
        settings: names and values of `src.render.avatar_settings.LivePortraitSettings`; None: what the avatar's package
            says, or else the official value.
        super_resolution: enlarges faces that cover more than 512 pixels; None: Lanczos.
        animation: how motion templates are followed, as fields of `AnimationOptions`; stitching and the factor are
            those of `settings`.

    Raises:
        RenderError: the size can't be.
        ConfigError: a setting can't be.
    """

    def __init__(
        self,
        *,
        size: int,
        engine: Engine,
        settings: Mapping[str, Any],
        animation: Mapping[str, Any],
        super_resolution: Callable[[Picture], Picture] | None = None,
    ) -> None:
        if size <= 0 or size % 2:
            raise RenderError(f"LivePortrait: size {size}, expected an even number of pixels above 0")
        self._size, self._engine, self._settings = size, engine, checked(settings)
        self._animation, self._super_resolution = replace(OFFICIAL, **animation), super_resolution

    @property
    def channels(self) -> int:
        """RGB."""
        return 3

    def prepare(self, avatar: Avatar) -> LivePortraitState:
        """Cut the face out, look at it with F and M, and keep all that W needs; once.

        Raises:
            RenderError: the face can't be cut out.
        """
        settings = chosen(self._settings, avatar.details.renderers)
        avatar, engine = resized(avatar, self._size), self._engine
        rectangle = face_rectangle(avatar.landmarks[:, :2], Framing(settings.crop_scale, settings.crop_shift))
        crop = cut_reflected(avatar.image, rectangle, upright=settings.crop_upright)
        seen = network_input(network_crop(crop)).to(engine.device)
        motion = engine.motion(seen)
        openings = openings_of(avatar.landmarks)
        portrait = Portrait(
            motion,
            torch.tensor([openings.eyes], device=engine.device),
            torch.tensor([[openings.lips]], device=engine.device),
        )
        if not portrait.keypoints.isfinite().all():
            raise RenderError(f"avatar {avatar.name}: the networks find NaN in it. Set render.engine.dtype=float32.")
        paste, face_px = None, self._size
        # Without stitching, shoulders would not meet the picture around.
        if settings.paste_back and settings.stitching:
            paste, face_px = _paste(avatar.image, rectangle, upright=settings.crop_upright)
        return LivePortraitState(
            source=engine.prepare(engine.appearance(seen), portrait.keypoints),
            puppet=Puppet(portrait, openings.lips_per_jaw, engine.correctors, settings),
            settings=settings,
            paste=paste,
            face_px=face_px,
        )

    def render(self, state: LivePortraitState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The picture of one motion frame; see `Renderer.render`."""
        return self.render_batch(state, np.asarray(frame, np.float32)[None])[0]

    @torch.no_grad()
    def render_batch(self, state: LivePortraitState, frames: ArrayLike) -> NDArray[np.uint8]:
        """Pictures of several motion frames at once, which GPUs like.

        Args:
            state: from `prepare`.
            frames: (B, 7) values of `core7` or (B, 55) of `arkit55`; values outside their ranges are clamped.

        Returns:
            (B, size, size, 3) uint8 RGB, owned by the caller.

        Raises:
            RenderError: the frames have another number of values or are not finite.
        """
        values = np.asarray(frames, np.float32)
        if not np.isfinite(values).all():
            raise RenderError(
                "motion frame with NaN or infinity can't be rendered. Fill unknown values, or leave the frame out."
            )
        return self._drawn(state, state.puppet.keypoints(torch.from_numpy(values).to(self._engine.device)))

    def follow(self, state: LivePortraitState, template: MotionTemplate) -> Callable[[int], NDArray[np.uint8]]:
        """What draws the frames of a motion template on an avatar: index -> (size, size, 3) RGB, in any order.

        Raises:
            RenderError: an option wants what the template doesn't have.
        """
        options = replace(self._animation, stitching=state.settings.stitching, multiplier=state.settings.motion)
        animator = Animator(state.puppet.portrait, self._engine.correctors, options, lone=template.num_frames == 1)
        frames = template.frames(self._engine.device)

        @torch.no_grad()
        def draw(index: int) -> NDArray[np.uint8]:
            return self._drawn(state, animator.step(frame_of(frames, index)))[0]

        with torch.no_grad():
            # What is stepped first is the reference of relative motion.
            animator.step(frame_of(frames, 0))
        return draw

    def _drawn(self, state: LivePortraitState, keypoints: Tensor) -> NDArray[np.uint8]:
        faces = self._engine.draw(state.source, keypoints).cpu().numpy()
        return np.stack([self._shown(state, face) for face in faces])

    def _shown(self, state: LivePortraitState, face: Picture) -> Picture:
        """A drawn face as the picture that is shown."""
        if self._super_resolution is not None and state.face_px > len(face):
            face = self._super_resolution(face)
        face = scaled(face, state.face_px)
        if state.paste is None:
            return face
        picture = state.paste.start()
        state.paste.paste(face, picture)
        return picture


def cut_reflected(image: Picture, rectangle: Rectangle, *, upright: bool) -> Picture:
    """The face, with the picture continued by reflection as avatars are: beyond black, the edge would be drawn dark."""
    # No further than the picture is wide: a face beside it is no face in it.
    beyond = min(round(rectangle.side / 2), image.shape[0] - 1)
    wide = np.asarray(cv2.copyMakeBorder(image, beyond, beyond, beyond, beyond, cv2.BORDER_REFLECT_101), np.uint8)
    moved = Rectangle(rectangle.centre + beyond, rectangle.side, rectangle.angle_rad)
    return cut_face(wide, moved, upright=upright).image


def _paste(image: Picture, rectangle: Rectangle, *, upright: bool) -> tuple[CropPaste, int]:
    """What puts drawn faces into a picture, and the pixels in which it takes them."""
    shown_px = rectangle.side / CROP_PX
    face_px = CROP_PX if _SOFTEST <= shown_px <= _SHARPEST else round(rectangle.side)
    return CropPaste(image, inverse(rectangle.to_crop(face_px, upright=upright)), face_px), face_px
