"""The motion vocabulary: which numbers describe a talking face, and a sequence of them.

`MotionSpec` is an ordered, versioned list of channels; `Motion` is a sequence of their values in
time. Whatever labels, predicts, stores, evaluates or renders motion speaks this vocabulary.

Values are relative to a neutral face: a labeller subtracts the neutral of the speaker, a renderer
adds what is left to the neutral of the portrait. That is why motion travels between people.

Conventions, written down once:

* *Face size* is the 3-D distance between the outer corners of the eyes. It moves with no
  expression, so mouth channels are ratios of it.
* Left and right are the person's own. The person's left is on the right of the picture.
* The camera frame has x to the right of the picture, y down and z away from the camera.
* Head angles are degrees of yaw, pitch and roll, applied in the order pitch, yaw, roll about the
  fixed camera axes (`head_rotation`). They are 0 in the neutral pose of the speaker or portrait.

==============  =======  ==============  ==========================================================
channel         unit     range           meaning of a growing value
==============  =======  ==============  ==========================================================
`jaw_open`      ratio    0 .. 0.5        gap between the inner lips, over face size; 0 is closed
`mouth_wide`    ratio    0 .. 0.2        lip corners further apart than neutral, over face size
`mouth_narrow`  ratio    0 .. 0.2        lip corners closer than neutral, over face size
`head_yaw`      degrees  -30 .. 30       turns to the person's left: the nose goes right in the picture
`head_pitch`    degrees  -20 .. 20       looks up: the nose goes up in the picture
`head_roll`     degrees  -20 .. 20       tilts to the person's left shoulder: clockwise in the picture
`eye_blink`     ratio    0 .. 1          both lids close; 0 is the neutral opening, 1 is shut
==============  =======  ==============  ==========================================================

`mouth_wide` and `mouth_narrow` are the two halves of one movement, so at most one is above 0 in a
label; a renderer takes their difference.

`arkit55` says more about the face: the 52 blendshapes of ARKit as MediaPipe's face landmarker names and
orders them (`_neutral` first), each 0 at the neutral of the speaker and 1 at most, then the three head
angles above. `core7_of` projects it onto what every renderer understands.
"""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import MotionError
from src.files import replacing

FRAMES_PER_SECOND = 25
"""Frame rate of motion in stores, models and checkpoints: frame i describes t = i / 25 s."""


def frame_times(duration_s: float) -> NDArray[np.float64]:
    """(T,) instants of the motion frames of a clip, in seconds after its first audio sample.

    Frame i is at i / 25 s; T is the smallest count that covers the duration.
    """
    # A nanosecond of grace keeps 1.2 s from becoming 31 frames by a rounding error.
    return np.arange(max(1, int(np.ceil(duration_s * FRAMES_PER_SECOND - 1e-9)))) / FRAMES_PER_SECOND


@dataclass(frozen=True)
class Channel:
    """One number of a face, with its unit, its closed range and its value at rest."""

    name: str
    unit: str
    minimum: float
    maximum: float
    neutral: float = 0.0

    def __post_init__(self) -> None:
        if not self.minimum <= self.neutral <= self.maximum or self.minimum == self.maximum:
            raise MotionError(
                f"channel {self.name}: neutral {self.neutral} must lie in a range above zero width, "
                f"got {self.minimum} .. {self.maximum}. Correct the specification."
            )


