"""Make a store of synthetic speech: many voices, many languages, and the motion that they imply.

python -m scripts.make_speech out=data/speech

There are no videos: `scripts.train data.store=data/speech` reads it at once. Running it again makes only what is
missing; `data.num_speakers=1000` grows it. Speakers of another configuration are made again.
"""

import os
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from scripts.entry import run
from src.data.speech_store import build_speech_store

NOT_OF_A_SPEAKER = ("num_speakers", "licence")
"""Values of the `data` group that change nothing of what one speaker says."""


def main(config: DictConfig) -> None:
    """Build the store, with a progress bar."""
    build_speech_store(
        instantiate(config.data),
        Path(config.out),
        configuration=speaker_configuration(config),
        validate_every=config.validate_every,
        workers=config.workers or os.cpu_count() or 1,
    )


def speaker_configuration(config: DictConfig) -> dict[str, Any]:
    """All that decides about what a speaker says and how, JSON-like."""
    values: Any = OmegaConf.to_container(config.data, resolve=True)
    return {key: value for key, value in values.items() if key not in NOT_OF_A_SPEAKER}


if __name__ == "__main__":
    run(main, "make_speech")
