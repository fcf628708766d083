"""Scripts as processes of their own, without the seconds that each would spend on importing PyTorch and the like.

A server without threads, started once, imports the packages that scripts use, and nothing of ours. Each script is a
fork of it, with its own command line, environment, folder, output and exit code, and imports our modules as
`python -m scripts.<name>` does. Tests of how an interpreter starts, or of what differs between two, take `subprocess`.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["torch", "torchaudio", "pytorch_lightning", "hydra", "rich.logging", "scipy.signal", "cv2", "matplotlib"]
"""The slow ones of those that start no thread, which a fork would not have."""


def prepared() -> ForkServerContext:
    """Where processes come from that have the packages."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PACKAGES)
    return context


def run_script(
    name: str, *arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout_s: float = 600.0
) -> subprocess.CompletedProcess[str]:
    """What `python -m scripts.<name> <arguments>` says and returns.

    Args:
        name: of the script.
        arguments: as on the command line.
        cwd: the folder that it runs in.
        env: all of its environment; None for that of this process.
        timeout_s: longest time; beyond it, it is killed.

    Raises:
        subprocess.TimeoutExpired: it was.
    """
    context = prepared()
    with tempfile.TemporaryDirectory() as folder:
        streams = Path(folder) / "out", Path(folder) / "err"
        # Not a daemon: scripts start processes.
        process = context.Process(
            target=_run, args=(name, arguments, streams, cwd, dict(env or os.environ)), daemon=False
        )
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(f"scripts.{name}", timeout_s)
        out, err = (stream.read_text(errors="replace") for stream in streams)
        return subprocess.CompletedProcess([name, *arguments], process.exitcode, out, err)


def _run(
    name: str, arguments: tuple[str, ...], streams: tuple[Path, Path], cwd: Path, environment: dict[str, str]
) -> None:
    for descriptor, stream in zip((1, 2), streams, strict=True):
        with open(stream, "wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(f"scripts.{name}", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # a forked process ends without
