"""How one avatar is shown: settings that its package carries, so that it looks alike wherever it goes.

A command line that says otherwise wins over the package, the package over `conf/`. All is optional.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_GAIN = 2.0

Gain = Annotated[float, Field(ge=0, le=LARGEST_GAIN, allow_inf_nan=False)]
"""Factor: 0 none, 1 as it is without, at most twice."""
Colour = Annotated[int, Field(ge=0, le=255)]
Radius = Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)]


class Strict(BaseModel):
    """A part of `avatar.json`: exact types, nothing unknown, never changed, and no foreign text in messages."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class IdleGains(Strict):
    """How lively this avatar is: factors of `src/realtime/idle`, 0 none, 1 as configured, 2 twice."""

    blink: Gain = 1.0
    head: Gain = 1.0
    breathing: Gain = 1.0
    gaze: Gain = 1.0


class ChannelAmplitude(Strict):
    """How far this avatar moves on each channel of `core7`, whatever asks for it: speech, a file, idle movement.

    `src/render/amplitude.py` says what that means for `arkit55`.
    """

    jaw_open: Gain = 1.0
    mouth_wide: Gain = 1.0
    mouth_narrow: Gain = 1.0
    head_yaw: Gain = 1.0
    head_pitch: Gain = 1.0
    head_roll: Gain = 1.0
    eye_blink: Gain = 1.0


class OwnBackground(Strict):
    """The wall of the photo."""

    kind: Literal["own"] = "own"


class BlurredBackground(Strict):
    """The wall of the photo out of focus."""

    kind: Literal["blurred"] = "blurred"
    radius: Radius
    """Of the blur over the side of the picture."""


class ColouredBackground(Strict):
    """One colour: red, green and blue."""

    kind: Literal["coloured"] = "coloured"
    colour: tuple[Colour, Colour, Colour]


BackgroundPolicy = Annotated[OwnBackground | BlurredBackground | ColouredBackground, Field(discriminator="kind")]


class MeshSettings(Strict):
    """Of the CPU renderer."""

    moves_along: Gain = 1.0
    """How much moves along by itself with `core7`, which can't ask for it: cheeks with lip corners, brows with lids.
    0 is a face that does exactly what it is told."""


class LivePortraitSettings(Strict):
    """Of LivePortrait. None: what conf/ says, which is what the official program does."""

    crop_scale: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] | None = None
    """Side of the square that the networks see over the longest side of the landmarks; officially 2.3."""
    crop_shift: Annotated[float, Field(ge=-0.5, le=0.5, allow_inf_nan=False)] | None = None
    """How far that square is moved down along the face, over its side; officially -0.125, up."""
    crop_upright: bool | None = None
    """Whether a tilted head is turned upright in that square; officially yes."""
    lip_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """Gap of the photo's lips over the width of the mouth from which on they are closed first; officially 0.03. At 1
    they are never closed."""
    motion: Gain | None = None
    """Factor of all movement of the keypoints away from the photo's; officially 1."""
    eyes: Gain | None = None
    """Factor of what the network for the eyes adds."""
    lips: Gain | None = None
    """Factor of what the network for the lips adds."""
    stitching: bool | None = None
    """Whether shoulders are held where they are in the photo; officially yes. Paste-back needs it."""
    paste_back: bool | None = None
    """Whether the square is put back into the whole picture of the package; officially yes."""


class RendererSettings(Strict):
    """What only one of the renderers understands. None: nothing was said."""

    mesh: MeshSettings | None = None
    liveportrait: LivePortraitSettings | None = None