@dataclass(frozen=True)
class MotionSpec:
    """An ordered, versioned list of channels.

    A version grows when the meaning, the order or the unit of a channel changes, so that files and
    checkpoints of an older meaning are refused instead of misread.
    """

    name: str
    version: int
    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.channels):
            raise MotionError(f"spec {self.name}: channel names repeat in {self.names}. Make them unique.")

    @property
    def size(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def names(self) -> tuple[str, ...]:
        """Channel names in order."""
        return tuple(channel.name for channel in self.channels)

    @property
    def minimum(self) -> NDArray[np.float32]:
        """(F,) lower ends of the ranges."""
        return np.array([channel.minimum for channel in self.channels], np.float32)

    @property
    def maximum(self) -> NDArray[np.float32]:
        """(F,) upper ends of the ranges."""
        return np.array([channel.maximum for channel in self.channels], np.float32)

    @property
    def neutral(self) -> NDArray[np.float32]:
        """(F,) values of a face at rest."""
        return np.array([channel.neutral for channel in self.channels], np.float32)

    def index(self, name: str) -> int:
        """Position of a channel.

        Raises:
            MotionError: the spec has no channel of this name.
        """
        if name not in self.names:
            raise MotionError(f"spec {self.name} has no channel {name!r}. It has: {', '.join(self.names)}.")
        return self.names.index(name)


CORE7 = MotionSpec(
    name="core7",
    version=1,
    channels=(
        Channel("jaw_open", "ratio", 0.0, 0.5),
        Channel("mouth_wide", "ratio", 0.0, 0.2),
        Channel("mouth_narrow", "ratio", 0.0, 0.2),
        Channel("head_yaw", "degrees", -30.0, 30.0),
        Channel("head_pitch", "degrees", -20.0, 20.0),
        Channel("head_roll", "degrees", -20.0, 20.0),
        Channel("eye_blink", "ratio", 0.0, 1.0),
    ),
)
"""The control layer that every renderer understands, whatever else it understands."""

BLENDSHAPES = (
    "_neutral",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""Names of the 52 blendshapes in the order in which MediaPipe's face landmarker gives their scores."""

ARKIT55 = MotionSpec(
    name="arkit55",
    version=1,
    channels=(
        *(Channel(name, "ratio", 0.0, 1.0) for name in BLENDSHAPES),
        *(channel for channel in CORE7.channels if channel.unit == "degrees"),
    ),
)
"""The blendshapes of ARKit and the head: for avatars that are richer than `core7`."""

SPECS = {spec.name: spec for spec in (CORE7, ARKIT55)}
"""The specifications that this version knows, by name."""


def spec_named(name: str) -> MotionSpec:
    """The known specification of this name.

    Raises:
        MotionError: no such specification.
    """
    if name not in SPECS:
        raise MotionError(f"unknown motion spec {name!r}. Known: {', '.join(SPECS)}.")
    return SPECS[name]


# What a blendshape adds to a channel of `core7`; of a pair the mean of both sides counts. Least squares without
# negative weights on 13 real clips (3.8 minutes of news, interviews, lectures and laboratory footage), labelled with
# both specs from the same landmarks. Median r per clip with the measured core7: jaw_open 0.93, width 0.91,
# eye_blink 0.98; on 50 rendered clips of another face 0.97, 0.86, 0.99.
_CORE7_OF_ARKIT55 = {
    "jaw_open": {"jawOpen": 0.53, "mouthLowerDown": 0.22, "mouthUpperUp": 0.17},
    "mouth_wide": {"mouthSmile": 0.2, "mouthStretch": 0.3, "mouthPucker": -0.07, "mouthFunnel": -0.13},
    "eye_blink": {"eyeBlink": 1.8},
}


def core7_of(motion: "Motion") -> "Motion":
    """The `core7` of a motion: itself, or the projection of `arkit55`.

    `jaw_open` is a weighted sum of jawOpen, mouthLowerDown and mouthUpperUp; the width of smile and stretch
    less pucker and funnel, of which the positive part is `mouth_wide` and the negative `mouth_narrow`;
    `eye_blink` follows both lids; the head is the same.

    Returns:
        Motion on the same frames with the same validity, inside the ranges of `core7`.

    Raises:
        MotionError: the motion speaks neither spec.
    """
    if motion.spec is CORE7:
        return motion
    if motion.spec is not ARKIT55:
        raise MotionError(f"motion of spec {motion.spec.name} has no projection to core7. Give core7 or arkit55.")
    values = np.zeros((len(motion), CORE7.size), np.float32)
    for name, weights in _CORE7_OF_ARKIT55.items():
        for shape, weight in weights.items():
            sides = [shape] if shape in BLENDSHAPES else [f"{shape}Left", f"{shape}Right"]
            values[:, CORE7.index(name)] += weight * np.mean([motion.channel(side) for side in sides], axis=0)
    values[:, CORE7.index("mouth_narrow")] = -values[:, CORE7.index("mouth_wide")]
    for channel in CORE7.channels:
        if channel.name in ARKIT55.names:
            values[:, CORE7.index(channel.name)] = motion.channel(channel.name)
    return replace(motion, values=values, spec=CORE7).clamped()


def head_rotation(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrices of head angles.

    Args:
        yaw, pitch, roll: degrees with the signs of `core7`, broadcast to one shape (...).

    Returns:
        (..., 3, 3) matrices that turn camera-frame column vectors of the neutral head: pitch about
        x first, then yaw about y, then roll about z.
    """
    # The axes point right, down and away. Looking up and turning left are negative turns about the
    # first two by the right-hand rule; a clockwise tilt is a positive turn about the third.
    yaw, pitch, roll = np.broadcast_arrays(-np.radians(yaw), -np.radians(pitch), np.radians(roll))
    one, zero = np.ones_like(yaw), np.zeros_like(yaw)

    def stack(*entries: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(entries, axis=-1).reshape(*yaw.shape, 3, 3)

    cos, sin = np.cos(pitch), np.sin(pitch)
    about_x = stack(one, zero, zero, zero, cos, -sin, zero, sin, cos)
    cos, sin = np.cos(yaw), np.sin(yaw)
    about_y = stack(cos, zero, sin, zero, one, zero, -sin, zero, cos)
    cos, sin = np.cos(roll), np.sin(roll)
    about_z = stack(cos, -sin, zero, sin, cos, zero, zero, zero, one)
    return about_z @ about_y @ about_x


def head_angles(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """Head angles of rotation matrices; the inverse of `head_rotation` for |yaw| < 90 degrees.

    Args:
        rotation: (..., 3, 3) rotation matrices in the camera frame.

    Returns:
        (..., 3) yaw, pitch, roll in degrees.
    """
    yaw = np.arcsin(np.clip(rotation[..., 2, 0], -1.0, 1.0))
    pitch = -np.arctan2(rotation[..., 2, 1], rotation[..., 2, 2])
    roll = np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return np.degrees(np.stack([yaw, pitch, roll], axis=-1))


@dataclass(frozen=True, eq=False)
class Motion:
    """A sequence of motion frames on an even time grid.

    Attributes:
        values: (T, F) float32 in the order and units of `spec`, finite, T >= 1. Not copied.
        spec: the vocabulary of the columns.
        fps: frames per second, above 0.
        start_s: presentation time of frame 0 in seconds of the clip or stream it belongs to.
        valid: (T,) bool; False marks frames that were guessed rather than seen. All True if omitted.

    Raises:
        MotionError: shapes, rates or values break the description above.
    """

    values: NDArray[np.float32]
    spec: MotionSpec
    fps: float = float(FRAMES_PER_SECOND)
    start_s: float = 0.0
    valid: NDArray[np.bool_] = None  # type: ignore[assignment]  # always an array once constructed

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float32)
        if values.ndim != 2 or values.shape[1] != self.spec.size or len(values) == 0:
            raise MotionError(
                f"motion values have shape {values.shape}, expected (T, {self.spec.size}) with T >= 1 "
                f"for spec {self.spec.name}. Extract or predict the motion again with this spec."
            )
        if not np.isfinite(values).all():
            frame, channel = np.argwhere(~np.isfinite(values))[0]
            raise MotionError(
                f"motion value of {self.spec.names[channel]} in frame {frame} is {values[frame, channel]}. "
                "Mark unknown frames in `valid` and fill them instead of storing NaN."
            )
        if not np.isfinite(self.fps) or self.fps <= 0 or not np.isfinite(self.start_s):
            raise MotionError(
                f"fps {self.fps} and start_s {self.start_s} must be finite, fps above 0. Correct the motion's clock."
            )
        valid = np.ones(len(values), bool) if self.valid is None else np.asarray(self.valid, bool)
        if valid.shape != (len(values),):
            raise MotionError(
                f"validity mask has shape {valid.shape}, expected ({len(values)},). Give one mark per frame."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "valid", valid)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(T,) presentation times in seconds."""
        return self.start_s + np.arange(len(self)) / self.fps

    @property
    def duration_s(self) -> float:
        """Seconds that the frames cover; each frame covers 1 / fps."""
        return len(self) / self.fps

    def channel(self, name: str) -> NDArray[np.float32]:
        """(T,) values of one channel, a view.

        Raises:
            MotionError: the spec has no channel of this name.
        """
        return self.values[:, self.spec.index(name)]

    def sample(self, times_s: ArrayLike) -> NDArray[np.float32]:
        """Values at any times, interpolated linearly; the ends are held.

        Args:
            times_s: (N,) or scalar presentation times in seconds.

        Returns:
            (N, F), or (F,) for a scalar.
        """
        times = np.asarray(times_s, np.float64)
        position = np.clip((times - self.start_s) * self.fps, 0, len(self) - 1)
        before = np.minimum(position.astype(np.int64), max(len(self) - 2, 0))
        after = np.minimum(before + 1, len(self) - 1)
        weight = (position - before)[..., None].astype(np.float32)
        return self.values[before] * (1 - weight) + self.values[after] * weight

    def clamped(self) -> "Motion":
        """The same motion with every value inside its channel's range."""
        return replace(self, values=np.clip(self.values, self.spec.minimum, self.spec.maximum))

    def save(self, path: Path | str) -> None:
        """Write an `.npz`, atomically.

        Keys: `values` (T, F) float32, `names` (F,), `units` (F,), `fps`, `start_s`, `spec` (name),
        `spec_version`, `valid` (T,).
        """
        with replacing(Path(path)) as unfinished, open(unfinished, "wb") as file:
            np.savez(
                file,
                values=self.values,
                names=np.array(self.spec.names),
                units=np.array([channel.unit for channel in self.spec.channels]),
                fps=np.float64(self.fps),
                start_s=np.float64(self.start_s),
                spec=np.array(self.spec.name),
                spec_version=np.int64(self.spec.version),
                valid=self.valid,
            )

    @classmethod
    def load(cls, path: Path | str) -> "Motion":
        """Read what `save` wrote.

        Raises:
            MotionError: the file is missing, is no motion file, or speaks another vocabulary.
        """
        path = Path(path)
        if not path.is_file():
            raise MotionError(
                f"{path}: no such motion file. Make one with `python -m scripts.predict` or check the path."
            )
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise MotionError(
                f"{path}: not a readable .npz motion file ({error}). Make it again with `python -m scripts.predict`."
            ) from error
        missing = sorted({"values", "names", "fps", "spec", "spec_version", "start_s", "valid"} - stored.keys())
        if missing:
            raise MotionError(
                f"{path}: the file lacks {', '.join(missing)}. Make it again with `python -m scripts.predict`."
            )
        spec = spec_named(str(stored["spec"]))
        names, version = tuple(str(name) for name in stored["names"]), int(stored["spec_version"])
        if version != spec.version or names != spec.names:
            raise MotionError(
                f"{path}: motion of {spec.name} version {version} with channels {', '.join(names)}; this program has "
                f"version {spec.version} with {', '.join(spec.names)}. Make it again with `python -m scripts.predict`."
            )
        try:
            return cls(stored["values"], spec, float(stored["fps"]), float(stored["start_s"]), stored["valid"])
        except MotionError as error:
            raise MotionError(f"{path}: {error}") from None
