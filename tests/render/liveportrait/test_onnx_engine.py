"""Exported networks draw what the eager engine draws."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from src.errors import CheckpointError, ConfigError, RenderError
from src.motion import CORE7
from src.render.liveportrait.engine import EagerEngine
from src.render.liveportrait.onnx_engine import OnnxEngine
from src.render.liveportrait.renderer import LivePortraitRenderer
from tests.render.liveportrait.engine_checks import check_pictures, check_sources, looked_at
from tests.render.portraits import drawn_avatar

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("single_threaded", "quick_exports")]

CPU: dict[str, Any] = {
    "providers": ["CPUExecutionProvider"],
    "provider_options": {},
    "device_id": 0,
    "num_threads": 1,
}


@pytest.fixture(scope="module")
def engine(exported: Path) -> OnnxEngine:
    return OnnxEngine(folder=exported, **CPU)


def test_the_face_is_that_of_the_eager_engine(engine: OnnxEngine, eager: EagerEngine) -> None:
    (volume, face), (expected_volume, expected) = looked_at(engine), looked_at(eager)
    assert torch.allclose(volume, expected_volume, atol=1e-4)
    for ours, theirs in zip(face, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_frames_are_those_of_the_eager_engine(engine: OnnxEngine, eager: EagerEngine) -> None:
    """Three frames are no multiple of the two that the file draws at once."""
    check_pictures(engine, eager)


def test_several_avatars_at_once(engine: OnnxEngine, eager: EagerEngine) -> None:
    check_sources(engine, eager)


def test_it_runs_the_loop(engine: OnnxEngine, eager: EagerEngine) -> None:
    """Portrait in, pictures out, all by exported networks."""
    avatar, frames = drawn_avatar(), np.stack([CORE7.neutral, CORE7.maximum / 2]).astype(np.float32)
    drawn = []
    for one in (engine, eager):
        renderer = LivePortraitRenderer(size=256, engine=one, settings={}, animation={})
        drawn.append(renderer.render_batch(renderer.prepare(avatar), frames).astype(int))
    assert drawn[0].shape == (2, 256, 256, 3)
    assert (drawn[0][0] != drawn[0][1]).any()
    off = np.abs(drawn[0] - drawn[1])
    assert off.max() <= 2  # truncated once more where the face is put into the picture
    assert off.mean() < 0.02


def test_small_networks_correct_alike(engine: OnnxEngine, eager: EagerEngine) -> None:
    for ours, theirs, size in zip(engine.correctors, eager.correctors, (126, 66, 65), strict=True):
        x = torch.rand(3, size, generator=torch.Generator().manual_seed(size))
        assert ours is not None
        assert theirs is not None
        assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_other_shapes_are_refused(engine: OnnxEngine) -> None:
    with pytest.raises(RenderError, match=r"appearance.onnx: image of \[1, 3, 128, 128\], expected \[1, 3, 256, 256\]"):
        engine.appearance(torch.rand(1, 3, 128, 128))


def test_sources_and_faces_must_be_as_many(engine: OnnxEngine, eager: EagerEngine) -> None:
    volume, face = looked_at(eager)
    two = engine.prepare(volume.expand(2, -1, -1, -1, -1), face.keypoints.expand(2, -1, -1))
    with pytest.raises(RenderError, match="2 sources with 3 driven faces"):
        engine.draw(two, face.keypoints.expand(3, -1, -1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"providers": ["RocketExecutionProvider"]}, "this ONNX Runtime .* has .*CPUExecutionProvider"),
        ({"providers": []}, "this ONNX Runtime"),
        ({"provider_options": {"CUDAExecutionProvider": {}}}, "of CUDAExecutionProvider, which is not in providers"),
    ],
)
def test_a_provider_that_is_not_there(exported: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OnnxEngine(folder=exported, **(CPU | changed))


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has the provider"
)
def test_cuda_without_its_package_says_what_to_install(exported: Path) -> None:
    with pytest.raises(ConfigError, match="install the package onnxruntime-gpu"):
        OnnxEngine(folder=exported, **(CPU | {"providers": ["CUDAExecutionProvider"]}))


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(CheckpointError, match=r"manifest.json: no such file. Export again"):
        OnnxEngine(folder="nowhere", **CPU)


@pytest.mark.gpu
@pytest.mark.skipif("CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="needs its provider")
def test_cuda_draws_the_same(exported: Path, eager: EagerEngine) -> None:
    """Without TF32, as PyTorch on the CPU."""
    name = "CUDAExecutionProvider"
    options = {name: {"use_tf32": 0}}
    check_pictures(OnnxEngine(folder=exported, **(CPU | {"providers": [name], "provider_options": options})), eager)
