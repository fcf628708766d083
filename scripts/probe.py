"""A validation clip that everybody can look at: what a checkpoint says to its sound, beside what the face really did.

Part of `scripts.train`. Always the same clip of a store, so that runs can be compared by eye: the longest one of the
validation part, from its start.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.make_avatar import BUILTIN, builtin_avatar
from src.data.shards import open_store
from src.data.store import Clip, Store
from src.errors import DataError
from src.eval.metrics import Measurement, pearson_r, std_ratio
from src.motion import FRAMES_PER_SECOND, Motion, core7_of
from src.realtime.predictor import SpeechToMotion
from src.render.avatar import Avatar
from src.render.contact_sheet import contact_sheet, save_sheet
from src.render.mesh import MeshRenderer
from src.render.mp4 import Mp4Writer

VIDEO, PICTURE = "probe.mp4", "probe.png"
LIPS = "jaw_open"

_FURTHER_S = 1.0
"""Sound that is heard beyond the last picture, so that look-ahead ends no sooner than in the whole clip."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProbeResult:
    """What a probe left.

    Attributes:
        video: prediction and reference on the portrait, with the sound.
        picture: both lip curves over the waveform.
        clip_id: which clip.
        seconds: how much of it.
        lip_r, lip_std_ratio: of `jaw_open`, over the frames in which the face was seen.
    """

    video: Path
    picture: Path
    clip_id: str
    seconds: float
    lip_r: Measurement
    lip_std_ratio: Measurement


class Probe:
    """How a probe is drawn."""

    def __init__(self, *, renderer: MeshRenderer, avatar: str, max_seconds: float) -> None:
        """Take the settings.

        Args:
            renderer: draws `core7`.
            avatar: folder of an avatar, or `builtin`.
            max_seconds: the clip is cut there.

        Raises:
            RenderError: the folder holds no avatar.
        """
        self._renderer = renderer
        self._max_frames = round(max_seconds * FRAMES_PER_SECOND)
        # Not the built-in one: MediaPipe's threads must not be there when loader processes fork.
        self._avatar = None if avatar == BUILTIN else Avatar.load(avatar)

    def make(self, checkpoint: Path, store: Path | str, clip_ids: Sequence[str], out: Path) -> ProbeResult | None:
        """Write the video and the picture into a run folder.

        Args:
            checkpoint: to predict with.
            store: folder with the clips.
            clip_ids: of the validation part.
            out: where the files appear.

        Returns:
            What was made; None, with a warning, where a package for drawing is missing.

        Raises:
            Audio2MotionError: checkpoint or store can't be read.
        """
        try:
            avatar = self._avatar or builtin_avatar(self._renderer.size)
            from src.eval.lip_chart import lip_chart  # matplotlib is an extra
        except (DataError, ModuleNotFoundError) as error:
            logger.warning(
                "No probe clip was drawn: %s It needs the extra `data` (`pip install -e '.[data]'`). Without MediaPipe "
                "give the folder of an avatar as probe.avatar; without pictures train with probe=null.",
                str(error).rstrip(".") + ".",
            )
            return None
        opened, predictor = open_store(store), SpeechToMotion.load(checkpoint)
        clip = self._cut(opened.load(longest(opened, clip_ids), predictor.spec.name))
        num_frames = len(clip.motion)
        predicted, reference = core7_of(predictor.predict(clip.waveform)), core7_of(clip.motion)
        end = round(num_frames / FRAMES_PER_SECOND * predictor.sample_rate_hz)
        sound = clip.waveform[:end]
        shown = Motion(predicted.values[:num_frames], predicted.spec, predicted.fps)
        self._film(avatar, shown, reference, sound, predictor.sample_rate_hz, out / VIDEO)

        lips = shown.channel(LIPS), reference.channel(LIPS)
        lip_r, ratio = (measure(*(curve[reference.valid] for curve in lips)) for measure in (pearson_r, std_ratio))
        chart = lip_chart(
            *lips,
            reference.valid,
            sound,
            fps=reference.fps,
            sample_rate_hz=predictor.sample_rate_hz,
            unit="ratio of face size",
            title=f"{clip.info.clip_id} (validation), {checkpoint.name}: {LIPS} {said(lip_r)}, {said(ratio)}, "
            f"{predictor.latency_ms:g} ms of algorithmic latency",
        )
        save_sheet(out / PICTURE, chart)
        result = ProbeResult(
            out / VIDEO, out / PICTURE, clip.info.clip_id, num_frames / FRAMES_PER_SECOND, lip_r, ratio
        )
        logger.info("%s: %.1f s of %s, predicted and true", result.video, result.seconds, result.clip_id)
        return result

    def _cut(self, clip: Clip) -> Clip:
        """The start of a clip: motion up to `max_seconds`, sound a little longer."""
        num_frames = min(len(clip.motion), self._max_frames)
        motion = clip.motion
        kept = Motion(motion.values[:num_frames], motion.spec, motion.fps, 0.0, motion.valid[:num_frames])
        end = round((num_frames / motion.fps + _FURTHER_S) * clip.info.sample_rate_hz)
        return Clip(clip.waveform[:end], kept, clip.info)

    def _film(
        self,
        avatar: Avatar,
        predicted: Motion,
        reference: Motion,
        sound: NDArray[np.float32],
        sample_rate_hz: int,
        path: Path,
    ) -> None:
        size, state = self._renderer.size, self._renderer.prepare(avatar)
        with Mp4Writer(
            path, width=2 * size, height=size, fps=FRAMES_PER_SECOND, sample_rate_hz=sample_rate_hz, crf=23
        ) as writer:
            writer.add_audio(sound)
            for index, frames in enumerate(zip(predicted.values, reference.values, strict=True)):
                images = [self._renderer.render(state, frame) for frame in frames]
                both = contact_sheet(("prediction", "reference"), images, columns=2, width=size)
                writer.add_image(both, index / FRAMES_PER_SECOND)


def longest(store: Store, clip_ids: Sequence[str]) -> str:
    """The longest of these clips; of equals the last by name."""
    return max(clip_ids, key=lambda clip_id: (store.info(clip_id).seconds, clip_id))


def said(measurement: Measurement) -> str:
    """A measurement in a few letters."""
    value = "unknown" if measurement.value is None else f"{measurement.value:.2f}"
    return f"{measurement.metric.label.lower()} {value}"
