"""A synthetic corpus as a folder of videos with known answers, in the layout of VoxCeleb.

* `id00001/clip001/00001.mp4`: the video with its sound;
* `id00001/clip001/00001.motion.npz`: the motion that drove the portrait, frame 0 at the first sample;
* `id00001/clip001/00001.phonemes.json`: text, voice and phonemes with their times;
* `corpus.json`: what was built, from which configuration.

A clip's folder appears complete or not at all, and building again makes only what is missing. How
pictures are made and written is handed in, because this package does not know renderers.
"""

import hashlib
import json
import logging
import multiprocessing
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from src.data.synthetic import CORPUS_FILE, SyntheticCorpus, Utterance
from src.errors import DataError
from src.files import replacing_folder, write_json
from src.motion import Motion

logger = logging.getLogger(__name__)

VERSION = 7
"""Grows when the code makes other clips from the same configuration."""

VIDEO_FILE, MOTION_FILE, PHONEMES_FILE = "00001.mp4", "00001.motion.npz", "00001.phonemes.json"

RenderFrames = Callable[[Motion], Iterable[NDArray[np.uint8]]]
"""Motion to one (H, W, 3) uint8 RGB image per frame."""

WriteClip = Callable[[Path, Iterable[NDArray[np.uint8]], float, NDArray[np.float32], int], None]
"""Writes a video file: path, images, frames per second, waveform and its sample rate."""


def build_corpus(
    corpus: SyntheticCorpus,
    *,
    render_frames: RenderFrames,
    write_clip: WriteClip,
    configuration: Mapping[str, Any],
    workers: int,
) -> Path:
    """Make the clips that are not there yet, and `corpus.json`.

    Clips of the same configuration are kept; those of another one are replaced, or removed where this
    corpus has none.

    Args:
        corpus: what to make, and its folder.
        render_frames: motion to images. With several workers it is sent to them, so it pickles.
        write_clip: writes a video file; pickles too.
        configuration: JSON-like; all that decides about the content of a single clip. It is stored,
            and compared by its hash.
        workers: processes, above 0. The content does not depend on it.

    Returns:
        The path of `corpus.json`.

    Raises:
        DataError: the folder holds something else than a synthetic corpus, or a worker died.
    """
    root, digest = corpus.root, configuration_hash(configuration)
    indices = [(s, c) for s in range(len(corpus.speakers)) for c in range(corpus.clips_per_speaker)]
    folders = [corpus.clip_folder(*index) for index in indices]
    _refuse_foreign(root)
    _remove_outdated(root, set(folders))
    missing = [index for index, folder in zip(indices, folders, strict=True) if _stored_hash(folder) != digest]
    logger.info("%s: %d clips to make, %d there already", root, len(missing), len(indices) - len(missing))

    maker = ClipMaker(corpus, render_frames, write_clip, digest)
    results = map(maker, missing) if workers == 1 else _in_processes(maker, missing, workers)
    for _ in track(results, "making clips", total=len(missing), console=Console(stderr=True)):
        pass

    clips = [_description(folder) for folder in folders]
    content = {
        "schema": "audio2motion/synthetic-corpus",
        "version": VERSION,
        "licence": corpus.licence,
        "seed": corpus.seed,
        "configuration_sha256": digest,
        "minutes": sum(clip["seconds"] for clip in clips) / 60,
        "clips": [{key: clip[key] for key in clip if key != "phonemes"} for clip in clips],
        "configuration": dict(configuration),
    }
    write_json(root / CORPUS_FILE, content)
    return root / CORPUS_FILE


@dataclass(frozen=True, eq=False)
class ClipMaker:
    """Makes clips; what a worker process is given."""

    corpus: SyntheticCorpus
    render_frames: RenderFrames
    write_clip: WriteClip
    configuration_sha256: str

    def __call__(self, index: tuple[int, int]) -> None:
        """Write the folder of a clip, index of its speaker and its own."""
        utterance = self.corpus.clip(*index)
        speech, motion = utterance.speech, utterance.motion
        target = self.corpus.clip_folder(*index)
        with replacing_folder(target) as folder:
            images = self.render_frames(motion)
            self.write_clip(folder / VIDEO_FILE, images, motion.fps, speech.waveform, speech.sample_rate_hz)
            motion.save(folder / MOTION_FILE)
            write_json(folder / PHONEMES_FILE, self._describe(target, utterance))

    def _describe(self, target: Path, utterance: Utterance) -> dict[str, Any]:
        return {
            "schema": "audio2motion/synthetic-clip",
            "configuration_sha256": self.configuration_sha256,
            "path": (target / VIDEO_FILE).relative_to(self.corpus.root).as_posix(),
            "speaker": target.parent.name,
            **utterance.description,
        }


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON-like configuration and of this module's version."""
    text = json.dumps({"version": VERSION, "configuration": configuration}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _in_processes(maker: ClipMaker, indices: Sequence[tuple[int, int]], workers: int) -> Iterator[None]:
    # Fresh interpreters, not forks: media libraries start threads, which forks do not survive.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_receive, initargs=(maker,)) as pool:
        try:
            for future in as_completed([pool.submit(_make, index) for index in indices]):
                yield future.result()
        except BrokenProcessPool as error:
            raise DataError(
                f"{maker.corpus.root}: a worker process died, perhaps for lack of memory. Finished clips are kept: run "
                "the same command again, with fewer `workers`."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_received: list[ClipMaker] = []


def _receive(maker: ClipMaker) -> None:
    """Keep what a worker needs for all of its clips: the avatar crosses the border once."""
    _received[:] = [maker]


def _make(index: tuple[int, int]) -> None:
    _received[0](index)


def _description(clip_folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((clip_folder / PHONEMES_FILE).read_text("utf-8"))
    return content


def _stored_hash(clip_folder: Path) -> str | None:
    """The configuration that a clip was made from; None if there is no complete clip."""
    if not all((clip_folder / name).is_file() for name in (VIDEO_FILE, MOTION_FILE, PHONEMES_FILE)):
        return None
    return str(_description(clip_folder)["configuration_sha256"])


def _refuse_foreign(root: Path) -> None:
    """Stop before anything is lost or mixed that somebody else put there."""
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: a file has the name of the corpus folder. Choose another folder.")
    if not root.is_dir():
        return
    for entry in sorted(root.iterdir()):
        if entry.name == CORPUS_FILE or (entry.name.startswith(".") and entry.is_file()):
            continue
        if not entry.is_dir() or not all(_is_ours(clip) for clip in entry.iterdir()):
            raise DataError(
                f"{entry}: not part of a synthetic corpus. Choose an empty folder, or the folder of an earlier corpus."
            )


def _is_ours(clip_folder: Path) -> bool:
    return (clip_folder / PHONEMES_FILE).is_file() or _is_unfinished(clip_folder)


def _is_unfinished(clip_folder: Path) -> bool:
    """What a killed process leaves: `replacing_folder` works under a hidden name."""
    return clip_folder.name.startswith(".clip")


def _remove_outdated(root: Path, wanted: set[Path]) -> None:
    """Remove clips that this corpus lacks, and what killed processes left behind."""
    for speaker_folder in sorted(root.glob("id*")):
        for folder in sorted(speaker_folder.iterdir()):
            if folder not in wanted:
                shutil.rmtree(folder)
        if not any(speaker_folder.iterdir()):
            speaker_folder.rmdir()
