"""Fetch model files that this project does not carry, with their check sums.

python -m scripts.download_models out=models
python -m scripts.download_models model=liveportrait out=models/liveportrait

`face_landmarker` (the usual one) is what blendshape labels (`arkit55`) need:
`python -m scripts.prepare_data ... models.face_landmarker=models/face_landmarker.task`.
`liveportrait` are the official weights of LivePortrait, 500 MB in their published layout; `checksums.json` beside them
holds the SHA-256 that the hub states, which every file must have.

Files appear complete or not at all; an interrupted download goes on where it was. `url=<address>` names a mirror.
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from scripts.entry import run
from src.data.download import RemoteFile, download

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Fetch with a progress bar, check, put in place."""
    out = Path(config.out)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def fetch(file: RemoteFile) -> None:
            task = progress.add_task(Path(file.name).name, total=file.size)
            fetched = download(
                file,
                out / file.name,
                timeout_s=config.timeout_s,
                retries=config.retries,
                report=lambda received, expected: progress.update(task, completed=received, total=expected),
            )
            logger.info("%s: %s", out / file.name, "fetched and checked" if fetched else "there already")

        instantiate(config.model).fetch(out, fetch, config.timeout_s)


if __name__ == "__main__":
    run(main, "download_models", short={"model": "download@model", "url": "model.url"})
