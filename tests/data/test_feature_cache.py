"""Features are computed once per sound and settings, survive kills, and are shared between processes."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from src.data import feature_cache
from src.data.feature_cache import CachedSound, FeatureCache
from src.data.features import LogMel, Mfcc
from tests.data.test_features import CONFIG, noise

MEL = LogMel(**CONFIG)


class Sounds:
    """Recordings by key, counting how often each is loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __getitem__(self, key: str) -> CachedSound:
        def load() -> np.ndarray:
            self.loaded.append(key)
            return noise(3_200, seed=int(key, 16))

        return CachedSound(key, load)


def test_features_are_computed_once_per_sound_and_settings(tmp_path: Path) -> None:
    sounds, cache = Sounds(), FeatureCache(tmp_path)
    for _ in range(2):
        assert np.array_equal(cache.hops(sounds["0a"], MEL), MEL.extract(noise(3_200, 10)))
        assert np.array_equal(FeatureCache(tmp_path).hops(sounds["0b"], MEL), MEL.extract(noise(3_200, 11)))
    assert sounds.loaded == ["0a", "0b"]
    other = LogMel(**{**CONFIG, "n_mels": 40})
    assert cache.hops(sounds["0a"], other).shape == (20, 40)
    assert sounds.loaded == ["0a", "0b", "0a"]
    assert np.array_equal(cache.hops(sounds["0a"], MEL), MEL.extract(noise(3_200, 10)))


def test_what_is_kept_are_the_hops_of_the_front(tmp_path: Path) -> None:
    sounds, cache = Sounds(), FeatureCache(tmp_path)
    cache.hops(sounds["0a"], MEL)
    for keep_c0 in (True, False):
        hops = cache.hops(sounds["0a"], Mfcc(n_mfcc=13, keep_c0=keep_c0, **CONFIG))
        assert np.array_equal(hops, MEL.extract(noise(3_200, 10)))
    assert sounds.loaded == ["0a"]


def test_hops_are_memory_mapped_and_read_only(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    for _ in range(2):
        hops = cache.hops(Sounds()["0a"], MEL)
        assert isinstance(hops, np.memmap)
        assert not hops.flags.writeable


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"nonsense", "half"])
def test_damaged_features_are_made_again(tmp_path: Path, content: bytes | str) -> None:
    sounds, cache = Sounds(), FeatureCache(tmp_path)
    whole = cache.hops(sounds["0a"], MEL).copy()
    path = cache.path("0a", MEL)
    written = path.read_bytes()
    path.write_bytes(written[: len(written) // 2] if isinstance(content, str) else content)
    assert np.array_equal(cache.hops(sounds["0a"], MEL), whole)
    assert path.read_bytes() == written
    assert len(sounds.loaded) == 2


def test_filling_computes_what_is_missing_and_tells_how_far_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "_PROGRESS_EVERY_S", 0.0)
    sounds, cache = Sounds(), FeatureCache(tmp_path)
    cache.hops(sounds["0b"], MEL)
    with caplog.at_level(logging.INFO):
        assert cache.fill([sounds[key] for key in ("0a", "0b", "0c")], MEL) == 2
        assert cache.fill([sounds[key] for key in ("0a", "0b", "0c")], MEL) == 0
    assert sorted(sounds.loaded) == ["0a", "0b", "0c"]
    assert "features: 2 of 3 clips to compute" in caplog.text
    assert "features: 1 of 2 clips, about 0 minutes left" in caplog.text


FILLING = """
import sys, time
from src.data.feature_cache import FeatureCache
from tests.data.test_feature_cache import MEL, Sounds
sounds = Sounds()
print("ready", flush=True)
FeatureCache(sys.argv[1]).fill([sounds[f"{key:02x}"] for key in range(int(sys.argv[2]))], MEL)
"""


def filling(folder: Path, count: int) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", FILLING, str(folder), str(count)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def whole_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / MEL.config_hash).glob("[!.]*.npy")}


def test_processes_that_fill_one_folder_and_a_killed_one_leave_whole_files_only(tmp_path: Path) -> None:
    expected = FeatureCache(tmp_path / "alone")
    sounds = Sounds()
    expected.fill([sounds[f"{key:02x}"] for key in range(200)], MEL)
    killed = filling(tmp_path / "shared", 200)
    while not (tmp_path / "shared" / MEL.config_hash).is_dir():
        assert killed.poll() is None or (tmp_path / "shared").is_dir()
        time.sleep(0.001)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    after_kill = whole_files(tmp_path / "shared")
    assert after_kill.items() <= whole_files(tmp_path / "alone").items()
    processes = [filling(tmp_path / "shared", 200) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert whole_files(tmp_path / "shared") == whole_files(tmp_path / "alone")
