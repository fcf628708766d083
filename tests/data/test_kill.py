"""Preparation is killed at random moments, and ends with the same store all the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from src.data.store import Store

ROOT = Path(__file__).resolve().parents[2]
LENIENT = ("prepare.settings.min_speech_share=0", "prepare.settings.min_face_px=80", "prepare.settings.min_seconds=0.5")


def start(videos: Path, store: Path) -> subprocess.Popen[bytes]:
    """Preparation in a session of its own, so that its worker can be killed with it, or not."""
    command = [sys.executable, "-m", "scripts.prepare_data", f"data.root={videos}", f"out={store}", "prepare.workers=1"]
    return subprocess.Popen([*command, *LENIENT], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)


def files(store: Path) -> dict[str, bytes]:
    """All that is in a store but the report, which holds times."""
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and not path.name.startswith("report.")
    }


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, write_talking, write_video, portrait) -> Path:
    """Good ones, one of two segments, and bad ones."""
    root = tmp_path_factory.mktemp("videos")
    for index in range(8):
        write_talking(root / f"speaker{index % 3}" / f"{index}.mp4", seed=index, seconds=1.0 + 0.3 * index)
    gap = portrait.copy()
    gap[20:170, 60:200] = 90
    (root / "bad.mp4").write_bytes((root / "speaker1" / "7.mp4").read_bytes()[:5000])
    (root / "letter.mkv").write_text("no video")
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    write_video(root / "two.mp4", [portrait] * 30 + [gap] * 9 + [portrait] * 36, np.arange(75) / 25, noise)
    return root


@pytest.mark.slow
def test_a_store_prepared_between_kills_is_that_of_one_quiet_run(tmp_path: Path, videos: Path) -> None:
    begun = time.monotonic()
    assert start(videos, tmp_path / "whole").wait(timeout=300) == 0
    duration_s = time.monotonic() - begun
    whole = files(tmp_path / "whole")
    store = tmp_path / "killed"
    generator = random.Random(0)
    done = []
    for attempt in range(4):
        process = start(videos, store)
        deadline = time.monotonic() + 300
        # A moment after the run has done something new, so that every run gets further, but none to its end.
        before = len(list((store / "sources").glob("*.json"))) if (store / "sources").is_dir() else 0
        while process.poll() is None and time.monotonic() < deadline:
            if (store / "sources").is_dir() and len(list((store / "sources").glob("*.json"))) > before:
                break
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.03 * duration_s))
        if attempt % 2:
            os.killpg(process.pid, signal.SIGKILL)  # the worker as well, in the middle of a clip
        else:
            process.kill()  # it alone: its worker ends by itself, maybe while the next run is under way
        process.wait(timeout=60)
        done.append(len(list((store / "sources").glob("*.json"))))
    assert done == sorted(done)
    assert start(videos, store).wait(timeout=300) == 0
    assert files(store) == whole
    assert Store.open(store).content_hash == Store.open(tmp_path / "whole").content_hash
    assert {"two-" in clip_id for clip_id in Store.open(store).clips.column("clip_id")} == {True, False}
