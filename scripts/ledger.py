"""The folder of a sweep: what was planned, what ran, and what came of it.

    <folder>/sweep.json               name, objective, definition, data, commit, and how trials are launched
    <folder>/trials/<id>/trial.json   what the trial is; there before it runs
    <folder>/trials/<id>/run/         the run folder of `scripts.train`
    <folder>/trials/<id>/train.log    what that said
    <folder>/trials/<id>/result.json  what came of it; a trial without it is unfinished

Every file appears whole or not at all, and none depends on the order in which trials end: a sweep that is killed goes
on with the same command, to the same ledger.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, Self

from scripts.trial_identity import differences, leaves
from src.errors import ConfigError, DataError
from src.files import write_json

SWEEP, TRIALS, TRIAL, RESULT, RUN, LOG = "sweep.json", "trials", "trial.json", "result.json", "run", "train.log"
PRUNING = "pruning.json"

_GROWING = ("controls", "repeat.best", "repeat.seeds")
"""Parts of every definition that a later start may enlarge."""


@dataclass(frozen=True)
class Result:
    """What came of a trial.

    Attributes:
        state: `pruned` was stopped early, by plan.
        error: of a failed trial, the end of its log and how its process ended.
        seconds: of its last process; a trial that was killed had others before.
        value: the objective of the best checkpoint; None for a failed trial.
        epochs: trained.
        curve: the objective after each epoch.
        num_parameters: of the network.
        latency_ms: algorithmic, the total.
        cpu_ms_per_frame: p50 and p95 of features and exported step on one thread, in time of the processor; None
            where the network can't be exported.
        checkpoint_sha256: of `run/best.ckpt`.
    """

    state: Literal["done", "failed", "pruned"]
    error: str | None = None
    seconds: float | None = None
    value: float | None = None
    epochs: int | None = None
    curve: tuple[float | None, ...] = ()
    num_parameters: int | None = None
    latency_ms: float | None = None
    cpu_ms_per_frame: dict[str, float] | None = None
    checkpoint_sha256: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The result in the folder of a trial; None if there is none yet."""
        if not (folder / RESULT).is_file():
            return None
        stored = _read(folder / RESULT)
        return cls(**{**stored, "curve": tuple(stored["curve"])})

    def write(self, folder: Path) -> None:
        """End the trial in `folder`."""
        write_json(folder / RESULT, asdict(self))


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        folder: of its own.
        id: of its resolved configuration, see `scripts.trial_identity`.
        number: from 0, in the order of the plan.
        kind: `search`, `repeat` (one of the best with another seed) or `control`.
        group: id of the configuration without its seed.
        seed: of the run.
        axes: chosen values by the names of their axes.
        choice: the overrides that it differs by from the others, without the seed.
        overrides: of `scripts.train`, all but where data, results and records are.
        config: resolved; `data.store` is the content hash.
        result: None while it is unfinished.
    """

    folder: Path
    id: str
    number: int
    kind: Literal["search", "repeat", "control"]
    group: str
    seed: int
    axes: dict[str, Any]
    choice: tuple[str, ...]
    overrides: tuple[str, ...]
    config: dict[str, Any]
    result: Result | None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The trial in a folder."""
        stored = _read(folder / TRIAL)
        lists = {name: tuple(stored[name]) for name in ("choice", "overrides")}
        return cls(**{**stored, **lists}, folder=folder, result=Result.read(folder))

    @property
    def run(self) -> Path:
        """The run folder of `scripts.train`."""
        return self.folder / RUN

    @property
    def label(self) -> str:
        """Its axes and seed, for people: `tcn, mel, lookahead 2, seed 0`."""
        if self.kind == "control":
            return ", ".join(choice.partition("=")[2] or choice for choice in self.choice)
        said = [value if isinstance(value, str) else f"{name} {value}" for name, value in self.axes.items()]
        return ", ".join([*said, *([] if "seed" in self.axes else [f"seed {self.seed}"])])


