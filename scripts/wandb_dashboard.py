"""Give a W&B project a dashboard that answers what a reviewer asks first.

python -m scripts.wandb_dashboard entity=<user or team>
python -m scripts.wandb_dashboard entity=<user or team> out=<folder>

Saves a workspace view, and a draft report with the same panels: quality of the best checkpoints, quality against
latency and size, which axis of a sweep matters, learning curves, controls and slices, something to look at, and what
two runs differ in. With `out` the definitions are written there as JSON instead, and nothing is sent.

The panels name what `scripts.train` and `scripts.leaderboard` log; docs/tracking.md says what each figure means.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from scripts.entry import run
from scripts.wandb_tables import (
    EVALUATION_CURVES,
    EVALUATION_FIGURES,
    EVALUATION_SLICES,
    EVALUATION_TABLE,
    PARETO_AXES,
    SWEEP_LEADERBOARD,
    SWEEP_PAGE,
    SWEEP_PARETO,
)
from src.errors import ConfigError
from src.files import write_json

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report
    from wandb_workspaces.workspaces import Workspace

logger = logging.getLogger(__name__)

WORKSPACE = "workspace.json"

QUALITY = "val/lip_r"
LATENCY_MS = "latency_ms.total"

AXES = (
    ("Architecture", "config.models.net._target_"),
    ("Features", "config.features._target_"),
    ("Look-ahead (frames)", "config.models.net.lookahead_frames"),
    ("Learning rate", "config.models.optimizer.lr"),
    ("Seed", "seed"),
)
"""Title and place in a run's config of what sweeps vary."""


@dataclass(frozen=True)
class Group:
    """Panels under a heading, with a sentence on how to read them."""

    title: str
    reading: str
    panels: Sequence[Any]


def main(config: DictConfig) -> None:
    """Build the definitions; save them, or write the view's down."""
    try:
        view = workspace(config.entity, config.project, config.name)
        report = draft(config.entity, config.project, config.name) if config.report else None
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed, which defines dashboards. Install it: `pip install -e '.[wandb]'`."
        ) from error
    if config.out is not None:
        path = Path(config.out, WORKSPACE)
        write_json(path, plain(view))
        logger.info("%s: the view; nothing was sent", path)
        return
    if not os.environ.get("WANDB_API_KEY"):
        raise ConfigError(
            "no WANDB_API_KEY in the environment, and a dashboard lives on a server. Set the key, or give "
            "`out=<folder>` to get the view as a file."
        )
    view.save()
    logger.info("Workspace: %s", view.url)
    if report is not None:
        report.save(draft=True)
        logger.info("Report: %s", report.url)


