"""Every source and sink of the live script composes, is made from its configuration, and runs or says why not."""

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate

import scripts.realtime
from scripts.entry import CONFIG_FOLDER, require_values
from scripts.realtime import Interruptible, ended_by_interrupt, recorded, source_record
from src.errors import ConfigError
from tests.realtime.fakes import ListSource, ramp
from tests.realtime.sinks.fake_card import FakeLibrary
from tests.realtime.sources.pipes import piped_stdin
from tests.scripts.test_realtime import composed

SOURCES = sorted(path.stem for path in (CONFIG_FOLDER / "realtime" / "source").glob("*.yaml"))
SINKS = sorted(path.stem for path in (CONFIG_FOLDER / "realtime" / "sink").glob("*.yaml"))
TTS = {"espeak": (), "command": (f"speech.voice.command=['{sys.executable}']",)}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_is_made_from_its_configuration(
    source: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng is an extra")
    monkeypatch.setattr("src.realtime.sources.microphone.sound_library", FakeLibrary)
    more = {"file": [f"source='{inputs / 'speech.wav'}'"], "text": ["speech.text='Hello.'"]}.get(source, [])
    config = composed("realtime", f"realtime/source={source}", *more)
    require_values(config, "realtime")
    made = instantiate(config.speech)
    assert 1 <= made.chunk_samples / made.sample_rate_hz * 1000 <= 20


@pytest.mark.parametrize("tts", sorted(path.stem for path in (CONFIG_FOLDER / "realtime" / "tts").glob("*.yaml")))
@pytest.mark.parametrize("source", ["text", "typed"])
def test_every_voice_is_made_from_its_configuration(tts: str, source: str) -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng is an extra")
    config = composed("realtime", f"realtime/source={source}", f"realtime/tts={tts}", *TTS[tts])
    assert callable(instantiate(config.speech.voice).speak)


@pytest.mark.parametrize("sink", SINKS)
def test_every_sink_is_made_from_its_configuration(sink: str, tmp_path: Path) -> None:
    config = composed("realtime", f"realtime/sink={sink}", "source=a.wav", f"out='{tmp_path}'")
    assert callable(instantiate(config.sink).open)


def test_a_recording_is_asked_for_where_one_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"no value for source, and there is no default"):
        require_values(composed("realtime"), "realtime")


def test_only_recordings_are_in_the_report_and_no_secret_is(inputs: Path) -> None:
    assert source_record(None) == {"path": "live", "sha256": None}
    assert len(source_record(str(inputs / "speech.wav"))["sha256"] or "") == 64
    config = composed("realtime", "realtime/source=websocket", "speech.token=hush")
    assert "hush" not in json.dumps(recorded(config))


def test_ctrl_c_ends_a_live_source_and_then_is_as_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    source = Interruptible(ListSource(ramp(1.0)))
    assert (source.sample_rate_hz, source.chunk_samples) == (16_000, 160)
    with ended_by_interrupt(source):
        chunks = source.chunks()
        next(chunks)
        signal.raise_signal(signal.SIGINT)
        assert list(chunks) == []
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("sink", ["mkv", "none"])
def test_a_pipe_becomes_a_talking_portrait(
    sink: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    tone = (np.sin(np.arange(8000) / 10) * 8000).astype("<i2")
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(tone.tobytes())
        pipe.end()
        scripts.realtime.main(
            composed(
                "realtime",
                f"checkpoint='{inputs / 'best.ckpt'}'",
                f"avatar='{inputs / 'avatar'}'",
                f"out='{out}'",
                "render.size=256",
                "evaluate=false",
                "clock=virtual",
                "realtime/source=stdin",
                f"realtime/sink={sink}",
            )
        )
    report = json.loads((out / "report.json").read_text())
    assert report["frames"] >= 12
    assert report["inputs"]["source"] == {"path": "live", "sha256": None}
    assert (out / "talking.mkv").exists() == (sink == "mkv")
