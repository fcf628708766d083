"""The adapters are tested as they run: without what only labelling and avatar making need.

`make test-adapters` runs these in `.venv-adapters`; elsewhere LiveKit and Pipecat are missing and nothing here is
collected.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

REFUSED = {"mediapipe", "decord", "skimage"}


class Refusing:
    """Lets nothing import what fails beside protobuf 5, although `.venv` has it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.split(".")[0] in REFUSED:
            raise ImportError(f"{name}: the engine must run without it", name=name)
        return None


if importlib.util.find_spec("livekit") is None:
    collect_ignore_glob = ["*"]
else:
    sys.meta_path.insert(0, Refusing())
