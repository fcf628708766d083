import json
import re
import subprocess
import sys
from pathlib import Path

import av
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import train
from scripts.demo import forget_run, quoted
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]

# The whole job at its smallest: one sentence for each of four voices and one to speak, two epochs, time that passes as
# fast as it computes.
VOICES = ",".join(
    f"{{_target_:src.data.synthetic.Speaker,voice:{voice},variant:{variant},pitch:50,rate_wpm:180}}"
    for voice, variant in (("en-us", "f2"), ("es", "f4"), ("de", "m1"), ("en-gb-scotland", "m5"))
)
QUICK = [
    f"overrides.make_corpus=['data.clips_per_speaker=1','data.sentences_per_clip=1','data.speakers=[{VOICES}]',"
    "'data.held_out.text=\"Hello, I am a portrait that learned to speak this morning.\"']",
    "overrides.train=['trainer.max_epochs=2']",
    "overrides.realtime=['clock=virtual']",
]


def demo(*overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.demo", *overrides], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_demo_makes_a_talking_video_and_its_report(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="speech synthesis is not installed: pip install espeakng-loader")
    result = demo(f"out={tmp_path}", *QUICK)
    assert result.returncode == 0, result.stderr

    with av.open(str(tmp_path / "talking.mp4")) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (picture.width, picture.height) == (512, 512)
        assert float(picture.duration * picture.time_base) == pytest.approx(
            float(sound.duration * sound.time_base), abs=0.05
        )

    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    wanted = {"fps", "latency_ms", "frames", "dropped", "repeated", "av_offset_ms", "lip_r", "lip_lag_ms"}
    assert wanted <= report.keys()
    assert {"p50", "p95", "p99"} <= report["latency_ms"].keys()
    assert set(report["stage_seconds"]) == {"avatar", "corpus", "data", "training", "live", "report", "total"}
    assert report["fps"] == pytest.approx(25)
    assert (report["dropped"], report["repeated"]) == (0, 0)
    assert -1 <= report["lip_r"] <= 1

    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<video" in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page)
    assert (tmp_path / "talking.png").is_file()
    assert "lip_r" in result.stdout
    assert "talking.mp4" in result.stdout


@pytest.mark.slow
def test_a_portrait_without_a_face_fails_before_any_long_work(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    import numpy as np

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 300, 3), 128, np.uint8))
    result = demo(f"out={tmp_path / 'out'}", f"portrait={tmp_path / 'wall.png'}")
    assert result.returncode == 2
    assert "error: wall: no face was found in the picture" in result.stderr
    assert not (tmp_path / "out").exists()


@settings(max_examples=60)
@given(st.text(alphabet="ab /'\"\\,=[]{}$()空格 ", min_size=1).filter(lambda text: "${" not in text))
def test_any_path_survives_the_way_through_the_command_line(path: str) -> None:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        assert compose("demo", [f"out={quoted(path)}"]).out == path


def test_only_a_training_run_is_forgotten(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="exists and is no training run"):
        forget_run(run)
    assert (run / "thesis.txt").exists()
    (run / train.CONFIG).write_text("seed: 0")
    forget_run(run)
    assert not run.exists()
    forget_run(run)
