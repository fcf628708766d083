"""What an evaluation is made of: clips of one part of a store as training takes them, and a model's motion for them.

Part of `scripts.evaluate`. Sound and motion of a speaker are moved together as they were for the training, by the
settings in the `config.yaml` beside the checkpoint; where there is none, by those that training has by default.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.progress import track

from scripts.entry import composed
from src.data.clip_info import ClipInfo
from src.data.feature_cache import CachedSound, FeatureCache, FeatureFolders
from src.data.features import FeatureExtractor
from src.data.phoneme_times import closures_of, phonemes_of
from src.data.shards import open_store
from src.data.speaker_offset import SpeakerAlignment, alignment_record, delayed, delays_of
from src.data.speech import Phoneme
from src.data.split import hold_out
from src.data.store import Store
from src.errors import CheckpointError, ConfigError, DataError
from src.eval.cases import Case
from src.models.checkpoint import Contract
from src.models.motion_model import MotionModel
from src.motion import Motion, MotionSpec
from src.realtime.predictor import SpeechToMotion

logger = logging.getLogger(__name__)

PARTS = ("train", "val", "test")
RUN_CONFIG = "config.yaml"


@dataclass(frozen=True)
class RunData:
    """How the clips of a training were taken from their store.

    Attributes:
        alignment: settings of `SpeakerAlignment`; None for none.
        val_speakers: whom the run was validated on instead of the manifest's split; empty for that.
        min_clip_frames: shorter clips are left out.
        source: where this is from, in words.
    """

    alignment: dict[str, Any] | None
    val_speakers: tuple[str, ...]
    min_clip_frames: int
    source: str


@dataclass(frozen=True, eq=False)
class Material:
    """The clips of an evaluation.

    Attributes:
        store: they are from.
        folder: of the things that are made once for a store.
        hops: folder of costly features, where training keeps them.
        truth: one case per clip, which predicts what is true.
        infos: their rows.
        delays_ms: by how much the motion of a speaker was moved; others were not.
        facts: for the record.
    """

    store: Store
    folder: Path
    hops: Path
    truth: Sequence[Case]
    infos: Sequence[ClipInfo]
    delays_ms: dict[str, float]
    facts: dict[str, Any]

    def phonemes(self) -> list[tuple[Phoneme, ...] | None]:
        """Of each clip; None where they are not known."""
        return [phonemes_of(self.store, info.clip_id) for info in self.infos]


def run_data(checkpoint: Path) -> RunData:
    """How the data of a checkpoint were taken: as its run says, or as training does by default.

    Raises:
        CheckpointError: the configuration beside it can't be read.
    """
    path = checkpoint.parent / RUN_CONFIG
    if not path.is_file():
        data = composed("train", ["out=unused", "data.store=unused"]).data
        return _run_data(data, f"defaults of training: there is no {RUN_CONFIG} beside the model")
    try:
        return _run_data(OmegaConf.load(path).data, f"{RUN_CONFIG} of the run")
    except (OmegaConfBaseException, OSError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: not readable ({error}), so nobody knows how its data were aligned. Copy the run again."
        ) from error


def _run_data(data: DictConfig, source: str) -> RunData:
    alignment: Any = OmegaConf.to_container(data.alignment) if data.get("alignment") is not None else None
    return RunData(alignment, tuple(data.get("val_speakers", ())), int(data.get("min_clip_frames", 1)), source)


def open_part(folder: Path, cache: Path | None, part: str, spec: MotionSpec, run: RunData) -> Material:
    """The clips of one part of a store.

    Args:
        folder: of the store.
        cache: for what is made once; None is `features` in the store.
        part: of the split.
        spec: of the motion that is compared.
        run: how clips were taken for the training.

    Raises:
        ConfigError: there is no such part.
        DataError: the folder is no store, its clips have no motion of this specification, or none can be judged by.
    """
    if part not in PARTS:
        raise ConfigError(f"split={part}: a store has the parts {', '.join(PARTS)}. Name one of them.")
    store = open_store(folder)
    infos = _infos_of(store, part, run)
    folders = FeatureFolders.of(store, cache)
    alignment: SpeakerAlignment | None = instantiate(run.alignment) if run.alignment is not None else None
    offsets = {} if alignment is None else alignment.offsets(store, folders.of_store)
    delays_ms = delays_of(offsets)
    truth, kept = [], []
    for info in infos:
        clip = store.load(info.clip_id, spec.name)
        motion = delayed(clip.motion, delays_ms.get(info.speaker, 0.0))
        if len(motion) >= run.min_clip_frames and motion.valid.any():
            kept.append(info)
            truth.append(
                Case(info.clip_id, info.speaker, info.language, motion, motion, clip.waveform, info.sample_rate_hz)
            )
    if not truth:
        raise DataError(
            f"{folder}: no clip of the {part} part has {run.min_clip_frames} frames and shows a face. "
            "Evaluate another part, or prepare more videos."
        )
    speakers = {case.speaker for case in truth}
    moved = alignment_record({speaker: offset for speaker, offset in offsets.items() if speaker in speakers})
    facts: dict[str, Any] = {
        "path": folder.as_posix(),
        "split": part,
        "content_hash": store.content_hash,
        "split_hash": store.split_hash,
        "spec": spec.name,
        "clips": len(truth),
        "left_out": len(infos) - len(truth),
        "speakers": len(speakers),
        "languages": sorted({case.language for case in truth}),
        "seconds": round(sum(case.seconds for case in truth), 2),
        "frames": sum(case.frames for case in truth),
        "aligned_speakers": moved,
        "alignment": run.source if alignment is not None else f"none ({run.source})",
        "val_speakers": list(run.val_speakers),
    }
    logger.info(
        "%s part of %s: %d clips, %.1f minutes, %d speakers, of whom %d are moved to meet their sound",
        part, folder, len(truth), facts["seconds"] / 60, len(speakers), len(moved),
    )  # fmt: skip
    return Material(store, folders.of_store, folders.hops, truth, kept, delays_ms, facts)


def predicted(material: Material, model: MotionModel, label: str) -> list[Case]:
    """A model's motion for every clip, whole, as its user would get it.

    Args:
        material: the clips.
        model: of their specification.
        label: for the progress bar.
    """
    predictor = SpeechToMotion(model)
    known = {name: place for place, name in enumerate(model.contract.speakers, start=1)}
    cache = FeatureCache(material.hops)
    pairs = list(zip(material.truth, material.infos, strict=True))
    cases = []
    for case, info in track(pairs, label, console=Console(stderr=True), transient=True):
        rows = _rows_of(case, info, predictor.features, cache)
        motion = predictor.told(model.whole(rows, known.get(case.speaker, 0)))
        cases.append(_predicting(case, motion))
    return cases


def closures_by_phoneme(phonemes: Sequence[tuple[Phoneme, ...] | None]) -> list[NDArray[np.float64] | None]:
    """Times of /p b m/ of each clip; None where its phonemes are not known."""
    return [None if known is None else closures_of(known) for known in phonemes]


def check_spec(contract: Contract, store: Store, checkpoint: Path) -> None:
    """Refuse a model whose motion the store has no truth of.

    Raises:
        CheckpointError: the specifications differ.
    """
    wanted = f"{contract.spec_name}:{contract.spec_version}"
    held = sorted({spec for specs in set(store.clips.column("specs")) for spec in specs.split(",")})
    if wanted not in held:
        raise CheckpointError(
            f"{checkpoint}: speaks {wanted}, the clips of {store.folder} hold {', '.join(held)}. Evaluate it on a "
            f"store with {contract.spec_name}, or train a model with spec={held[0].split(':')[0]}."
        )


def _infos_of(store: Store, part: str, run: RunData) -> list[ClipInfo]:
    clips = list(store.clips)
    parts = {info.clip_id: info.split for info in clips}
    if not all(parts.values()):
        raise DataError(
            f"{store.folder}: its manifest names no split, so there is no {part} part. Prepare it again with a split."
        )
    if run.val_speakers and set(run.val_speakers) <= {info.speaker for info in clips}:
        parts = hold_out(parts, {info.clip_id: info.speaker for info in clips}, run.val_speakers)
    found = [info for info in clips if parts[info.clip_id] == part]
    if not found:
        raise ConfigError(
            f"{store.folder}: no {part} part; it has {', '.join(each for each in PARTS if each in parts.values())}. "
            "Give one of these as `split`."
        )
    return found


def _rows_of(case: Case, info: ClipInfo, features: FeatureExtractor, cache: FeatureCache) -> NDArray[np.float32]:
    if case.sample_rate_hz != features.sample_rate_hz:
        raise DataError(
            f"{case.clip_id}: its sound has {case.sample_rate_hz} Hz, the model takes {features.sample_rate_hz} Hz. "
            "Prepare the store with that sample rate."
        )
    if features.is_costly:
        return features.stack(cache.hops(CachedSound(info.audio_sha256, lambda: case.waveform), features))
    return features.extract_frames(case.waveform)


def _predicting(case: Case, motion: Motion) -> Case:
    """A case with a prediction, over the frames that both have."""
    frames = min(len(case.reference), len(motion))
    if frames < len(case.reference):
        cut = replace(case.reference, values=case.reference.values[:frames], valid=case.reference.valid[:frames])
        case = replace(case, predicted=cut, reference=cut)
    return case.predicting(motion.values[:frames])