@dataclass(frozen=True)
class Ledger:
    """A sweep on the disk.

    Attributes:
        folder: of the sweep.
        header: `sweep.json`.
    """

    folder: Path
    header: dict[str, Any]

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Read a sweep.

        Raises:
            ConfigError: there is none in this folder.
        """
        folder = Path(folder)
        if not (folder / SWEEP).is_file():
            raise ConfigError(
                f"{folder}: no {SWEEP}, so no sweep. Give the folder that was `out` of `python -m scripts.sweep`."
            )
        return cls(folder, _read(folder / SWEEP))

    @classmethod
    def begin(cls, folder: Path, header: Mapping[str, Any], growing: Sequence[str]) -> Self:
        """Start a sweep, or go on with the one that is there.

        Args:
            folder: of the sweep.
            header: what it is to be: `name`, `objective`, `definition`, `data`, `commit` and `launch`.
            growing: dotted keys of the definition, `*` for any part, that may be larger than they were.

        Raises:
            ConfigError: the folder holds another sweep, or something else; says what differs.
            DataError: it is a sweep over other data.
        """
        header = dict(header)
        if (folder / SWEEP).is_file():
            before = _read(folder / SWEEP)
            _require_same(folder, before, header, (*growing, *_GROWING))
            header = {**header, "commit": before["commit"]}
        elif folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: not empty, and no sweep. Give another folder as `out`.")
        write_json(folder / SWEEP, header)
        return cls(folder, header)

    @property
    def trials(self) -> list[Trial]:
        """All trials by number, as they are on the disk now."""
        folders = [path.parent for path in (self.folder / TRIALS).glob(f"*/{TRIAL}")]
        return sorted((Trial.read(folder) for folder in folders), key=lambda trial: trial.number)

    @property
    def mode(self) -> str:
        """`max` or `min`: what is good of the objective."""
        return str(self.header["objective"]["mode"])

    def place(self, trial_id: str) -> Path:
        """The folder of a trial."""
        return self.folder / TRIALS / trial_id

    def write(self, trial: Trial, pruning: Mapping[str, Any] | None) -> None:
        """Plan a trial; `pruning` is what stops it early, if anything does. It is the last of its files."""
        if pruning is not None:
            write_json(trial.folder / PRUNING, pruning)
        stored = {field.name: getattr(trial, field.name) for field in fields(trial)}
        del stored["folder"], stored["result"]
        write_json(trial.folder / TRIAL, stored)


def ranked(trials: Sequence[Trial], mode: str) -> list[Trial]:
    """Trials that were trained to their end, the best first; those that are equal in the order of their numbers."""
    sign = -1.0 if mode == "max" else 1.0
    done = [(trial, trial.result.value) for trial in trials if trial.result and trial.result.state == "done"]
    scored = [(sign * value, trial.number, trial) for trial, value in done if value is not None]
    return [trial for _, _, trial in sorted(scored, key=lambda entry: entry[:2])]


def _require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], growing: Sequence[str]) -> None:
    for name in ("content_hash", "split_hash"):
        if before["data"][name] != now["data"][name]:
            raise DataError(
                f"{folder}: a sweep over other data ({name} {before['data'][name][:12]}, that of "
                f"{now['data']['store']} is {now['data'][name][:12]}). Give the same store, or another folder as `out`."
            )
    if before["name"] != now["name"]:
        raise ConfigError(f"{folder}: holds the sweep {before['name']!r}. Give another folder as `out`.")
    old, new = dict(leaves(before["definition"])), dict(leaves(now["definition"]))
    grown = {
        key
        for key in old.keys() & new.keys()
        if any(fnmatch(key, pattern) for pattern in growing) and _is_larger(old[key], new[key])
    }
    other = [said for said in differences(before["definition"], now["definition"]) if said.split(":")[0] not in grown]
    if other:
        raise ConfigError(
            f"{folder}: holds a sweep that was defined otherwise ({'; '.join(other)}). A sweep may only grow: more "
            "trials, values of a grid, controls or seeds. Give the same values, or another folder as `out`."
        )


def _is_larger(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return all(value in new for value in old)
    numbers = (int, float)
    return isinstance(old, numbers) and isinstance(new, numbers) and new >= old


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: not readable ({error}). A sweep's files are written by `scripts.sweep` alone."
        ) from error
    return content
