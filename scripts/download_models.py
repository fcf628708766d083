"""Fetch the model file that blendshape labels (`arkit55`) need; everything else comes with the packages.

python -m scripts.download_models out=models

Then: `python -m scripts.prepare_data ... models.face_landmarker=models/face_landmarker.task`.
"""

import logging
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from scripts.entry import run
from src.data.blendshapes import MODEL_SHA256
from src.data.download import download

FACE_LANDMARKER = "face_landmarker.task"

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Fetch with a progress bar, check, put in place."""
    path = Path(config.out) / FACE_LANDMARKER
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(FACE_LANDMARKER, total=None)
        fetched = download(
            config.url,
            path,
            sha256=MODEL_SHA256,
            timeout_s=config.timeout_s,
            report=lambda received, expected: progress.update(task, completed=received, total=expected),
        )
    logger.info("%s: %s", path, "fetched and checked" if fetched else "there already")


if __name__ == "__main__":
    run(main, "download_models")
