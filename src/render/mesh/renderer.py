"""The CPU renderer: a portrait moved by dense displacement fields.

`prepare` measures an avatar once: how its skin moves per unit of each mouth channel, how deep its face is,
what its mouth hides. `render` combines these fields by the motion values and resamples the picture. The
renderer itself holds numbers only; a state is never written to after it is made, so both may be shared
between threads.

Order of what happens to a shown pixel, going back from the picture: the head is turned back
(`head`), the mouth's movement is undone (`expression`), the portrait is looked up. Lids (`lids`) and the
inside of the mouth (`mouth`) are drawn over it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.motion import CORE7
from src.render.avatar import Avatar
from src.render.mesh.expression import ExpressionField, Mouth, expression_field, find_mouth
from src.render.mesh.geometry import (
    Array,
    Box,
    block_map,
    box_around,
    extended,
    grid_points,
    invert,
    look_up,
    sample_grid,
)
from src.render.mesh.head import HeadField, head_field
from src.render.mesh.lids import Lid, find_lids
from src.render.mesh.mouth import Inside, jaw_travel, paint_inside, without_teeth


@dataclass(frozen=True)
class MeshState:
    """What `MeshRenderer.prepare` knows about an avatar; read only.

    Attributes:
        picture: (H, W, 3) uint8 RGB portrait, eyes and skin.
        skin: the same with an open mouth painted over by its lips.
        nodes: (G, G, 2) picture coordinates of the grid.
        head, expression, mouth, inside, lids: the prepared parts.
    """

    picture: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    nodes: Array
    head: HeadField
    expression: ExpressionField
    mouth: Mouth
    inside: Inside
    lids: tuple[Lid, Lid]


class MeshRenderer:
    """Renders `core7` motion on an avatar.

    Args:
        size: pixels of each side of the pictures; avatars must have this size.
        grid_step: pixels between nodes of the displacement fields; divides `size`.
        iterations: rounds in which fields are inverted. More follow strong motion more exactly.

    Raises:
        RenderError: the numbers do not fit together.
    """

    def __init__(self, *, size: int, grid_step: int, iterations: int) -> None:
        if size <= 0 or grid_step <= 0 or size % grid_step or size % 2 or iterations < 1:
            raise RenderError(
                f"mesh renderer: size {size} must be even and a multiple of grid_step {grid_step}, iterations "
                f"{iterations} at least 1. Correct conf/render/mesh.yaml."
            )
        self._size, self._step, self._iterations = size, grid_step, iterations

    @property
    def size(self) -> int:
        """Pixels of each side of the rendered pictures."""
        return self._size

    def prepare(self, avatar: Avatar) -> MeshState:
        """Measure an avatar, once.

        Raises:
            RenderError: the avatar has another size than the renderer.
        """
        if avatar.size != self._size:
            raise RenderError(
                f"avatar {avatar.name} has pictures of {avatar.size} pixels, the renderer is set to {self._size}. "
                "Make the avatar again with this size, or set `render.size`."
            )
        landmarks = avatar.landmarks
        mouth = find_mouth(landmarks, avatar.face_size)
        return MeshState(
            picture=avatar.image,
            skin=without_teeth(avatar.image, mouth),
            nodes=grid_points(self._size, self._step),
            head=head_field(landmarks, self._size, self._step),
            expression=expression_field(landmarks, mouth, self._size, self._step),
            mouth=mouth,
            inside=paint_inside(avatar.image, landmarks, mouth),
            lids=find_lids(landmarks),
        )

    def render(self, state: MeshState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The picture of one motion frame.

        Args:
            state: from `prepare`.
            frame: (7,) values of `core7`; values outside their ranges are clamped.

        Returns:
            (H, W, 3) uint8 RGB, owned by the caller.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        jaw_open, width, yaw, pitch, roll, blink = _channels(frame)
        step, mouth = self._step, state.mouth
        opened, closed, widened = mouth.amounts(jaw_open, width)
        sheets = state.expression.sheets(opened, closed, widened)
        turned = state.head.turned(yaw, pitch)
        head, upper, lower = self._backward(state, sheets, turned, roll)
        # Only between the corners of the mouth do the sheets differ at the seam; that part is drawn below.
        under = mouth.frame.to_local(head)[..., 1:] > 0
        whole = (0, 0, self._size, self._size)
        image = look_up(state.skin, block_map(np.where(under, lower, upper), whole, step))

        def box_of(points: Array, margin: float) -> Box:
            return box_around(state.head.forward(points, turned, roll), margin, self._size, step)

        if opened or closed or mouth.gap:
            edges = [
                points + sample_grid(sheet, points[None], step)[0]
                for points, sheet in zip(mouth.lip_points, sheets, strict=True)
            ]
            box = box_of(np.concatenate(edges), 0.1 * mouth.face_size)
            left, top, right, bottom = box
            skins = [look_up(state.skin, block_map(sheet, box, step)) for sheet in (upper, lower)]
            jaw_px = jaw_travel(opened, closed, mouth.gap)
            part = state.inside.paint(skins, mouth, edges, block_map(head, box, step), jaw_px)
            image[top:bottom, left:right] = part
        if blink > 0:
            for lid in state.lids:
                left, top, right, bottom = box = box_of(lid.corners, 4.0)
                lid.paint(image[top:bottom, left:right], state.picture, block_map(head, box, step), blink)
        return image

    def backward_fields(self, state: MeshState, frame: ArrayLike) -> tuple[Array, Array]:
        """Where each node of the grid looks in the portrait, on the upper and on the lower sheet; (G, G, 2) each."""
        jaw_open, width, yaw, pitch, roll, _ = _channels(frame)
        sheets = state.expression.sheets(*state.mouth.amounts(jaw_open, width))
        _, upper, lower = self._backward(state, sheets, state.head.turned(yaw, pitch), roll)
        return upper[1:-1, 1:-1], lower[1:-1, 1:-1]

    def _backward(
        self, state: MeshState, sheets: tuple[Array, Array], turned: Array, roll: float
    ) -> tuple[Array, Array, Array]:
        """Extended fields: shown pixel -> unturned head, upper sheet and lower sheet of the portrait."""
        head = state.head.backward(state.nodes, turned, roll, self._iterations)
        upper, lower = (extended(invert(sheet, head, self._step, self._iterations)) for sheet in sheets)
        return extended(head), upper, lower


def _channels(frame: ArrayLike) -> tuple[float, float, float, float, float, float]:
    """jaw_open, width (wide - narrow), yaw, pitch, roll, blink, each inside its range."""
    values = np.asarray(frame, np.float32)
    if values.shape != (CORE7.size,) or not np.isfinite(values).all():
        raise RenderError(
            f"motion frame of shape {values.shape} can't be rendered, expected {CORE7.size} finite values of "
            f"{CORE7.name}: {', '.join(CORE7.names)}. Predict or convert the motion with this spec."
        )
    jaw_open, wide, narrow, yaw, pitch, roll, blink = np.clip(values, CORE7.minimum, CORE7.maximum).tolist()
    return jaw_open, wide - narrow, yaw, pitch, roll, blink
