"""Turn a folder of talking videos into a store of aligned sound and motion, with its data card `report.html`.

python -m scripts.prepare_data data.root=<folder with videos> out=<folder>
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from scripts.data_card import write_data_card
from scripts.entry import run

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Prepare the store and judge its labels, with a progress bar for each."""
    preparation, layout, out = instantiate(config.prepare), instantiate(config.data), Path(config.out)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        # Seen once there is something to do.
        videos, labels = (progress.add_task(name, total=None, visible=False) for name in ("prepare", "check labels"))
        preparation.run(
            layout, out, lambda done, total: progress.update(videos, completed=done, total=total, visible=True)
        )
        page = write_data_card(
            out, on_clip=lambda done, total: progress.update(labels, completed=done, total=total, visible=True)
        )
    logger.info("the data card is %s", page)


if __name__ == "__main__":
    run(main, "prepare_data")
