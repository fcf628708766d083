"""A sound card in software: PulseAudio with a loudspeaker that goes nowhere and a microphone that hears it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ALSA = """
pcm.loop { type pulse }
ctl.loop { type pulse }
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


def missing() -> str | None:
    """Why there can be none here."""
    if shutil.which("pulseaudio") is None:
        return "no sound server: apt-get install pulseaudio libasound2-plugins"
    folders = Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")
    return None if any(folders) else "ALSA knows no PulseAudio: apt-get install libasound2-plugins"


@contextmanager
def sound_server(folder: Path) -> Iterator[dict[str, str]]:
    """Environment of programs that hear and speak through it."""
    socket = folder / "socket"
    (folder / "alsa.conf").write_text(ALSA)
    environment = {
        "HOME": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_STATE_PATH": str(folder),
        "PULSE_SERVER": f"unix:{socket}",
        "ALSA_CONFIG_PATH": str(folder / "alsa.conf"),
        "PATH": os.environ["PATH"],
    }
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm"),
                *("--high-priority=no", "--realtime=no", "--log-level=notice"),
                *("-L", "module-null-sink sink_name=loop rate=48000 channels=1"),
                *("-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"),
            ],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        while not socket.exists() and server.poll() is None:
            time.sleep(0.02)
        assert server.poll() is None, (folder / "log").read_text()
        yield environment
    finally:
        server.terminate()
        server.wait()
