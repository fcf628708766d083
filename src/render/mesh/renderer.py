"""The CPU renderer: a portrait moved by dense displacement fields.

`prepare` measures an avatar once: how its skin moves per unit of each mouth channel, how deep its head is,
what its mouth hides. `render` combines these fields by the motion values and resamples the picture. The
renderer itself holds numbers only; a state is never written to after it is made, so both may be shared
between threads, and a picture depends on its own frame alone.

Order of what happens to a shown pixel, going back from the picture: the head is turned back
(`head`), the movement of the mouth is undone (`expression`), the portrait is looked up. Eyes (`lids`) and the
inside of the mouth (`mouth`) are drawn over it, and all of the person lies before a wall that stands still (`layers`).

What makes it fast: an expression is undone on the unturned head, in the box where it can be at all; the head, which
is smooth, on a grid twice as coarse. The two meet at the nodes of the finer grid, pixels come last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.avatar_settings import LARGEST_GAIN, RendererSettings
from src.render.mesh.avatar_backdrop import backdrop_of
from src.render.mesh.backdrop import Backdrop
from src.render.mesh.brows import BrowField, brow_fields
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
from src.render.mesh.head import HeadField, head_field, held, loose
from src.render.mesh.layers import CutOut, Layers
from src.render.mesh.lids import Lid, eye_poses, find_lids
from src.render.mesh.mouth import Inside, paint_inside
from src.render.mesh.own_mouth import with_found_lip, without_teeth
from src.render.renderer import SquarePictures
from src.render.resizing import resized

HEAD_STEP = 2
"""Step of the head's grid over that of the expression: a turning head bends nothing as fine as a lip."""
HIGHEST_LOWER = 0.3
"""Over face size: how far above the closed lips the lower sheet of skin is still looked at, with plenty of room."""
STILL = 1e-3
"""Movement of a node, over the largest of the same expression, below which it counts as standing still."""


@dataclass(frozen=True)
class MeshState:
    """What `MeshRenderer.prepare` knows about an avatar; read only.

    Attributes:
        picture: (H, W, 3) uint8 RGB portrait.
        layers: the person, an open mouth painted over by its lips, and what is behind.
        nodes: (G, G, 2) picture coordinates of the grid.
        below: (G, G, 1) whether a node goes with the lower sheet of skin.
        moving: the nodes of the upper and of the lower sheet that an expression can move where they may be seen.
        head, expression, mouth, inside, lids, brows: the prepared parts.
        moves_along: factor of what `core7` drives without naming it.
    """

    picture: NDArray[np.uint8]
    layers: Layers | CutOut
    nodes: Array
    below: NDArray[np.bool_]
    moving: tuple[Box, Box]
    head: HeadField
    expression: ExpressionField
    mouth: Mouth
    inside: Inside
    lids: tuple[Lid, Lid]
    brows: BrowField
    moves_along: float


