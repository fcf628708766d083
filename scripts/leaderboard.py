"""Rank the configurations of a sweep and name its best checkpoint.

python -m scripts.leaderboard <sweep dir>
python -m scripts.leaderboard <sweep dir> wandb=true

Writes `leaderboard.html`, `leaderboard.md`, `leaderboard.csv` and `best.json` into the sweep, which may still be
running, and lets `checkpoint=best` mean its best. Ranks by validation data alone. With `wandb=true`
Weights & Biases gets table, page and the best checkpoint as well.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from scripts.best_checkpoint import BEST_FILE, name_best
from scripts.entry import run
from scripts.ledger import Ledger, Trial
from scripts.sweep_tracking import log_leaderboard
from src.errors import CheckpointError, StreamError
from src.eval.leaderboard import ClipScore, Entry, Leaderboard, Objective, Row, advantage, finalists, leaderboard
from src.eval.leaderboard_page import Subject, Winner, control_table, leaderboard_page, passed_over_table, summary
from src.eval.leaderboard_table import definition_table, failure_table, leaderboard_csv, leaderboard_table
from src.eval.markdown import markdown
from src.eval.provenance import commit
from src.eval.report import write_page
from src.files import replacing, sha256_of
from src.motion import CORE7
from src.realtime.predictor import SpeechToMotion

PAGE, MARKDOWN, CSV = "leaderboard.html", "leaderboard.md", "leaderboard.csv"

PART = "val"
"""The part of the data that configurations are chosen by."""

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Rank, write and name."""
    ledger = Ledger.open(config.folder)
    board, winner = write_leaderboard(
        ledger,
        names=dict(config.names),
        colour_by=config.colour_by,
        draws=config.bootstrap.draws,
        seed=config.bootstrap.seed,
        max_latency_ms=config.best.max_latency_ms,
        pointer=Path(config.best.pointer) if config.best.pointer else None,
    )
    for label, reason in winner.passed_over:
        logger.warning("%s can't be best: %s", label, reason)
    if board.failed:
        logger.warning("%d of %d trials failed; %s says why", len(board.failed), board.trials, PAGE)
    logger.info("%s", summary(board, winner))
    if winner.entry is not None:
        where = f"; checkpoint=best means it ({config.best.pointer})" if config.best.pointer else ""
        logger.info("best checkpoint %s%s", ledger.folder / winner.entry.checkpoint, where)
    if config.wandb.log:
        log_leaderboard(
            ledger.folder,
            ledger.header,
            board,
            page_name=PAGE,
            csv_name=CSV,
            project=config.wandb.project,
            entity=config.wandb.entity,
        )
    logger.info("%s", ledger.folder / PAGE)


def write_leaderboard(
    ledger: Ledger,
    *,
    names: Mapping[str, str],
    colour_by: str,
    draws: int,
    seed: int,
    max_latency_ms: float,
    pointer: Path | None,
) -> tuple[Leaderboard, Winner]:
    """Write page, Markdown, CSV and `best.json` of a sweep.

    Args:
        ledger: the sweep.
        names: of axes, for readers.
        colour_by: the axis whose values have a colour each.
        draws, seed: of the bootstrap over speakers.
        max_latency_ms: of algorithmic latency; slower ones may not be best.
        pointer: the file that `checkpoint=best` is looked up in; None leaves it as it is.
    """
    board = read_leaderboard(ledger, draws=draws, seed=seed)
    winner = choose(board, ledger.folder, max_latency_ms=max_latency_ms, draws=draws, seed=seed)
    origin = origin_of(ledger, board)
    subject = Subject(str(ledger.header["name"]), names, colour_by, provenance_rows(origin))
    write_page(ledger.folder / PAGE, leaderboard_page(board, winner, subject))
    tables = [
        *([control_table(winner)] if winner.against else []),
        leaderboard_table(board, names, winner.row),
        *([passed_over_table(winner)] if winner.passed_over else []),
        *([failure_table(board)] if board.failed or board.pruned else []),
        definition_table(board.objective),
    ]
    paragraphs = [summary(board, winner), "\n".join(f"- {name}: {text}" for name, text in subject.provenance)]
    _write_text(ledger.folder / MARKDOWN, markdown(tables, f"Leaderboard of {subject.name}", paragraphs))
    _write_text(ledger.folder / CSV, leaderboard_csv(board, winner.row))
    if winner.row is None or winner.entry is None:
        (ledger.folder / BEST_FILE).unlink(missing_ok=True)
    else:
        name_best(ledger.folder, best_record(board, winner.row, winner.entry, winner, origin), pointer)
    return board, winner


def read_leaderboard(ledger: Ledger, *, draws: int, seed: int) -> Leaderboard:
    """The trials of a sweep, ranked; `draws` and `seed` are those of the bootstrap over speakers."""
    objective = Objective(str(ledger.header["objective"]["metric"]), ledger.header["objective"]["mode"])
    return leaderboard([entry_of(trial, ledger.folder) for trial in ledger.trials], objective, draws=draws, seed=seed)


