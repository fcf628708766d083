"""Preparation of real footage: a news anchor and a speaker on a stage."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.data.store import Store
from src.eval.metrics import frame_rms

CLIPS = ("aoc_5s.mp4", "obama_weekly_8s.mp4", "retalk_woman5_5s.mp4")


@pytest.mark.slow
def test_real_footage_becomes_a_store_whose_mouths_move_with_their_sound(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    (tmp_path / "videos").mkdir()
    for name in CLIPS:
        shutil.copy(shared / "data/real/video" / name, tmp_path / "videos")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("prepare_data", [f"data.root={tmp_path / 'videos'}", f"out={tmp_path / 'store'}"])
    report = instantiate(config.prepare).run(instantiate(config.data), tmp_path / "store", lambda done, total: None)
    assert (report.clips_ok, report.clips_rejected) == (3, 0)

    store = Store.open(tmp_path / "store")
    assert len({info.speaker for info in store.clips}) == 3
    for info in store.clips:
        clip = store.load(info.clip_id)
        assert clip.motion.valid.mean() > 0.95
        jaw = clip.motion.channel("jaw_open")
        assert np.percentile(jaw, 10) < 0.05  # lips close in speech
        assert 0.05 < np.percentile(jaw, 95) < 0.4
        loudness = frame_rms(clip.waveform, info.sample_rate_hz, clip.motion.fps, len(jaw))
        assert np.corrcoef(jaw, np.log(loudness + 1e-3))[0, 1] > 0.1