class MeshRenderer(SquarePictures):
    """Renders `core7` and `arkit55` motion on an avatar.

    Args:
        size: pixels of each side of the pictures; avatars of other sizes are scaled to it.
        grid_step: pixels between nodes of the displacement fields; twice this divides `size`.
        iterations: rounds in which fields are inverted. More follow strong motion more exactly.
        backdrop: what is seen behind the person; None: what the avatar's package says, or else the wall of the photo.
        moves_along: factor, 0 .. 2, of what `core7` drives without naming it, such as cheeks and brows; None: the
            package's, or else 1.

    Raises:
        RenderError: the numbers do not fit together.
    """

    def __init__(
        self,
        *,
        size: int,
        grid_step: int,
        iterations: int,
        backdrop: Backdrop | None = None,
        moves_along: float | None = None,
    ) -> None:
        if size <= 0 or grid_step <= 0 or size % (HEAD_STEP * grid_step) or size % 2 or iterations < 1:
            raise RenderError(
                f"mesh renderer: size {size} must be even and a multiple of {HEAD_STEP} times grid_step {grid_step}, "
                f"iterations {iterations} at least 1. Correct conf/render/mesh.yaml."
            )
        if moves_along is not None and not 0 <= moves_along <= LARGEST_GAIN:
            raise RenderError(
                f"mesh renderer: moves_along={moves_along}, expected a factor from 0 to {LARGEST_GAIN:g}, or null for "
                "what the avatar's package says. Correct the value."
            )
        self._size, self._step, self._iterations = size, grid_step, iterations
        self._backdrop, self._moves_along = backdrop, moves_along

    @property
    def channels(self) -> int:
        """3 for RGB; 4 for RGB and straight alpha, before a transparent backdrop."""
        return 3 if self._backdrop is None else self._backdrop.channels

    def prepare(self, avatar: Avatar) -> MeshState:
        """Measure an avatar, once.

        Raises:
            RenderError: nothing can be put behind its person.
        """
        avatar = resized(avatar, self._size)
        landmarks = avatar.landmarks
        mouth = with_found_lip(avatar.image, landmarks, find_mouth(landmarks, avatar.face_size))
        nodes = grid_points(self._size, self._step)
        expression = expression_field(landmarks, mouth, self._size, self._step)
        heights = mouth.frame.to_local(nodes)[..., 1]
        head_step = HEAD_STEP * self._step
        matte, wall = avatar.matte, avatar.background
        backdrop = self._backdrop or backdrop_of(avatar.details.background_policy)
        # Where all is person, there is no wall to leave alone.
        follow = (loose if matte.min() < 255 else held)(landmarks, self._size, head_step)
        return MeshState(
            picture=avatar.image,
            layers=backdrop.layers(without_teeth(avatar.image, mouth), matte, wall),
            nodes=nodes,
            below=heights[..., None] > 0,
            moving=(
                _moving(expression, 0, np.ones_like(heights, np.bool_)),
                _moving(expression, 1, heights > -HIGHEST_LOWER * mouth.face_size),
            ),
            head=head_field(landmarks, follow, self._size, head_step),
            expression=expression,
            mouth=mouth,
            inside=paint_inside(avatar.image, landmarks, mouth),
            lids=find_lids(avatar.image, landmarks),
            brows=brow_fields(landmarks, self._size, self._step),
            moves_along=self._along(avatar.details.renderers),
        )

    def render(self, state: MeshState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The picture of one motion frame.

        Args:
            state: from `prepare`.
            frame: (7,) values of `core7` or (55,) of `arkit55`; values outside their ranges are clamped.

        Returns:
            (H, W, channels) uint8 RGB, or RGB and straight alpha; owned by the caller.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        return state.layers.shown(self.render_person(state, frame))

    def render_person(self, state: MeshState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The person of one motion frame, before nothing.

        Args:
            state, frame: as of `render`.

        Returns:
            (H, W, 4) uint8 RGB multiplied by alpha, and alpha; owned by the caller.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        controls, step, mouth = Controls.of(frame, state.moves_along), self._step, state.mouth
        asked = mouth.amounts(controls.jaw_open, controls.width, controls.shapes)
        sheets = state.expression.sheets(*asked)
        turned = state.head.turned(controls.yaw, controls.pitch)
        head = self._head(state, turned, controls.roll)
        brows = state.brows.displacement(controls.shapes)
        upper, lower = self._undone(state, sheets, brows)
        # Only between the corners of the mouth do the sheets differ at the seam; that part is drawn below.
        field = _through(head, np.where(state.below, lower, upper), step)
        person = look_up(state.layers.person, block_map(field, (0, 0, self._size, self._size), step))

        def box_of(points: Array, margin: float) -> Box:
            return box_around(state.head.forward(points, turned, controls.roll), margin, self._size, step)

        if mouth.gap or not asked.is_still:
            edges = [
                points + sample_grid(sheet, points[None], step)[0]
                for points, sheet in zip(mouth.lip_points, sheets, strict=True)
            ]
            left, top, right, bottom = box = box_of(np.concatenate(edges), 0.1 * mouth.face_size)
            part, inside = _part(head, box, step), (0, 0, right - left, bottom - top)
            skins = [
                look_up(state.layers.person, block_map(_through(part, sheet, step), inside, step))[..., :3]
                for sheet in (upper, lower)
            ]
            where = block_map(part, inside, step)
            jaw_px, turn = mouth.jaw_px(asked), (controls.yaw, controls.pitch)
            person[top:bottom, left:right, :3] = state.inside.paint(skins, mouth, edges, where, jaw_px, turn)
        for lid, pose in zip(state.lids, eye_poses(controls), strict=True):
            if not pose.is_still:
                corners = lid.corners
                for moved in (sheets[0], brows):
                    corners = corners if moved is None else corners + sample_grid(moved, corners[None], step)[0]
                left, top, right, bottom = box = box_of(corners, 4.0)
                lid.paint(person[top:bottom, left:right, :3], block_map(field, box, step), pose)
        return person

    def backward_fields(self, state: MeshState, frame: ArrayLike) -> tuple[Array, Array]:
        """Where each node of the grid looks in the portrait, on the upper and on the lower sheet; (G, G, 2) each."""
        controls = Controls.of(frame, state.moves_along)
        sheets = state.expression.sheets(*state.mouth.amounts(controls.jaw_open, controls.width, controls.shapes))
        head = self._head(state, state.head.turned(controls.yaw, controls.pitch), controls.roll)
        undone = self._undone(state, sheets, state.brows.displacement(controls.shapes))
        upper, lower = (_through(head, sheet, self._step)[1:-1, 1:-1] for sheet in undone)
        return upper, lower

    def _along(self, own: RendererSettings | None) -> float:
        if self._moves_along is not None:
            return self._moves_along
        return 1.0 if own is None or own.mesh is None else own.mesh.moves_along

    def _head(self, state: MeshState, turned: Array, roll: float) -> Array:
        """(G + 2, G + 2, 2) extended: where shown nodes lie on the unturned head."""
        return finer(extended(state.head.backward(turned, roll, self._iterations)))

    def _undone(self, state: MeshState, sheets: tuple[Array, Array], brows: Array | None) -> tuple[Array, Array]:
        """(G, G, 2) displacements that undo the upper and the lower sheet, and before them the brows."""
        upper, lower = (
            inverse_field(sheet, state.nodes, box, self._step, self._iterations)
            for sheet, box in zip(sheets, state.moving, strict=True)
        )
        if brows is not None:
            left, top, right, bottom = box = state.brows.box
            undone = inverse_field(brows, state.nodes, box, self._step, self._iterations)[top:bottom, left:right]
            for sheet in (upper, lower):
                beyond = sample_grid(sheet, state.nodes[top:bottom, left:right] + undone, self._step)
                sheet[top:bottom, left:right] = undone + beyond
        return upper, lower


def _through(head: Array, undone: Array, step: int) -> Array:
    """Places on the unturned head -> places in the portrait."""
    return head + sample_grid(undone, head, step)


def _part(field: Array, box: Box, step: int) -> Array:
    """An extended field -> that of a box of pixels."""
    left, top, right, bottom = (side // step for side in box)
    return field[top : bottom + 2, left : right + 2]


def _moving(expression: ExpressionField, sheet: int, seen: NDArray[np.bool_]) -> Box:
    """Left, top, right, bottom of the seen nodes of a sheet that any expression reaches."""
    # A blendshape that moves both sheets alike has one field for them.
    fields = [
        *expression.movements[:, sheet],
        *(field[min(sheet, len(field) - 1)] for field in expression.shapes.values()),
    ]
    ways = [np.abs(field).max(axis=2) for field in fields]
    reached = np.any([way > STILL * max(float(way.max()), 1.0) for way in ways], axis=0) & seen
    if not reached.any():
        raise RenderError(
            "the avatar can't be animated: nothing of its face that moves is seen. Make it again from a photo "
            "that shows the whole face, with `python -m scripts.make_avatar`."
        )
    rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