def entry_of(trial: Trial, sweep: Path) -> Entry:
    """A trial as the leaderboard sees it. A control says in its overrides what it is."""
    chosen = trial.axes or dict(choice.split("=", 1) for choice in trial.choice if "=" in choice)
    axes = {name: value for name, value in chosen.items() if name != "seed"}
    result = trial.result
    if result is None:
        return Entry(trial.id, trial.number, trial.kind, trial.group, trial.seed, axes, "unfinished")
    metrics = _metrics(trial)
    checkpoint = trial.run / "best.ckpt"
    return Entry(
        trial.id,
        trial.number,
        trial.kind,
        trial.group,
        trial.seed,
        axes,
        result.state,
        error=result.error or "",
        value=result.value,
        figures={
            name: value
            for name, value in metrics.items()
            if name.startswith(f"{PART}/") and isinstance(value, int | float)
        },
        clips={
            clip_id: ClipScore(clip["speaker"], clip["frames"], clip["lip_r"])
            for clip_id, clip in metrics.get("clips", {}).get(PART, {}).items()
        },
        num_parameters=result.num_parameters,
        latency_ms=result.latency_ms,
        cpu_ms=(result.cpu_ms_per_frame or {}).get("p50"),
        epochs=result.epochs,
        seconds=result.seconds,
        checkpoint=checkpoint.relative_to(sweep).as_posix() if result.checkpoint_sha256 else "",
        sha256=result.checkpoint_sha256 or "",
        commit=str(metrics.get("commit", "")),
    )


def choose(board: Leaderboard, sweep: Path, *, max_latency_ms: float, draws: int, seed: int) -> Winner:
    """The best trial that the live loop can use: of the finalists first, then of all others."""
    last = finalists(board.rows)
    passed_over: list[tuple[str, str]] = []
    for row in [*last, *(row for row in board.rows if row not in last)]:
        for entry in row.entries:
            reason = why_not_live(entry, sweep, max_latency_ms)
            if not reason:
                against = {other.label: advantage(row, other, draws=draws, seed=seed) for other in board.controls}
                return Winner(row, entry, against, passed_over)
            passed_over.append((f"{row.label}, seed {entry.seed}", reason))
    return Winner(None, None, {}, passed_over)


def why_not_live(entry: Entry, sweep: Path, max_latency_ms: float) -> str:
    """Why a trial's checkpoint can't drive the live loop; empty if it can."""
    path = sweep / entry.checkpoint
    if not entry.checkpoint or not path.is_file():
        return "its checkpoint is missing"
    if sha256_of(path) != entry.sha256:
        return f"{entry.checkpoint} was changed since its trial ended"
    try:
        predictor = SpeechToMotion.load(path, spec=CORE7)
        predictor.stream()
    except (CheckpointError, StreamError) as error:
        return str(error)
    if predictor.latency_ms > max_latency_ms:
        return f"{predictor.latency_ms:g} ms of latency, above best.max_latency_ms={max_latency_ms:g}"
    return ""


def origin_of(ledger: Ledger, board: Leaderboard) -> dict[str, Any]:
    """What the figures come from, for JSON."""
    entries = [entry for row in (*board.rows, *board.controls) for entry in row.entries]
    return {
        "data": ledger.header["data"],
        "commits": sorted({entry.commit for entry in entries if entry.commit}),
        "seeds": sorted({entry.seed for entry in entries}),
    }


def provenance_rows(origin: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The same for readers, and the commit that wrote the page."""
    return (
        ("Store", str(origin["data"]["store"])),
        ("Data hash", str(origin["data"]["content_hash"])),
        ("Split hash", str(origin["data"]["split_hash"])),
        ("Trained at commit", ", ".join(origin["commits"]) or "unknown"),
        ("Page written at commit", commit() or "outside of a repository"),
        ("Seeds", ", ".join(map(str, origin["seeds"]))),
    )


def best_record(
    board: Leaderboard, row: Row, entry: Entry, winner: Winner, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """What `best.json` says."""
    return {
        "checkpoint": entry.checkpoint,
        "sha256": entry.sha256,
        "label": row.label,
        "group": row.group,
        "trial": entry.trial,
        "seed": entry.seed,
        "axes": dict(row.axes),
        "objective": {
            "metric": board.objective.metric,
            "mode": board.objective.mode,
            "value": entry.value,
            "mean": row.value.value,
            "low": row.value.low,
            "high": row.value.high,
            "seeds": row.value.count,
        },
        "against": {label: estimate.to_dict() for label, estimate in winner.against.items()},
        "latency_ms": entry.latency_ms,
        "data_hash": origin["data"]["content_hash"],
        "split_hash": origin["data"]["split_hash"],
        "commit": entry.commit,
        "passed_over": [{"trial": label, "reason": reason} for label, reason in winner.passed_over],
    }


def _metrics(trial: Trial) -> dict[str, Any]:
    """What the run judged of itself; empty if it did not come to that."""
    path = trial.run / "metrics.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return content


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, "utf-8")


if __name__ == "__main__":
    # Not `sweep`: Hydra takes that for a choice of conf/sweep.
    run(main, "leaderboard", positional="folder", short={"wandb": "wandb.log"})
