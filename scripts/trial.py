"""One trial of a sweep, from its folder to its result: a training in a process of its own.

A launcher calls `run_trial` in a worker, here or on another machine. The worker starts the training, waits for it and
writes what came of it; a training that crashes, is killed for its memory or never ends well costs itself alone. The
folder is locked meanwhile, so no second worker of this sweep, or of the same one started again, trains in it as well.

Nothing of Torch is imported before it is needed: a worker is small.
"""

import csv
import ctypes
import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.entry import quoted
from scripts.ledger import LOG, PRUNING, SWEEP, Result, Trial
from scripts.trial_identity import leaves
from src.errors import CheckpointError, ConfigError
from src.files import sha256_of, write_json

logger = logging.getLogger(__name__)

LOCK, SPEED, PRUNED = "lock", "speed.json", "pruned.json"

_ROOT = Path(__file__).resolve().parent.parent
_START = "from scripts.trial import train_and_measure; train_and_measure()"
_PROMPT = "$ "
_ERROR_LINES = 15
_POLL_S = 0.5
_STOPPED = (-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)
_GRACE_S = 1.0
"""Whoever kills all of a sweep comes to this process, too, before it writes that its child was killed."""

_SOUND_S, _WARM_UP, _BLOCKS = 4.0, 50, 250
"""Of the speed: made-up sound like speech; 40 ms blocks before and under the clock."""


def run_trial(folder: Path, owner: int | None) -> None:
    """Bring a trial to its end, whatever state it is in; returns at once if it has ended.

    Waits while another process works on it. An unfinished run goes on from its last checkpoint.

    Args:
        folder: of the trial, as `scripts.ledger` lays it out, in the folder of its sweep.
        owner: the process whose child this worker is and which it must not outlive; None for a worker that may.
    """
    with locked(folder) as lock:
        trial = Trial.read(folder)
        if trial.result is None:
            header = json.loads((folder.parents[1] / SWEEP).read_text("utf-8"))
            _run(trial, header, lock, owner).write(folder)


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Be the only one at work in a trial's folder, and wait for that. Gives the descriptor that the lock hangs on.

    The lock is the kernel's: it goes with the last process that has the descriptor, however that ends.
    """
    with open(folder / LOCK, "a") as file:
        _lock(file.fileno(), wait=True)
        yield file.fileno()


def is_locked(folder: Path) -> bool:
    """Whether somebody is at work on a trial."""
    if not (folder / LOCK).is_file():
        return False
    with open(folder / LOCK, "a") as file:
        return not _lock(file.fileno(), wait=False)


def train_and_measure() -> None:
    """`scripts.train` with this command line's overrides, and the speed of what came out: the child of a worker."""
    from omegaconf import DictConfig

    from scripts import train
    from scripts.entry import run

    def main(config: DictConfig) -> None:
        train.main(config)
        out = Path(config.out)
        write_json(out / SPEED, measure_speed(out / train.BEST, out.parent))

    run(main, "train")