def groups() -> list[Group]:
    """What is on the dashboard, the most important first."""
    import wandb_workspaces.reports.v2 as wr

    axes = [wr.ParallelCoordinatesPlotColumn(wr.Config(key), display_name=title) for title, key in AXES]
    figures = [
        wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(LATENCY_MS), display_name="Latency (ms)"),
        wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric("num_parameters"), display_name="Parameters", log=True),
        wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(QUALITY), display_name="Lip correlation"),
    ]
    quality = wr.SummaryMetric(QUALITY)
    return [
        Group(
            "Quality",
            "Lip correlation of the best checkpoint on validation speakers: 1 is the labels, the controls of a sweep "
            "(energy, mean pose) say what nothing learned reaches. Movement 1 is as lively as the labels.",
            [
                wr.BarPlot(title="Lip correlation", metrics=[QUALITY], title_x="r, validation"),
                wr.BarPlot(title="Lip correlation, mean over speakers", metrics=["val/lip_r_of_speakers"]),
                wr.BarPlot(title="Movement (1 is as the labels)", metrics=["val/lip_std_ratio"]),
            ],
        ),
        Group(
            "Quality against cost",
            "Up and to the left is better. Latency is algorithmic: what a frame waits for, whatever the machine.",
            [
                wr.ScatterPlot(title="Quality and latency (ms)", x=wr.SummaryMetric(LATENCY_MS), y=quality),
                wr.ScatterPlot(title="Quality and size", x=wr.SummaryMetric("num_parameters"), log_x=True, y=quality),
                wr.ScatterPlot(title="Quality and training time (s)", x=wr.SummaryMetric("seconds"), y=quality),
            ],
        ),
        Group(
            "Sweep",
            "Each line is a run; those that end high share what they cross. Filter by group for one sweep. Table, plot "
            "and page are of the runs of scripts.leaderboard; the plot's table says which point none beats.",
            [
                wr.ParallelCoordinatesPlot(title="Axes, cost and quality", columns=[*axes, *figures]),
                wr.WeavePanelSummaryTable(table_name=SWEEP_LEADERBOARD),
                wr.CustomChart(
                    query={"summaryTable": {"tableKey": f"{SWEEP_PARETO}_table"}},
                    chart_name="wandb/scatter/v0",
                    chart_fields=dict(zip(("x", "y"), PARETO_AXES, strict=True)),
                    chart_strings={"title": "Quality against algorithmic latency (ms)"},
                ),
                wr.MediaBrowser(title="Leaderboard", media_keys=[SWEEP_PAGE]),
            ],
        ),
        Group(
            "Learning",
            "Validation looks at averaged weights, training at those of the step.",
            [
                wr.LinePlot(title="Lip correlation, validation", y=[QUALITY], title_x="step"),
                wr.LinePlot(title="Loss, validation", y=["val/loss"], title_x="step"),
                wr.LinePlot(title="Loss, training", y=["train/loss"], title_x="step"),
                wr.LinePlot(
                    title="Gradient norm before clipping", y=["train/gradient_norm"], title_x="step", log_y=True
                ),
                wr.LinePlot(title="Learning rate", y=["lr-AdamW/pg1"], title_x="step"),
                wr.LinePlot(title="Frames per second", y=["train/frames_per_s"], title_x="step"),
            ],
        ),
        Group(
            "Look and listen",
            "The same validation clip for every run of a store: prediction left, reference right; and both lip curves.",
            [wr.MediaBrowser(title="Probe", media_keys=["probe/video", "probe/lips"])],
        ),
        Group(
            "Controls and slices",
            "The evaluation of the best checkpoint: the model above its controls, with intervals over speakers.",
            [
                wr.WeavePanelSummaryTable(table_name=EVALUATION_TABLE),
                wr.WeavePanelSummaryTable(table_name=EVALUATION_SLICES),
                wr.WeavePanelSummaryTable(table_name=EVALUATION_FIGURES),
                wr.BarPlot(title="Lip correlation above that of energy", metrics=["evaluation/lip_r_over_energy"]),
                wr.MediaBrowser(title="Worst, median and best clips", media_keys=[EVALUATION_CURVES]),
            ],
        ),
        Group("Differences", "What two runs were given that is not the same.", [wr.RunComparer(diff_only="split")]),
    ]


def workspace(entity: str, project: str, name: str) -> "Workspace":
    """The view that the project opens with.

    Raises:
        ModuleNotFoundError: `wandb-workspaces` is missing.
    """
    import wandb_workspaces.workspaces as ws

    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[ws.Section(name=group.title, panels=list(group.panels), is_open=True) for group in groups()],
        settings=ws.WorkspaceSettings(x_axis="trainer/global_step", remove_legends_from_panels=False),
        runset_settings=ws.RunsetSettings(
            groupby=[ws.Metric("Group")],
            order=[ws.Ordering(ws.Summary(QUALITY), ascending=False)],
            pinned_columns=[f"summary:{QUALITY}", f"summary:{LATENCY_MS}"],
        ),
    )


def draft(entity: str, project: str, name: str) -> "Report":
    """The same panels with their sentences, as a report for comments and links.

    Raises:
        ModuleNotFoundError: `wandb-workspaces` is missing.
    """
    import wandb_workspaces.reports.v2 as wr

    order = [wr.OrderBy(wr.SummaryMetric(QUALITY), ascending=False)]
    blocks: list[Any] = [wr.TableOfContents()]
    for group in groups():
        runs = wr.Runset(entity=entity, project=project, name="Runs", order=order)
        blocks += [wr.H2(group.title), wr.P(group.reading), wr.PanelGrid(runsets=[runs], panels=list(group.panels))]
    description = "Audio to motion: quality with its controls, latency and cost. See docs/tracking.md."
    return wr.Report(project=project, entity=entity, title=name, description=description, blocks=blocks, width="fluid")


def plain(view: "Workspace") -> dict[str, Any]:
    """A view in plain types, as it would be sent."""
    content: dict[str, Any] = view._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    return content


if __name__ == "__main__":
    run(main, "wandb_dashboard")
