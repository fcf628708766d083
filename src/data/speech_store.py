"""Writes a corpus of synthetic speech as a store, as `src.data.store` describes it: sound and motion, no videos.

One source is one speaker; its record says which clips there are and of which configuration. A run that was stopped
goes on where it was, and a store of another configuration is replaced speaker by speaker. Phonemes lie beside the
clips (`src/data/phoneme_times.py`) and are part of no hash.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from src.data.clip_info import ClipInfo
from src.data.phoneme_times import PHONEMES, phonemes_path, write_phonemes
from src.data.records import SOURCES, SourceRecord, read_record, record_path, remember
from src.data.speech_corpus import SAMPLE_RATE_HZ, SpeechClip, SpeechCorpus
from src.data.split import TRAIN, VAL
from src.data.store import CLIPS, Store, clip_path, read_row, write_clip, write_local, write_manifest
from src.errors import DataError
from src.motion import FRAMES_PER_SECOND

logger = logging.getLogger(__name__)

VERSION = 4
"""Grows when the code makes other clips from the same configuration."""

CONSENT = "not needed: nobody was recorded"


def build_speech_store(
    corpus: SpeechCorpus, folder: Path, *, configuration: Mapping[str, Any], validate_every: int, workers: int
) -> Store:
    """Make the speakers that are not there yet, and the manifest.

    Args:
        corpus: what to make.
        folder: of the store.
        configuration: JSON-like; all that decides about what a speaker says. Compared by its hash.
        validate_every: each so many-th speaker is in the validation part, the others are trained on.
        workers: how many speakers are made at the same time. The content does not depend on it.

    Raises:
        DataError: the folder holds something else, or as `SpeechCorpus.clips`.
    """
    _refuse_foreign(folder)
    text = json.dumps({"version": VERSION, "configuration": configuration}, sort_keys=True)
    maker = SpeakerMaker(corpus, folder, hashlib.sha256(text.encode()).hexdigest())
    names = [speaker_name(index) for index in range(corpus.num_speakers)]
    missing = [index for index, name in enumerate(names) if not maker.is_made(name)]
    logger.info("%s: %d speakers to make, %d there already", folder, len(missing), len(names) - len(missing))
    # Threads: nearly all of the time is that of espeak-ng, in processes of its own.
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(maker, missing)
        for _ in track(made, "making speakers", total=len(missing), console=Console(stderr=True)):
            pass

    wanted = {record_path(folder, name) for name in names}
    for path in (folder / SOURCES).glob("*.json"):
        if path not in wanted:
            path.unlink()
            (folder / PHONEMES / path.name).unlink(missing_ok=True)
    kept = {clip_id for path in wanted for clip_id in _record(path).clips}
    for path in (folder / CLIPS).iterdir():
        if path.name.removesuffix(".safetensors") not in kept:
            path.unlink()
    rows = [_row(clip_path(folder, clip_id)) for clip_id in sorted(kept)]
    parts = {name: VAL if index % validate_every == validate_every - 1 else TRAIN for index, name in enumerate(names)}
    write_local(folder, {})
    store = write_manifest(folder, rows, {row.clip_id: parts[row.speaker] for row in rows})
    minutes = sum(row.seconds for row in rows) / 60
    logger.info("%d clips of %d speakers, %.1f minutes in %s", len(rows), len(names), minutes, folder)
    return store


@dataclass(frozen=True, eq=False)
class SpeakerMaker:
    """Makes the clips of a speaker and then their record."""

    corpus: SpeechCorpus
    folder: Path
    config_hash: str

    def is_made(self, name: str) -> bool:
        """Whether all clips of a speaker are there with their phonemes, of this configuration."""
        record = read_record(record_path(self.folder, name))
        if record is None or record.config_hash != self.config_hash or not phonemes_path(self.folder, name).is_file():
            return False
        return all(clip_path(self.folder, clip_id).is_file() for clip_id in record.clips)

    def __call__(self, index: int) -> None:
        """Write what the speaker of this number says."""
        name = speaker_name(index)
        clips = list(self.corpus.clips(index))
        rows = [
            write_clip(self.folder, self._info(index, number, clip), clip.waveform, [clip.motion], None)
            for number, clip in enumerate(clips)
        ]
        said = {row.clip_id: clip.phonemes for row, clip in zip(rows, clips, strict=True)}
        write_phonemes(self.folder, name, said)
        record = SourceRecord(
            path=name,
            source_sha256="",
            config_hash=self.config_hash,
            fix_offset=False,
            seconds=sum(row.seconds for row in rows),
            clips={row.clip_id: row.clip_sha256 for row in rows},
            cut=(),
            offset_ms=0.0,
            offset_confidence=0.0,
            offset_fixed=False,
            reason="",
        )
        remember(self.folder, record)

    def _info(self, index: int, number: int, clip: SpeechClip) -> ClipInfo:
        name = speaker_name(index)
        blank = ClipInfo(**{field: kind() for field, kind in ClipInfo.__annotations__.items()})
        return replace(
            blank,
            clip_id=f"{name}-{number:03d}",
            path=name,
            speaker=name,
            language=self.corpus.language(index),
            licence=self.corpus.licence,
            consent=CONSENT,
            seconds=len(clip.waveform) / SAMPLE_RATE_HZ,
            frames=len(clip.motion),
            samples=len(clip.waveform),
            fps=float(FRAMES_PER_SECOND),
            sample_rate_hz=SAMPLE_RATE_HZ,
            valid_share=1.0,
            segment=number,
            start_s=clip.start_s,
            motion_start_s=clip.start_s,
            source_seconds=clip.utterance_s,
            source_fps=float(FRAMES_PER_SECOND),
            speech_share=clip.speech_share,
            level_db=_level_db(clip.waveform),
            config_hash=self.config_hash,
        )


def speaker_name(index: int) -> str:
    """Name of a speaker, index from 0."""
    return f"voice{index + 1:05d}"


def _level_db(waveform: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)) + 1e-12))


def _record(path: Path) -> SourceRecord:
    record = read_record(path)
    if record is None:
        raise DataError(f"{path}: the record can't be read. Delete it and run the same command again.")
    return record


def _row(path: Path) -> ClipInfo:
    row = read_row(path)
    if row is None:
        raise DataError(f"{path}: the clip can't be read. Delete it and run the same command again.")
    return row


def _refuse_foreign(folder: Path) -> None:
    """Stop before anything is lost that somebody else put there."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: a file has the name of the store's folder. Choose another folder.")
    for path in (folder / SOURCES).glob("*.json"):
        if not path.name.startswith("voice"):
            raise DataError(f"{path}: this store holds other sources than synthetic speech. Choose another folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SOURCES).is_dir() and not (folder / CLIPS).is_dir():
        raise DataError(f"{folder}: holds something else than a store. Choose an empty folder.")
