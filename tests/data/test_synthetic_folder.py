import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.articulation import Style
from src.data.speech import PAUSE, Phoneme, Speech
from src.data.synthetic import CORPUS_FILE, Speaker, Utterance
from src.data.synthetic_folder import build_corpus
from src.errors import DataError
from src.motion import CORE7, Motion

CONFIGURATION = {"image_size": 4}


class TwoSpeakers:
    """A corpus of hums in place of `SyntheticCorpus`: same surface, no speech library."""

    def __init__(self, root: Path, clips_per_speaker: int = 2) -> None:
        self.root, self.clips_per_speaker, self.seed, self.licence = root, clips_per_speaker, 0, "none"
        self.speakers = tuple(Speaker(voice="en-us", variant=name, pitch=50, rate_wpm=150) for name in ("f1", "m1"))

    def clip_folder(self, speaker_index: int, clip_index: int) -> Path:
        return self.root / f"id{speaker_index + 1:05d}" / f"clip{clip_index + 1:03d}"

    def clip(self, speaker_index: int, clip_index: int) -> Utterance:
        rng = np.random.default_rng([speaker_index, clip_index + 1])
        speech = Speech(rng.uniform(-1, 1, 3200).astype(np.float32), 16_000, (Phoneme(PAUSE, 0.0, 0.2, False),))
        motion = Motion(rng.uniform(0, 0.2, (5, CORE7.size)).astype(np.float32), CORE7)
        return Utterance("hum", self.speakers[speaker_index], Style(1.0, 1.0), speech, motion)


def render_frames(motion: Motion) -> Iterator[NDArray[np.uint8]]:
    for frame in motion.values:
        yield np.full((4, 4, 3), int(1000 * frame[0]), np.uint8)


def write_clip(
    path: Path, images: Iterable[NDArray[np.uint8]], fps: float, waveform: NDArray[np.float32], sample_rate_hz: int
) -> None:
    header = f"{fps} {sample_rate_hz} ".encode()
    path.write_bytes(header + b"".join(image.tobytes() for image in images) + waveform.tobytes())


def build(corpus: TwoSpeakers, **changed: object) -> Path:
    arguments = {"render_frames": render_frames, "write_clip": write_clip, "configuration": CONFIGURATION, "workers": 1}
    return build_corpus(corpus, **{**arguments, **changed})  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_corpus_has_the_layout_of_voxceleb_with_the_truth_beside_each_video(tmp_path: Path) -> None:
    path = build(TwoSpeakers(tmp_path / "corpus"))
    assert path == tmp_path / "corpus" / CORPUS_FILE
    listed = json.loads(path.read_text("utf-8"))
    assert [clip["path"] for clip in listed["clips"]] == [
        f"id0000{speaker}/clip00{clip}/00001.mp4" for speaker in (1, 2) for clip in (1, 2)
    ]
    assert listed["minutes"] == pytest.approx(4 * 0.2 / 60)
    corpus = TwoSpeakers(tmp_path / "corpus")
    motion = Motion.load(tmp_path / "corpus/id00002/clip001/00001.motion.npz")
    np.testing.assert_array_equal(motion.values, corpus.clip(1, 0).motion.values)
    described = json.loads((tmp_path / "corpus/id00002/clip001/00001.phonemes.json").read_text("utf-8"))
    assert (described["speaker"], described["language"], described["voice"]) == ("id00002", "en", "en-us")
    assert described["phonemes"] == [{"symbol": PAUSE, "start_s": 0.0, "end_s": 0.2, "stressed": False}]


@pytest.mark.parametrize("workers", [1, 2])
def test_two_builds_are_identical_in_every_byte_whatever_the_number_of_processes(tmp_path: Path, workers: int) -> None:
    build(TwoSpeakers(tmp_path / "one"))
    build(TwoSpeakers(tmp_path / "two"), workers=workers)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert len(one) == 1 + 4 * 3
    assert one == two


def test_building_again_makes_nothing(tmp_path: Path) -> None:
    def refuse(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        raise AssertionError("a finished clip was rendered again")

    build(TwoSpeakers(tmp_path))
    before = contents(tmp_path)
    build(TwoSpeakers(tmp_path), render_frames=refuse)
    assert contents(tmp_path) == before


def test_a_killed_build_keeps_its_finished_clips_and_ends_like_any_other(tmp_path: Path) -> None:
    made = []

    def dies_in_the_third(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(motion)
        return render_frames(motion)

    with pytest.raises(KeyboardInterrupt):
        build(TwoSpeakers(tmp_path / "killed"), render_frames=dies_in_the_third)
    assert len(list((tmp_path / "killed").rglob("*.mp4"))) == 2
    assert not (tmp_path / "killed" / CORPUS_FILE).exists()
    leftover = tmp_path / "killed" / "id00002" / ".clip001.0123abcd"  # a kill -9 leaves this
    leftover.mkdir(parents=True)
    (leftover / ".00001.4567cdef.mp4").write_bytes(b"half a video")
    build(TwoSpeakers(tmp_path / "killed"))
    build(TwoSpeakers(tmp_path / "whole"))
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_another_configuration_replaces_all_clips(tmp_path: Path) -> None:
    build(TwoSpeakers(tmp_path))
    before = contents(tmp_path)
    build(TwoSpeakers(tmp_path), configuration={"image_size": 8})
    after = contents(tmp_path)
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before if name.endswith(".json"))


def test_a_larger_corpus_keeps_what_is_there_and_a_smaller_one_removes_the_rest(tmp_path: Path) -> None:
    build(TwoSpeakers(tmp_path / "grown", clips_per_speaker=1))
    inode = (tmp_path / "grown/id00001/clip001/00001.mp4").stat().st_ino
    build(TwoSpeakers(tmp_path / "grown", clips_per_speaker=3))
    assert (tmp_path / "grown/id00001/clip001/00001.mp4").stat().st_ino == inode
    build(TwoSpeakers(tmp_path / "grown", clips_per_speaker=2))
    build(TwoSpeakers(tmp_path / "made", clips_per_speaker=2))
    assert contents(tmp_path / "grown") == contents(tmp_path / "made")


@pytest.mark.parametrize("name", ["holiday.mp4", "id00001/clip001/00001.mp4", "id00001/notes.txt", "src/a.py"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    precious = tmp_path / name
    precious.parent.mkdir(parents=True, exist_ok=True)
    precious.write_bytes(b"precious")
    with pytest.raises(DataError, match=r"not part of a synthetic corpus. Choose an empty folder"):
        build(TwoSpeakers(tmp_path))
    assert contents(tmp_path) == {name: b"precious"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_bytes(b"")
    with pytest.raises(DataError, match="a file has the name of the corpus folder"):
        build(TwoSpeakers(tmp_path / "corpus"))


def test_an_error_in_a_worker_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no picture today"):
        build(TwoSpeakers(tmp_path), render_frames=fail, workers=2)


def test_a_worker_that_dies_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a worker process died.*Finished clips are kept"):
        build(TwoSpeakers(tmp_path), render_frames=die, workers=2)


def fail(motion: Motion) -> Iterator[NDArray[np.uint8]]:
    raise DataError("no picture today")


def die(motion: Motion) -> Iterator[NDArray[np.uint8]]:
    import os

    os._exit(9)
