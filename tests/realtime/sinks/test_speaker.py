"""A real PortAudio plays to a real sound server and hears itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.realtime import sound_server


@pytest.mark.slow
@pytest.mark.skipif(sound_server.missing() is not None, reason=str(sound_server.missing()))
def test_pictures_are_seen_when_a_microphone_hears_their_sound(tmp_path: Path) -> None:
    pytest.importorskip("sounddevice", reason="sound devices are an extra", exc_type=(ImportError, OSError))
    with sound_server.sound_server(tmp_path) as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.realtime.sound_loop"],
            env={**os.environ, **environment, "PYTHONPATH": "."},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout)
    # Eight clicks, 0.4 s apart; the first ones may fall into the start of the server's microphone.
    apart = found["apart_in_microphone"]
    assert len(apart) >= 5
    assert np.median(apart) == pytest.approx(0.4 * 48_000, rel=0.01)
    parted_ms = 1000 * (np.array(found["seen_s"])[-5:] - np.array(found["clicks_s"])[-5:])
    assert abs(np.median(parted_ms)) < 40  # a frame, on a machine that others keep busy
    assert found["dropped"] == 0


def test_a_machine_without_a_device_says_so() -> None:
    pytest.importorskip("sounddevice", reason="sound devices are an extra", exc_type=(ImportError, OSError))
    asks = (
        "from src.errors import StreamError\n"
        "from src.realtime.frame import Layout\n"
        "from src.realtime.sinks.window import WindowSink\n"
        "from src.realtime.sources.microphone import MicrophoneSource\n"
        "layout = Layout(64, 64, 25.0, 16_000)\n"
        "def window():\n"
        "    with WindowSink(title='a', sound=True, device=None, latency='low').open(layout):\n"
        "        pass\n"
        "def microphone():\n"
        "    MicrophoneSource(device=None, sample_rate_hz=None, chunk_ms=10.0, buffer_ms=500.0, latency='low')\n"
        "for ask in (window, microphone):\n"
        "    try:\n"
        "        ask()\n"
        "    except StreamError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asks],
        env={**os.environ, "PULSE_SERVER": "unix:/nonexistent", "PYTHONPATH": "."},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    if "system's own" not in done.stdout:
        pytest.skip("this machine has sound devices")
    window, microphone = done.stdout.splitlines()
    assert window.endswith("Connect or name one, or show it without sound: sink.sound=false.")
    assert microphone.endswith("or speak from a file with realtime/source=file source=<recording>.")
