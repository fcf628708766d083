"""Contact sheets of an avatar: every channel swept, to be looked at.

python -m scripts.contact_sheets out=<folder> avatar=<avatar folder>

Writes `core7.png`, each channel in a row, and `arkit55.png`, each blendshape at its upper end.
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from scripts.entry import run
from scripts.make_avatar import BUILTIN, builtin_avatar
from src.motion import CORE7
from src.render.avatar import Avatar
from src.render.contact_sheet import contact_sheet, every_shape, save_sheet, sweep

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Draw and write both sheets."""
    renderer = instantiate(config.render)
    avatar = builtin_avatar(renderer.size) if config.avatar == BUILTIN else Avatar.load(config.avatar)
    state = renderer.prepare(avatar)
    rows = [sweep(CORE7, name, config.steps) for name in CORE7.names]
    sheets = {
        "core7": (
            [label for labels, _ in rows for label in labels],
            [renderer.render(state, frame) for _, frames in rows for frame in frames],
        )
    }
    labels, frames = every_shape()
    sheets["arkit55"] = labels, [renderer.render(state, frame) for frame in frames]
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, (captions, images) in sheets.items():
        path = out / f"{name}.{config.format}"
        save_sheet(path, contact_sheet(captions, images, columns=config.steps, width=config.width))
        logger.info("%s: %d pictures", path, len(images))


if __name__ == "__main__":
    run(main, "contact_sheets")
