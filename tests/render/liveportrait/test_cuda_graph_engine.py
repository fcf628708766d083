"""Recorded frames are the eager ones. All but the recording itself is tried on the CPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.render.liveportrait.cuda_graph_engine import CudaGraphEngine, RecordedFrame, RecordedSource
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.folded_warping import WarpedSource
from tests.render.liveportrait.engine_checks import STEPS, image, looked_at
from tests.render.liveportrait.small_networks import seeded_networks

pytestmark = pytest.mark.usefixtures("single_threaded")


def into_one_place(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Runs work so that its result always lies in the same memory, as a CUDA graph does."""
    place = work().clone()
    return lambda: place.copy_(work())


def test_a_frame_has_memory_of_its_own() -> None:
    frame = RecordedFrame(lambda driving: driving * 2, torch.zeros(1, 21, 3), into_one_place)
    first = frame(torch.ones(1, 21, 3))
    second = frame(torch.full((1, 21, 3), 3.0))
    assert (first == 2).all()
    assert (second == 6).all()


def test_other_batches_are_recorded_once_each() -> None:
    recorded: list[int] = []

    def record(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        recorded.append(len(work()))
        return work

    def levels(source: WarpedSource, driving: Tensor) -> Tensor:
        return source.volume + driving

    source = RecordedSource(WarpedSource(*(torch.ones(1, 1, 1) for _ in range(5))), levels, record)
    for count in (1, 3, 1, 3):
        assert (source.draw(torch.full((count, 21, 3), float(count))) == count + 1).all()
    assert recorded == [1, 3]


def test_replayed_frames_are_the_eager_ones(eager: EagerEngine) -> None:
    volume, face = looked_at(eager)
    source = eager.prepare(volume, face.keypoints)
    recorded = RecordedSource(source, eager.levels, into_one_place)
    for driving in (face.keypoints, face.keypoints + 0.05, face.keypoints + STEPS):
        assert torch.equal(recorded.draw(driving), eager.draw(source, driving))


def test_it_needs_a_gpu(networks: dict[str, nn.Module]) -> None:
    with pytest.raises(ConfigError, match=r"device=cpu: render/engine=cuda_graph needs cuda"):
        CudaGraphEngine(networks=networks, weights=None, device="cpu", dtype="float32", batch=1)


GPU: dict[str, Any] = {"weights": None, "device": "cuda", "batch": 1}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("dtype", "mean"), [("float32", 0.02), ("tf32", 1.0), ("float16", 1.0), ("bfloat16", 4.0)])
def test_on_a_gpu_frames_are_those_of_the_cpu(eager: EagerEngine, dtype: str, mean: float) -> None:
    """Mean levels: 10 bits behind the point in TF32 and float16, 7 in bfloat16."""
    engine = CudaGraphEngine(networks=seeded_networks(), dtype=dtype, **GPU)
    volume, face = looked_at(eager)
    source = engine.prepare(volume.cuda(), face.keypoints.cuda())
    exact = eager.prepare(volume, face.keypoints)
    for driving in (face.keypoints + 0.05, face.keypoints - 0.1, face.keypoints + STEPS):
        drawn = engine.draw(source, driving.cuda()).cpu()
        assert (drawn.int() - eager.draw(exact, driving).int()).abs().float().mean() < mean


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_two_recorded_sources_do_not_mix() -> None:
    engine = CudaGraphEngine(networks=seeded_networks(), dtype="float32", **GPU)
    sources, keypoints = [], []
    for seed in (1, 2):
        face = engine.motion(image(seed).cuda())
        sources.append(engine.prepare(engine.appearance(image(seed).cuda()), face.keypoints))
        keypoints.append(face.keypoints)
    first = engine.draw(sources[0], keypoints[0])
    engine.draw(sources[1], keypoints[1])
    assert torch.equal(engine.draw(sources[0], keypoints[0]), first)
