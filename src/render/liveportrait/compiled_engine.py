"""Frames by `torch.compile`: W, G and the levels as one compiled region, on CPU or GPU."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.folded_warping import WarpedSource

logger = logging.getLogger(__name__)

MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


class CompiledEngine(EagerEngine):
    """As `EagerEngine`, with compiled frames.

    Compiling takes about a minute or more. It happens at the first `prepare`, so that no frame waits for it, and again
    at the first frame of another batch.

    Args:
        networks, weights, device, dtype: as `EagerEngine`.
        mode: of `torch.compile`: default; reduce-overhead, with CUDA graphs; max-autotune, which also tries out
            kernels; or max-autotune-no-cudagraphs.
        batch: frames that are drawn at once.

    Raises:
        ConfigError: as `EagerEngine`, or no such mode. `prepare` and `draw` raise it when compiling fails.
    """

    def __init__(
        self,
        *,
        networks: Mapping[str, nn.Module],
        weights: str | Path | None,
        device: str,
        dtype: str,
        mode: str,
        batch: int,
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"mode={mode}: expected one of {', '.join(MODES)}")
        super().__init__(networks=networks, weights=weights, device=device, dtype=dtype)
        self._mode, self._batch = mode, checked_batch(batch)
        # Whole or not at all: a part that PyTorch can't compile must not run slowly without a word.
        self._compiled = torch.compile(self.frame, mode=mode, fullgraph=True, dynamic=False)
        self._seen: set[int] = set()

    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpedSource:
        """See `Engine`; the first one compiles."""
        source = super().prepare(volume, keypoints)
        if not self._seen:
            logger.info("compiling W and G for a batch of %d, mode %s: this takes a while", self._batch, self._mode)
            self.draw(source, keypoints if len(keypoints) > 1 else keypoints.expand(self._batch, -1, -1))
        return source

    @torch.no_grad()
    def draw(self, source: WarpedSource, driving: Tensor) -> Tensor:
        """See `Engine`."""
        first = len(driving) not in self._seen
        try:
            with self._precision(self._dtype):
                torch.compiler.cudagraph_mark_step_begin()
                levels: Tensor = self._compiled(driving.contiguous(), *source)[1]
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if not first:
                raise
            raise ConfigError(_explained(error, self._mode)) from error
        self._seen.add(len(driving))
        return levels.clone()  # CUDA graphs write the next frame into the same memory


def checked_batch(batch: int) -> int:
    """At least one frame.

    Raises:
        ConfigError: less.
    """
    if batch < 1:
        raise ConfigError(f"batch={batch}: expected the number of frames that are drawn at once, 1 or more")
    return batch


def _explained(error: RuntimeError, mode: str) -> str:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return (
        f"render/engine=compile: torch.compile (mode={mode}) can't compile W and G: {reason[:300]}. Compiling for a "
        "CPU needs a C++ compiler (g++ on the PATH, or its name in CXX), for a GPU Triton. Install that, or use "
        "render/engine=eager."
    )
