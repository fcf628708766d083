"""The CPU renderer: a portrait moved by dense displacement fields.

`prepare` measures an avatar once: how its skin moves per unit of each mouth channel, how deep its head is,
what its mouth hides. `render` combines these fields by the motion values and resamples the picture. The
renderer itself holds numbers only; a state is never written to after it is made, so both may be shared
between threads, and a picture depends on its own frame alone.

Order of what happens to a shown pixel, going back from the picture: the head is turned back
(`head`), the mouth's movement is undone (`expression`), the portrait is looked up. Lids (`lids`) and the
inside of the mouth (`mouth`) are drawn over it.

What makes it fast: an expression is undone on the unturned head, in the box where it can be at all; the head, which
is smooth, on a grid twice as coarse. The two meet at the nodes of the finer grid, pixels come last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.mesh.controls import Controls
from src.render.mesh.expression import ExpressionField, Mouth, expression_field, find_mouth
from src.render.mesh.geometry import (
    Array,
    Box,
    block_map,
    box_around,
    extended,
    finer,
    grid_points,
    inverse_field,
    look_up,
    sample_grid,
)
from src.render.mesh.head import HeadField, head_field, held
from src.render.mesh.lids import Lid, eye_poses, find_lids
from src.render.mesh.mouth import Inside, paint_inside, without_teeth

HEAD_STEP = 2
"""Step of the head's grid over that of the expression: a turning head bends nothing as fine as a lip."""
STILL = 1e-3
"""Movement of a node, over the largest of the same expression, below which it counts as standing still."""


@dataclass(frozen=True)
class MeshState:
    """What `MeshRenderer.prepare` knows about an avatar; read only.

    Attributes:
        picture: (H, W, 3) uint8 RGB portrait, eyes and skin.
        skin: the same with an open mouth painted over by its lips.
        nodes: (G, G, 2) picture coordinates of the grid.
        below: (G, G, 1) whether a node goes with the lower sheet of skin.
        moving: the nodes that an expression can move.
        head, expression, mouth, inside, lids: the prepared parts.
    """

    picture: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    nodes: Array
    below: NDArray[np.bool_]
    moving: Box
    head: HeadField
    expression: ExpressionField
    mouth: Mouth
    inside: Inside
    lids: tuple[Lid, Lid]


