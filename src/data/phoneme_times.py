"""Which sounds a clip of a store holds, and when, where that is known.

It is known where somebody wrote it down:

* `<video>.phonemes.json` beside a source, as the synthetic corpus writes it: an object whose `phonemes` is a list of
  `symbol` (IPA), `start_s`, `end_s` in presentation time of the source, and `stressed`;
* `phonemes/<source_id>.json` in the store, as stores of synthetic speech have it: such a list per clip id, in the time
  of the clip. Stores that were made before this was kept have none; `scripts.make_speech` adds it when it runs again,
  and makes their clips again as they were.

Real videos have neither, and there is no aligner here: their phonemes are None, never a guess.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.data.records import source_id_of
from src.data.speech import Phoneme
from src.data.store import Store
from src.data.visemes import BILABIALS, closure, split_phonemes
from src.errors import DataError
from src.files import write_json

PHONEMES = "phonemes"


def phonemes_of(store: Store, clip_id: str, root: Path | None = None) -> tuple[Phoneme, ...] | None:
    """The phonemes of a clip in the clip's own time: 0 is its first audio sample.

    Args:
        store: whose clip it is.
        clip_id: which.
        root: the folder with the source videos; None is where they were when the store was prepared.

    Returns:
        Phonemes in order, cut at the ends of the clip; None where they are not known, also because the videos are gone.

    Raises:
        DataError: the store has no such clip, or the file with its phonemes is damaged.
    """
    info = store.info(clip_id)
    path = phonemes_path(store.folder, info.path)
    if path.is_file():
        return _read(path, lambda content: content[clip_id])
    try:
        source = store.source_path(clip_id, root)
    except DataError:  # the videos are gone, and what was written beside them
        return None
    beside = source.with_suffix(".phonemes.json")
    if not beside.is_file():
        return None
    return shifted(_read(beside, lambda content: content["phonemes"]), info.start_s, info.seconds)


def closures_of(phonemes: Sequence[Phoneme]) -> NDArray[np.float64]:
    """(N, 2) start and end in seconds of the time in which /p b m/ hold the lips together.

    For phonemes as espeak-ng cuts them, see `src.data.visemes.closure`.

    Raises:
        DataError: a phoneme is no speech sound that is known here.
    """
    held = [closure(segment) for segment in split_phonemes(phonemes) if segment.symbol in BILABIALS]
    return np.array(held, np.float64).reshape(-1, 2)


def shifted(phonemes: Sequence[Phoneme], start_s: float, seconds: float) -> tuple[Phoneme, ...]:
    """What of some phonemes lies in a clip that begins at `start_s` of their time and lasts `seconds`, in its time."""
    moved = [
        replace(each, start_s=max(each.start_s - start_s, 0.0), end_s=min(each.end_s - start_s, seconds))
        for each in phonemes
    ]
    return tuple(each for each in moved if each.end_s > each.start_s)


def phonemes_path(folder: Path, name: str) -> Path:
    """Where a store keeps the phonemes of the source of this name, if it does."""
    return folder / PHONEMES / f"{source_id_of(name)}.json"


def write_phonemes(folder: Path, name: str, clips: Mapping[str, Sequence[Phoneme]]) -> None:
    """Write the phonemes of all clips of a source into a store, by clip id and in the time of each clip. Atomic."""
    content = {clip_id: [asdict(each) for each in phonemes] for clip_id, phonemes in clips.items()}
    write_json(phonemes_path(folder, name), content)


def _read(path: Path, part: Callable[[Any], Any]) -> tuple[Phoneme, ...]:
    try:
        listed = part(json.loads(path.read_text("utf-8")))
        return tuple(
            Phoneme(str(each["symbol"]), float(each["start_s"]), float(each["end_s"]), bool(each["stressed"]))
            for each in listed
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: the phonemes can't be read ({error!r}). Make the file again with the program that made the clip, "
            "or delete it: the clip is then one without known phonemes."
        ) from error