def measure_speed(checkpoint: Path, scratch: Path) -> dict[str, Any]:
    """What a frame costs live on one thread: sound in, features and exported step, motion out.

    Args:
        checkpoint: of the run.
        scratch: a folder for the exported file, which doesn't stay.

    Returns:
        `cpu_ms_per_frame` with the p50 and p95 of the time that the thread had the processor, or None with a `reason`.
    """
    from scripts.model_speed import percentiles, step_times_us
    from scripts.speech_like import speech_like
    from src.models.checkpoint import load_checkpoint
    from src.models.export import FP32, export_step
    from src.realtime.predictor import SpeechToMotion

    loaded, exported = load_checkpoint(checkpoint), scratch / "step.onnx"
    try:
        export_step(loaded, exported, FP32)
    except (CheckpointError, ConfigError) as error:  # it hears whole recordings, or the extra `export` is missing
        return {"cpu_ms_per_frame": None, "reason": str(error)}
    stream = SpeechToMotion.load(exported).stream()
    exported.unlink()
    contract = loaded.contract
    waveform = speech_like(_SOUND_S, contract.sample_rate_hz, 0)
    block = round(contract.sample_rate_hz / contract.fps)
    blocks = waveform[: len(waveform) // block * block].reshape(-1, block)
    cpu = percentiles(step_times_us(stream.push, blocks, _WARM_UP, _BLOCKS))["cpu"]
    return {"cpu_ms_per_frame": {name: round(cpu[name] / 1e3, 4) for name in ("p50", "p95")}, "reason": ""}


def command_line(trial: Trial, header: Mapping[str, Any]) -> list[str]:
    """The overrides of `scripts.train` for a trial, all of them."""
    launch = header["launch"]
    overrides = [
        *trial.overrides,
        f"data.store={quoted(header['data']['store'])}",
        f"out={quoted(str(trial.run.resolve()))}",
        f"logger={launch['logger']}",
    ]
    if launch["logger"] == "wandb":
        overrides += [
            f"+logger.wandb.group={quoted(header['name'])}",
            f"+logger.wandb.tags=[sweep,{trial.kind}]",
            f"+logger.wandb.name={quoted(trial.id)}",
        ]
    if (trial.folder / PRUNING).is_file():
        pruning = json.loads((trial.folder / PRUNING).read_text("utf-8"))
        values = {
            "_target_": "src.models.pruning.PruneTrial",
            "history": str((trial.folder / PRUNING).resolve()),
            "record": str((trial.run / PRUNED).resolve()),
            "monitor": header["objective"]["metric"],
            "pruner": pruning["pruner"],
        }
        overrides += [
            f"+callbacks.prune.{key}={quoted(value) if isinstance(value, str) else json.dumps(value)}"
            for key, value in leaves(values)
        ]
    if (trial.run / "last.ckpt").is_file():
        overrides.append("resume=true")
    return overrides


def _run(trial: Trial, header: Mapping[str, Any], lock: int, owner: int | None) -> Result:
    if not (trial.run / "last.ckpt").is_file():
        shutil.rmtree(trial.run, ignore_errors=True)  # it had not come to a checkpoint
    overrides = command_line(trial, header)
    started = time.monotonic()
    with open(trial.folder / LOG, "ab") as log:
        log.write(f"{_PROMPT}{shlex.join(['python', '-m', 'scripts.train', *overrides])}\n".encode())
        log.flush()
        status = _train(overrides, log.fileno(), Path(header["launch"]["folder"]), lock, owner)
    seconds = round(time.monotonic() - started, 1)
    if status in _STOPPED:
        raise KeyboardInterrupt  # by a person or by a cluster that takes its machine back: no result
    if status == -signal.SIGKILL:
        time.sleep(_GRACE_S)
    if status:
        return Result(state="failed", error=_last_words(trial.folder / LOG, status), seconds=seconds)
    try:
        return _read_run(trial, header["objective"]["metric"], seconds)
    except (OSError, ValueError, KeyError) as error:
        return Result(state="failed", error=f"{trial.run}: no readable results ({error!r})", seconds=seconds)


def _train(overrides: list[str], log: int, folder: Path, lock: int, owner: int | None) -> int:
    """Run the training and wait. It goes when this process does, which goes when its owner does."""
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("HYDRA_FULL_ERROR", None)  # `scripts.entry` sets it: the log is to say errors plainly
    with subprocess.Popen(
        [sys.executable, "-c", _START, *overrides],
        cwd=folder if folder.is_dir() else None,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(lock,),  # the folder stays locked until the training, too, is gone
        preexec_fn=_dying_with_parent(),
    ) as process:
        try:
            while process.poll() is None:
                if owner not in (None, os.getppid(), os.getpid()):
                    process.kill()
                    os._exit(1)  # the sweep was killed: a worker that only raised would wait for more work
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
    return process.returncode


def _read_run(trial: Trial, metric: str, seconds: float) -> Result:
    metrics = json.loads((trial.run / "metrics.json").read_text("utf-8"))
    speed = json.loads((trial.run / SPEED).read_text("utf-8"))
    return Result(
        state="pruned" if (trial.run / PRUNED).is_file() else "done",
        seconds=seconds,
        value=metrics[metric],
        epochs=metrics["epochs"],
        curve=_curve(trial.run / "metrics.csv", metric),
        num_parameters=metrics["num_parameters"],
        latency_ms=metrics["latency_ms"]["total"],
        cpu_ms_per_frame=speed["cpu_ms_per_frame"],
        checkpoint_sha256=sha256_of(trial.run / "best.ckpt"),
    )


def _curve(table: Path, metric: str) -> tuple[float | None, ...]:
    with open(table, newline="") as file:
        values = [row[metric] for row in csv.DictReader(file) if row.get(metric)]
    return tuple(None if value == "nan" else float(value) for value in values)


def _last_words(log: Path, status: int) -> str:
    lines = [line.rstrip() for line in log.read_bytes().decode(errors="replace").splitlines() if line.strip()]
    begin = max(index for index, line in enumerate(lines) if line.startswith(_PROMPT))
    # What a user can repair is one message at the end; anything else ends in a traceback or in silence.
    begin = next((index for index in range(begin + 1, len(lines)) if lines[index].startswith("error: ")), begin + 1)
    said = lines[begin:][-_ERROR_LINES:]
    if status > 0:
        ended = f"exit code {status}"
    else:
        name = signal.Signals(-status).name
        ended = f"killed by {name}" + (", perhaps for its memory" if name == "SIGKILL" else "")
    return "\n".join([*said, f"({ended})"])


def _lock(descriptor: int, wait: bool) -> bool:
    """Take the lock of a file; False if another process has it and `wait` is not set."""
    try:
        import fcntl
    except ImportError as error:
        raise ConfigError(
            "sweeps lock their trials' folders as Linux and macOS do. Run them there, or in WSL."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _dying_with_parent() -> Callable[[], None] | None:
    """What a child does first so that the kernel kills it with its parent; None where there is no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    library, pr_set_pdeathsig = ctypes.CDLL(None), 1
    return lambda: library.prctl(pr_set_pdeathsig, signal.SIGKILL)
