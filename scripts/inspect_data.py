"""Look at a clip of a store: pictures with the landmarks drawn, the motion curves under them, the sound.

python -m scripts.inspect_data store=<folder> clip=<id or source path> out=<picture>
"""

import difflib
import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.entry import run
from src.data.layouts import file_of
from src.data.store import Store
from src.data.strip import clip_strip, encoded
from src.errors import ConfigError, DataError
from src.files import replacing

ENDINGS = (".png", ".jpg")
MOST_NAMED = 5

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Find the clip, draw it, write it."""
    out = Path(config.out)
    if out.suffix.lower() not in ENDINGS:
        raise ConfigError(f"out={config.out}: a picture ends in {' or '.join(ENDINGS)}. Give such a name.")
    if not 1 <= config.num_images <= 24 or not 1000 <= config.width_px <= 6000:
        raise ConfigError(
            f"num_images must be 1 to 24 and width_px 1000 to 6000, got {config.num_images} and {config.width_px}."
        )
    store = Store.open(config.store)
    clip_id = find_clip(store, str(config.clip))
    root = Path(config.root) if config.root else None
    strip = clip_strip(store, clip_id, root=root, num_images=config.num_images, width_px=config.width_px)
    with replacing(out) as unfinished:
        unfinished.write_bytes(encoded(strip, out.suffix.lower()))
    logger.info("%s: clip %s", out, clip_id)


def find_clip(store: Store, wanted: str) -> str:
    """The id of a clip that is named by its id or by the path of its source.

    Raises:
        DataError: there is no such clip, or the source has several; the message names those that were meant, perhaps.
    """
    ids, paths = store.clips.column("clip_id"), store.clips.column("path")
    if wanted in ids:
        return wanted
    of_source = [clip_id for clip_id, path in zip(ids, paths, strict=True) if wanted in (path, file_of(path))]
    if len(of_source) == 1:
        return str(of_source[0])
    if of_source:
        raise DataError(
            f"{store.folder}: {len(of_source)} clips are stretches of {wanted}: {_named(of_source)}. Give clip=<id>."
        )
    close = difflib.get_close_matches(wanted, ids + paths, MOST_NAMED, 0.4)
    close = close or [name for name in ids if wanted.lower() in name.lower()]
    hint = f"Did you mean {_named(close)}?" if close else f"The store has {len(ids)} clips, such as {_named(ids)}."
    raise DataError(f"{store.folder}: no clip {wanted!r}, by its id or by the path of its source. {hint}")


def _named(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


if __name__ == "__main__":
    run(main, "inspect_data")
