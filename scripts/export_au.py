"""Write the blinks of every clip of a store as an OpenFace table (`AU45_r`), which other trainers expect.

python -m scripts.export_au store=<folder> out=<folder>

Makes `<out>/<clip_id>.csv`; copy the one of your clip to the `au.csv` of the trainer.
"""

import logging
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from scripts.entry import run
from src.data.au_csv import write_au_csv
from src.data.store import Store

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """One table per clip."""
    store, out = Store.open(config.store), Path(config.out)
    clip_ids = store.clips.column("clip_id")
    for clip_id in track(clip_ids, "writing tables", console=Console(stderr=True)):
        write_au_csv(
            out / f"{clip_id}.csv",
            store.load_motion(clip_id),
            shut_intensity=config.shut_intensity,
            space_after_comma=config.space_after_comma,
        )
    logger.info("%s: %d tables", out, len(clip_ids))


if __name__ == "__main__":
    run(main, "export_au")
