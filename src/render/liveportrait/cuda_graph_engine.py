"""Frames as CUDA graphs: everything from keypoints to uint8 RGB is launched by a single call.

The networks run as in `EagerEngine`. Without the graph, the CPU has to start some hundred kernels for each frame.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.render.liveportrait.compiled_engine import checked_batch
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.folded_warping import WarpedSource

WARM_UP = 3
"""Frames before one is recorded: cuDNN tries out its kernels, and libraries ask for their memory."""

Recorder = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
"""Work without arguments -> the same work, each time on the same memory."""


class RecordedFrame:
    """A frame with memory of its own for keypoints and pictures.

    Args:
        levels: (B, 21, 3) -> (B, H, W, 3).
        driving: (B, 21, 3), an example.
        record: `cuda_recorder`, or anything that runs the same work.
    """

    def __init__(self, levels: Callable[[Tensor], Tensor], driving: Tensor, record: Recorder) -> None:
        self._driving = driving.clone()
        self._replay = record(lambda: levels(self._driving))

    def __call__(self, driving: Tensor) -> Tensor:
        """(B, 21, 3) -> (B, H, W, 3), owned by the caller."""
        self._driving.copy_(driving)
        return self._replay().clone()


class RecordedSource:
    """A source and its frames, recorded when they are first drawn, by batch: its constants are read where they lie.

    Args:
        source: of `EagerEngine`.
        levels: (source, (B, 21, 3)) -> (B, H, W, 3).
        record: as of `RecordedFrame`.
    """

    def __init__(
        self, source: WarpedSource, levels: Callable[[WarpedSource, Tensor], Tensor], record: Recorder
    ) -> None:
        self._levels, self._record = partial(levels, source), record
        self._frames: dict[int, RecordedFrame] = {}

    def draw(self, driving: Tensor) -> Tensor:
        """(B, 21, 3) -> (B, H, W, 3)."""
        count = len(driving)
        if count not in self._frames:
            self._frames[count] = RecordedFrame(self._levels, driving, self._record)
        return self._frames[count](driving)


class CudaGraphEngine(EagerEngine):
    """As `EagerEngine`, with recorded frames.

    Args:
        networks, weights, dtype: as `EagerEngine`.
        device: cuda, or cuda:1 and so on.
        batch: frames that are drawn at once; recorded by `prepare`. Others are recorded when they are first drawn.

    Raises:
        ConfigError: as `EagerEngine`, or the device is no CUDA device.
    """

    def __init__(
        self,
        *,
        networks: Mapping[str, nn.Module],
        weights: str | Path | None,
        device: str,
        dtype: str,
        batch: int,
    ) -> None:
        if not device.startswith("cuda"):
            raise ConfigError(f"device={device}: render/engine=cuda_graph needs cuda. Elsewhere, use eager or compile.")
        super().__init__(networks=networks, weights=weights, device=device, dtype=dtype)
        self._batch, self._record = checked_batch(batch), cuda_recorder(self.device)

    def prepare(self, volume: Tensor, keypoints: Tensor) -> RecordedSource:  # type: ignore[override]  # a kind of its own
        """See `Engine`; records a frame."""
        source = RecordedSource(super().prepare(volume, keypoints), self.levels, self._record)
        source.draw(keypoints if len(keypoints) > 1 else keypoints.expand(self._batch, -1, -1))
        return source

    @torch.no_grad()
    def draw(self, source: RecordedSource, driving: Tensor) -> Tensor:  # type: ignore[override]
        """See `Engine`."""
        return source.draw(driving)


def cuda_recorder(device: torch.device) -> Recorder:
    """Records work on a CUDA device. What it records shares memory: only one replay's result is there at a time."""
    pool = torch.cuda.graph_pool_handle()

    def record(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        with torch.cuda.device(device), torch.no_grad():
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                for _ in range(WARM_UP):
                    work()
            torch.cuda.current_stream().wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay

    return record
