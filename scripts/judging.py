"""What a finished run knows of its best checkpoint: the figures of `metrics.json`, by part, speaker and clip.

Part of `scripts.train`. One process judges, on the CPU, the weights as they lie on the disk.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytorch_lightning as pl

from src.data.datamodule import MotionDataModule
from src.errors import ConfigError
from src.models.checkpoint import Checkpoint
from src.models.motion_module import MotionModule

Part = Literal["val", "test"]


@dataclass(frozen=True)
class Judgement:
    """How well a checkpoint predicts one part of the data.

    Attributes:
        figures: metrics by their logged names, and `<part>/lip_r_of_speakers`: the mean over speakers, each counting
            once, where `<part>/lip_r` counts frames and so follows whoever spoke most.
        speakers: per speaker `clips`, `frames`, `lip_r` and `lip_std_ratio`, means over frames; None where no clip of
            the speaker has one.
        clips: the same per clip, with its `speaker`.
    """

    figures: dict[str, float]
    speakers: dict[str, dict[str, Any]]
    clips: dict[str, dict[str, Any]]


def judge(best: Checkpoint, module: MotionModule, data: MotionDataModule, part: Part) -> Judgement:
    """Judge a checkpoint on whole clips of people it was not trained on, if the split is by speaker.

    Args:
        best: gives the weights.
        module: gives losses and metrics; its weights become those of `best`.
        data: gives the clips; set up.
        part: which of them.

    Raises:
        ConfigError: there is no clip to judge by, or the figures are not finite: the training diverged.
    """
    spans = data.split.val if part == "val" else data.split.test
    if not len(spans):
        raise ConfigError(
            f"{best.path}: the store has no {part} part to judge by. Leave out `test=true`, or prepare it with a split."
        )
    module.net.load_state_dict(best.net.state_dict())
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_checkpointing=False
    )
    run = trainer.validate if part == "val" else trainer.test
    (figures,) = run(module, datamodule=data, verbose=False)
    if not all(math.isfinite(value) for value in figures.values()):
        raise ConfigError(
            f"{best.path}: the training diverged, its figures are {figures}. "
            "Try again with a lower models.optimizer.lr, in another `out`."
        )
    speaker_of = dict(zip(spans.clip_ids, spans.speakers, strict=True))
    lip = best.contract.channels.index(module.lip_channel)
    clips = {
        clip_id: {
            "speaker": speaker_of[clip_id],
            "frames": score.frames,
            "lip_r": score.r[lip],
            "lip_std_ratio": score.std_ratio[lip],
        }
        for clip_id, score in zip(data.clip_order(spans), module.clip_scores, strict=True)
    }
    speakers = {
        speaker: _summary([clip for clip in clips.values() if clip["speaker"] == speaker])
        for speaker in sorted(set(spans.speakers))
    }
    known = [row["lip_r"] for row in speakers.values() if row["lip_r"] is not None]
    of_speakers = {f"{part}/lip_r_of_speakers": sum(known) / len(known)} if known else {}
    return Judgement({**figures, **of_speakers}, speakers, dict(sorted(clips.items())))


def _summary(clips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row for several clips."""
    return {
        "clips": len(clips),
        "frames": sum(clip["frames"] for clip in clips),
        "lip_r": _mean(clips, "lip_r"),
        "lip_std_ratio": _mean(clips, "lip_std_ratio"),
    }


def _mean(clips: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Weighted by frames, over the clips that have one."""
    pairs = [(clip[name], clip["frames"]) for clip in clips if clip[name] is not None]
    frames = sum(count for _, count in pairs)
    return sum(value * count for value, count in pairs) / frames if frames else None
