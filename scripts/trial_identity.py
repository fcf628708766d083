"""What a trial of a sweep is told apart by: the resolved configuration of its training, less what changes no result.

The same choice has the same id on every machine and in every order of the work, so a sweep that was killed finds its
trials again, and a trial that two parts of a space name is run once.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from scripts.entry import composed, quoted

WITHOUT_EFFECT = (
    "out", "resume", "cpu_threads", "logger", "probe", "evaluation", "callbacks.progress", "callbacks.resume_point",
    "trainer.default_root_dir", "data.cache", "data.num_workers",
)  # fmt: skip
"""Keys of `conf/train.yaml` that say where and how a run works, not what comes out: no part of an id."""

_PLACE = "run"
"""Stands for the run folder, which interpolations repeat in the callbacks."""


@dataclass(frozen=True)
class Identity:
    """A training by its configuration.

    Attributes:
        id: 12 hexadecimal digits over `config`.
        group: the same without the seed: runs of one group differ by chance alone.
        seed: of the run.
        config: resolved, without the keys of `WITHOUT_EFFECT`; `data.store` is the content hash of the store, so that
            a store that moved is the same and another one is not.
    """

    id: str
    group: str
    seed: int
    config: dict[str, Any]


@cache
def identify(overrides: tuple[str, ...], content_hash: str) -> Identity:
    """Compose `conf/train.yaml` with these overrides and tell what they make.

    Args:
        overrides: of the command line of `scripts.train`, without `out` and `data.store`.
        content_hash: of the store.

    Raises:
        HydraException, OmegaConfBaseException: they don't fit the configuration.
    """
    given = [*overrides, f"data.store={quoted(content_hash)}", f"out={_PLACE}"]
    training = composed("train", given)
    # They ask for the folder of the run and for the environment when they are resolved.
    training.logger = training.probe = None
    config = _resolved(training)
    seed = training.seed
    training.seed = 0  # other values follow it
    return Identity(_digest(config), _digest({**_resolved(training), "seed": None}), seed, config)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Sentences such as `trainer.max_epochs: 20, now 5`, for every value that two nested mappings don't share."""
    old, new = dict(leaves(before)), dict(leaves(now))
    none = object()
    return [
        f"{key}: {_said(old, key)}, now {_said(new, key)}"
        for key in sorted({*old, *new})
        if old.get(key, none) != new.get(key, none)
    ]


def leaves(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths and values; lists and empty mappings are values."""
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def _said(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "absent"


def _resolved(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    for path in WITHOUT_EFFECT:
        *parents, last = path.split(".")
        node: Any = values
        for parent in parents:
            node = (node or {}).get(parent)
        if node:
            node.pop(last, None)
    return values


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