class MeshRenderer:
    """Renders `core7` and `arkit55` motion on an avatar.

    Args:
        size: pixels of each side of the pictures; avatars must have this size.
        grid_step: pixels between nodes of the displacement fields; twice this divides `size`.
        iterations: rounds in which fields are inverted. More follow strong motion more exactly.

    Raises:
        RenderError: the numbers do not fit together.
    """

    def __init__(self, *, size: int, grid_step: int, iterations: int) -> None:
        if size <= 0 or grid_step <= 0 or size % (HEAD_STEP * grid_step) or size % 2 or iterations < 1:
            raise RenderError(
                f"mesh renderer: size {size} must be even and a multiple of {HEAD_STEP} times grid_step {grid_step}, "
                f"iterations {iterations} at least 1. Correct conf/render/mesh.yaml."
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
        nodes = grid_points(self._size, self._step)
        expression = expression_field(landmarks, mouth, self._size, self._step)
        head_step = HEAD_STEP * self._step
        return MeshState(
            picture=avatar.image,
            skin=without_teeth(avatar.image, mouth),
            nodes=nodes,
            below=mouth.frame.to_local(nodes)[..., 1:] > 0,
            moving=_moving(expression),
            head=head_field(landmarks, held(landmarks, self._size, head_step), self._size, head_step),
            expression=expression,
            mouth=mouth,
            inside=paint_inside(avatar.image, landmarks, mouth),
            lids=find_lids(avatar.image, landmarks),
        )

    def render(self, state: MeshState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The picture of one motion frame.

        Args:
            state: from `prepare`.
            frame: (7,) values of `core7` or (55,) of `arkit55`; values outside their ranges are clamped.

        Returns:
            (H, W, 3) uint8 RGB, owned by the caller.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        controls, step, mouth = Controls.of(frame), self._step, state.mouth
        asked = mouth.amounts(controls.jaw_open, controls.width, controls.shapes)
        sheets = state.expression.sheets(*asked)
        turned = state.head.turned(controls.yaw, controls.pitch)
        head = self._head(state, turned, controls.roll)
        upper, lower = self._undone(state, sheets)
        # Only between the corners of the mouth do the sheets differ at the seam; that part is drawn below.
        whole = (0, 0, self._size, self._size)
        field = _through(head, np.where(state.below, lower, upper), step)
        image = look_up(state.skin, block_map(field, whole, step))

        def box_of(points: Array, margin: float) -> Box:
            return box_around(state.head.forward(points, turned, controls.roll), margin, self._size, step)

        if mouth.gap or not asked.is_still:
            edges = [
                points + sample_grid(sheet, points[None], step)[0]
                for points, sheet in zip(mouth.lip_points, sheets, strict=True)
            ]
            left, top, right, bottom = box_of(np.concatenate(edges), 0.1 * mouth.face_size)
            part = head[top // step : bottom // step + 2, left // step : right // step + 2]
            inside = (0, 0, right - left, bottom - top)
            skins = [
                look_up(state.skin, block_map(_through(part, sheet, step), inside, step)) for sheet in (upper, lower)
            ]
            where = block_map(part, inside, step)
            image[top:bottom, left:right] = state.inside.paint(skins, mouth, edges, where, mouth.jaw_px(asked))
        for lid, pose in zip(state.lids, eye_poses(controls), strict=True):
            if not pose.is_still:
                left, top, right, bottom = box_of(lid.corners, 4.0)
                part = head[top // step : bottom // step + 2, left // step : right // step + 2]
                where = block_map(_through(part, upper, step), (0, 0, right - left, bottom - top), step)
                lid.paint(image[top:bottom, left:right], where, pose)
        return image

    def backward_fields(self, state: MeshState, frame: ArrayLike) -> tuple[Array, Array]:
        """Where each node of the grid looks in the portrait, on the upper and on the lower sheet; (G, G, 2) each."""
        controls = Controls.of(frame)
        sheets = state.expression.sheets(*state.mouth.amounts(controls.jaw_open, controls.width, controls.shapes))
        head = self._head(state, state.head.turned(controls.yaw, controls.pitch), controls.roll)
        upper, lower = (_through(head, sheet, self._step)[1:-1, 1:-1] for sheet in self._undone(state, sheets))
        return upper, lower

    def _head(self, state: MeshState, turned: Array, roll: float) -> Array:
        """(G + 2, G + 2, 2) extended: where shown nodes lie on the unturned head."""
        return finer(extended(state.head.backward(turned, roll, self._iterations)))

    def _undone(self, state: MeshState, sheets: tuple[Array, Array]) -> tuple[Array, Array]:
        """(G, G, 2) displacements that undo the upper and the lower sheet."""
        upper, lower = (
            inverse_field(sheet, state.nodes, state.moving, self._step, self._iterations) for sheet in sheets
        )
        return upper, lower


def _through(head: Array, undone: Array, step: int) -> Array:
    """Places on the unturned head -> places in the portrait."""
    return head + sample_grid(undone, head, step)


def _moving(expression: ExpressionField) -> Box:
    """Left, top, right, bottom of the nodes that any expression reaches."""
    fields = [*expression.movements.reshape(-1, *expression.movements.shape[-3:]), *expression.shapes.values()]
    ways = [np.abs(field).reshape(-1, *field.shape[-3:]).max(axis=(0, 3)) for field in fields]
    reached = np.any([way > STILL * max(way.max(), 1.0) for way in ways], axis=0)
    rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
