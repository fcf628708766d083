"""Write a prepared store as WebDataset shards: a few large files, for copying and for training on many machines.

python -m scripts.export_shards store=<prepared folder> out=<folder>
"""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from scripts.entry import run
from src.data.shard_writer import write_shards
from src.data.store import Store


def main(config: DictConfig) -> None:
    """Export the store, with a progress bar."""
    store = Store.open(config.store)
    columns = (TextColumn("export"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("export", total=len(store.clips))
        write_shards(
            store,
            Path(config.out),
            round(config.shard_mb * 1e6),
            lambda done, total: progress.update(bar, completed=done, total=total),
        )


if __name__ == "__main__":
    run(main, "export_shards")
