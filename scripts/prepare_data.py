"""Turn a folder of talking videos into a store of aligned sound and motion.

python -m scripts.prepare_data data.root=<folder with videos> out=<folder>
"""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from scripts.entry import run


def main(config: DictConfig) -> None:
    """Prepare the store, with a progress bar."""
    preparation, layout = instantiate(config.prepare), instantiate(config.data)
    columns = (TextColumn("prepare"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("prepare", total=None, visible=False)  # seen once there is something to do
        preparation.run(
            layout,
            Path(config.out),
            lambda done, total: progress.update(bar, completed=done, total=total, visible=True),
        )


if __name__ == "__main__":
    run(main, "prepare_data")
