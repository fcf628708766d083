"""The CPU renderer: a portrait moved by dense displacement fields.

`prepare` measures an avatar once: how its skin moves per unit of each mouth channel, how deep its face is,
what its mouth hides. `render` combines these fields by the motion values and resamples the picture. The
renderer itself holds numbers only; a state is never written to after it is made, so both may be shared
between threads.

Order of what happens to a shown pixel, going back from the picture: the head is turned back
(`mesh_head`), the mouth's movement is undone (`mesh_expression`), the portrait is looked up. Lids
(`mesh_lids`) and the inside of the mouth (`mesh_mouth`) are drawn over it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.motion import CORE7
from src.render.avatar import Avatar
from src.render.mesh_expression import ExpressionField, Mouth, expression_field, find_mouth
from src.render.mesh_geometry import Array, block_map, box_around, curve, grid_points, invert, sample_grid
from src.render.mesh_head import HeadField, head_field
from src.render.mesh_lids import Lid, find_lids
from src.render.mesh_mouth import Inside, jaw_travel, paint_inside, without_teeth


@dataclass(frozen=True)
class MeshState:
    """What `MeshRenderer.prepare` knows about an avatar; read only.

    Attributes:
        picture: (H, W, 3) uint8 RGB portrait, eyes and skin.
        skin: the same with an open mouth painted over by its lips.
        nodes: (G, G, 2) picture coordinates of the grid.
        pixels: (H, W, 2) picture coordinates of every pixel.
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
        opened, closed, widened = state.mouth.amounts(jaw_open, width)
        upper_sheet, lower_sheet = state.expression.sheets(opened, closed, widened)
        head = state.head.backward(state.nodes, yaw, pitch, roll, self._iterations)
        base = invert(upper_sheet, head, self._step, self._iterations)
        whole = (0, 0, self._size, self._size)
        image = cv2.remap(
            state.skin, block_map(base, whole, self._step), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

        def shown(points: Array) -> Array:
            return state.head.forward(points, yaw, pitch, roll)

        if opened or closed or state.mouth.gap:
            self._paint_mouth(image, state, head, (upper_sheet, lower_sheet), shown, (opened, closed))
        if blink > 0:
            for lid in state.lids:
                corners = np.array(
                    [[lid.left, lid.top], [-lid.left, lid.top], [lid.left, lid.rows.max()], [-lid.left, lid.rows.max()]]
                )
                box = box_around(shown(lid.frame.to_picture(corners)), 4.0, self._size, self._step)
                left, top, right, bottom = box
                lid.paint(image[top:bottom, left:right], state.picture, block_map(head, box, self._step), blink)
        return image

    def backward_fields(self, state: MeshState, frame: ArrayLike) -> tuple[Array, Array]:
        """Where each node of the grid looks in the portrait, on the upper and on the lower sheet; (G, G, 2) each."""
        jaw_open, width, yaw, pitch, roll, _ = _channels(frame)
        sheets = state.expression.sheets(*state.mouth.amounts(jaw_open, width))
        head = state.head.backward(state.nodes, yaw, pitch, roll, self._iterations)
        upper, lower = (invert(sheet, head, self._step, self._iterations) for sheet in sheets)
        return upper, lower

    def _paint_mouth(self, image, state, head, sheets, shown, amounts) -> None:  # type: ignore[no-untyped-def]
        mouth, inside = state.mouth, state.inside
        upper, lower = (
            mouth.frame.to_picture(np.stack([mouth.places, v], axis=-1)) for v in (mouth.upper, mouth.lower)
        )
        upper = upper + sample_grid(sheets[0], upper[None], self._step)[0]
        lower = lower + sample_grid(sheets[1], lower[None], self._step)[0]
        chin = lower + mouth.frame.vector_to_picture(np.array([[0.0, 0.75 * mouth.face_size]], np.float32))
        box = box_around(shown(np.concatenate([upper, lower, chin])), 0.08 * mouth.face_size, self._size, self._step)
        left, top, right, bottom = box
        part = image[top:bottom, left:right]
        where = block_map(head, box, self._step)
        base = invert(sheets[1], head, self._step, self._iterations)
        chin_skin = cv2.remap(
            state.skin, block_map(base, box, self._step), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        columns = inside.left + np.arange(inside.cavity.shape[1], dtype=np.float32)
        upper_local, lower_local = mouth.frame.to_local(upper), mouth.frame.to_local(lower)
        upper_edge, lower_edge = curve(upper_local, columns), curve(lower_local, columns)
        jaw_px = jaw_travel(*amounts, mouth.gap)
        layer = inside.picture(jaw_px, upper_edge, lower_edge, upper_local[[0, -1], 0], mouth.face_size)
        local = mouth.frame.to_local(where)
        seam = np.interp(local[..., 0], columns, (upper_edge + lower_edge) / 2)
        under = np.clip(0.5 + (local[..., 1] - seam) / 1.6, 0.0, 1.0)[..., None]
        patch = cv2.remap(
            layer, local - np.array([inside.left, inside.top], np.float32), None, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=0,
        )  # fmt: skip
        alpha = patch[..., 3:]
        skin = part * (1 - under) + chin_skin * under
        part[...] = (skin * (1 - alpha) + patch[..., :3] * alpha + 0.5).astype(np.uint8)


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
