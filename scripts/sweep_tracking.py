"""What a leaderboard leaves with Weights & Biases: its table, a plot, its page, and the best checkpoint by name.

Part of `scripts.leaderboard`, with `wandb=true`. As a training's, a run without `WANDB_API_KEY` is kept on the disk, in
`<sweep dir>/wandb`.
"""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.best_checkpoint import BEST_FILE
from scripts.tracking import file_artifact, imported_wandb, is_offline, run_id
from scripts.wandb_tables import SWEEP_LEADERBOARD, SWEEP_PAGE, SWEEP_PARETO, leaderboard_table, page, pareto_plot
from src.eval.leaderboard import Leaderboard
from src.models.checkpoint import load_checkpoint

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run

logger = logging.getLogger(__name__)

JOB_TYPE = "leaderboard"

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


def log_leaderboard(
    sweep: Path,
    header: Mapping[str, Any],
    board: Leaderboard,
    *,
    page_name: str,
    csv_name: str,
    project: str,
    entity: str | None,
) -> None:
    """Log a written leaderboard as a run in the group of its trials.

    Args:
        sweep: folder of the sweep; its files are read, so that W&B has what lies there.
        header: of the ledger.
        board: for the plot.
        page_name, csv_name: files in the folder.
        project: of W&B, that of the trials.
        entity: user or team; None is the key's own.

    Raises:
        ConfigError: W&B is not installed.
    """
    wandb = imported_wandb(f"the leaderboard is in {sweep}")
    name = str(header["name"])
    run = wandb.init(
        project=project,
        entity=entity,
        group=name,
        job_type=JOB_TYPE,
        name=f"leaderboard of {name}",
        tags=["sweep", JOB_TYPE],
        dir=str(sweep),
        mode="offline" if is_offline() else None,
        config={
            "sweep": {key: header[key] for key in ("name", "objective", "definition", "commit")},
            **{f"{kind}_hash": header["data"][f"{kind}_hash"] for kind in ("content", "split")},
        },
        settings=wandb.Settings(silent=True),
    )
    run.log(
        {
            SWEEP_LEADERBOARD: leaderboard_table((sweep / csv_name).read_text("utf-8")),
            SWEEP_PARETO: pareto_plot(board),
            SWEEP_PAGE: page((sweep / page_name).read_text("utf-8")),
        }
    )
    run.summary.update({"sweep/trials": board.trials, "sweep/finished": board.finished})
    if (sweep / BEST_FILE).is_file():
        _log_best(run, sweep, name)
    folder = Path(run.dir).parent
    run.finish()
    if run.offline:
        logger.info("W&B run kept on the disk; send it with `wandb sync %s`", folder)


def best_artifact(name: str) -> str:
    """The artifact of a sweep's best checkpoint: `sweep-<name>`, with `-` for what W&B takes in no name."""
    return f"sweep-{_NOT_IN_NAMES.sub('-', name)}"


def _log_best(run: "Run", sweep: Path, name: str) -> None:
    best: dict[str, Any] = json.loads((sweep / BEST_FILE).read_text("utf-8"))
    checkpoint = sweep / best["checkpoint"]
    contract = load_checkpoint(checkpoint).contract
    trained_as = run_id(str(checkpoint.parent), resume=True)
    made_from = {"sweep": name, "trial": best["trial"], "data_hash": best["data_hash"]}
    if trained_as is not None:
        made_from["checkpoint"] = f"checkpoint-{trained_as}:best"
    told = {**best, "contract": {**contract.to_dict(), "speakers": len(contract.speakers)}, "made_from": made_from}
    run.summary.update({"sweep/best": best["label"], "sweep/best_value": best["objective"]["value"]})
    run.log_artifact(file_artifact(best_artifact(name), "model", checkpoint, told), aliases=["best", "latest"])
