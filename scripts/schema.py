"""The keys and types of every script's config root. Groups are free-form: classes check their own values.

Each dataclass is stored under `<script>_schema`, the first entry in the defaults of `conf/<script>.yaml`.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Demo:
    """`python -m scripts.demo`: the whole main job."""

    videos: str | None = None
    portrait: str = MISSING
    speech: str | None = None
    out: str = MISSING
    seed: int = MISSING
    experiment: str = MISSING


_ROOTS = {"demo": Demo}


def register() -> None:
    """Make the schemas known to Hydra under `<script>_schema`."""
    store = ConfigStore.instance()
    for name, root in _ROOTS.items():
        store.store(name=f"{name}_schema", node=root)
