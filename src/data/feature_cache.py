"""Features on the disk, for extractors that take longer than reading does.

`<folder>/<hash of the extractor>/<key of the sound>.npy` holds the hops (K, F) of one clip, float32, memory-mappable.
Both names are content hashes: the same sound and settings are computed once, whichever store, split or experiment
asks, and other settings lie beside them. Clips and landmarks are never touched. What is kept are the hops of
`FeatureExtractor.front`: what comes after it is cheap.

A file appears whole or not at all, so a run that was killed goes on where it stopped, and several processes can fill
one folder: at worst they compute the same clip at once, and the files are equal. A folder can be deleted at any time.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.data.features import FeatureExtractor
from src.data.store import Store
from src.files import replacing

logger = logging.getLogger(__name__)

_PROGRESS_EVERY_S = 30.0


@dataclass(frozen=True)
class FeatureFolders:
    """Where the things are that are made once of a store, the same for all who train on it or judge by it.

    Attributes:
        of_store: what belongs to this content of this store: rows of its clips, offsets of its speakers, experts.
        hops: of `FeatureCache`; with a folder for the features of all stores, these are shared by them.
    """

    of_store: Path
    hops: Path

    @classmethod
    def of(cls, store: Store, cache: Path | str | None) -> "FeatureFolders":
        """The folders of a store.

        Args:
            store: the clips.
            cache: `data.cache`, a folder for the features of all stores; None keeps them in the store.
        """
        root = store.folder / "features" if cache is None else Path(cache)
        return cls(root if cache is None else root / store.content_hash[:16], root / "hops")


@dataclass(frozen=True)
class CachedSound:
    """A recording whose features are wanted.

    Attributes:
        key: hexadecimal hash of its samples, such as `ClipInfo.audio_sha256`.
        load: gives the waveform (S,); called only if there are no features yet.
    """

    key: str
    load: Callable[[], NDArray[np.float32]]


class FeatureCache:
    """The hops of recordings, computed when they are asked for the first time."""

    def __init__(self, folder: Path | str) -> None:
        """`folder`: where; made when the first features are."""
        self._folder = Path(folder)

    def path(self, key: str, extractor: FeatureExtractor) -> Path:
        """Where the hops of a recording are, or will be."""
        return self._folder / extractor.front.config_hash / f"{key}.npy"

    def hops(self, sound: CachedSound, extractor: FeatureExtractor) -> NDArray[np.float32]:
        """Hops of `extractor.front`, (K, F), read-only and memory-mapped.

        A file that is damaged, as after a loss of power, is made again.

        Raises:
            DataError: the sound can't be read.
        """
        path = self.path(sound.key, extractor)
        hops = _read(path, extractor.front.size)
        if hops is None:
            _write(path, extractor.front.extract(sound.load()))
            hops = np.load(path, mmap_mode="r")
        return hops

    def fill(self, sounds: Sequence[CachedSound], extractor: FeatureExtractor) -> int:
        """Compute what is missing, and tell how far it is every half minute.

        Returns:
            How many recordings were computed.

        Raises:
            DataError: as `hops`.
        """
        missing = [sound for sound in sounds if not self.path(sound.key, extractor).is_file()]
        if not missing:
            return 0
        logger.info("features: %d of %d clips to compute, kept in %s", len(missing), len(sounds), self._folder)
        started = told = time.monotonic()
        for done, sound in enumerate(missing, start=1):
            self.hops(sound, extractor)
            now = time.monotonic()
            if now - told >= _PROGRESS_EVERY_S:
                told, left_s = now, (now - started) / done * (len(missing) - done)
                logger.info("features: %d of %d clips, about %.0f minutes left", done, len(missing), left_s / 60)
        logger.info("features: %d clips in %.0f s", len(missing), time.monotonic() - started)
        return len(missing)


def _read(path: Path, size: int) -> NDArray[np.float32] | None:
    """The array of a file; None if there is none, or no whole one."""
    try:
        hops: NDArray[np.float32] = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError) as error:
        logger.warning("%s: damaged features (%s), computed again.", path, error)
        return None
    return hops if hops.ndim == 2 and hops.shape[1] == size and hops.dtype == np.float32 else None


def _write(path: Path, hops: NDArray[np.float32]) -> None:
    with replacing(path) as unfinished:
        np.save(unfinished, hops)
