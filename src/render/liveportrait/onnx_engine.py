"""Networks that were exported to ONNX, run by ONNX Runtime: on a CPU, or on a GPU by CUDA or TensorRT."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.errors import CheckpointError, ConfigError, RenderError
from src.render.liveportrait.finishing import Correctors
from src.render.liveportrait.keypoints import FaceMotion, RawMotion, motion_of
from src.render.liveportrait.onnx_files import DRIVING, GRAPHS, RGB, GraphRecord, read_manifest

logger = logging.getLogger(__name__)

_ON_GPU = ("CUDAExecutionProvider", "TensorrtExecutionProvider")
"""Providers that take inputs from the memory of a CUDA device."""


class OnnxSource(NamedTuple):
    """What `frame` needs of sources, in the provider's memory.

    Attributes:
        num_sources: as given to `prepare`.
        pieces: inputs by name, of as many sources as are drawn at once; one source fills a piece alone.
    """

    num_sources: int
    pieces: list[dict[str, Any]]


class OnnxEngine:
    """Runs a folder of `scripts.export_liveportrait`. Tensors are on the CPU, a source's constants where it is drawn.

    Args:
        folder: with `manifest.json`.
        providers: of ONNX Runtime, the first that can run an operator does: CPUExecutionProvider,
            CUDAExecutionProvider, TensorrtExecutionProvider and so on.
        provider_options: by provider.
        device_id: of the GPU.
        num_threads: on the CPU; 0: ONNX Runtime's own choice.

    Raises:
        ConfigError: a provider is not there, or does not start.
        CheckpointError: the folder is incomplete or damaged, or a file can't be run.
    """

    def __init__(
        self,
        *,
        folder: str | Path,
        providers: Sequence[str],
        provider_options: Mapping[str, Mapping[str, Any]],
        device_id: int,
        num_threads: int,
    ) -> None:
        names = checked_providers(providers, provider_options)
        manifest = read_manifest(Path(folder))
        if manifest.weights is None:
            logger.warning("%s: made without the official weights, it draws noise. Only speed can be measured.", folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = num_threads
        on_gpu = names[0] in _ON_GPU
        settings = [dict(provider_options.get(name, {})) for name in names]
        for name, setting in zip(names, settings, strict=True):
            if name in _ON_GPU:
                setting.setdefault("device_id", device_id)
        self._graphs = {
            name: _Graph(Path(folder), name, record, options, names, settings)
            for name, record in manifest.graphs.items()
        }
        self._batch, self._memory = manifest.batch, ("cuda", device_id) if on_gpu else ("cpu", 0)
        self._correctors = Correctors(*(_Corrector(self._graphs[name]) for name in ("stitching", "eye", "lip")))

    @property
    def device(self) -> torch.device:
        """Where tensors live: ONNX Runtime has memory of its own."""
        return torch.device("cpu")

    @property
    def correctors(self) -> Correctors:
        """S, R_eye and R_lip."""
        return self._correctors

    def appearance(self, image: Tensor) -> Tensor:
        """See `Engine`."""
        return self._graphs["appearance"].one_by_one(image)[0]

    def motion(self, image: Tensor) -> FaceMotion:
        """See `Engine`."""
        return motion_of(RawMotion(*self._graphs["motion"].one_by_one(image)))

    def prepare(self, volume: Tensor, keypoints: Tensor) -> OnnxSource:
        """See `Engine`."""
        parts = (volume, keypoints, *self._graphs["source"].one_by_one(volume, keypoints))
        names, count = GRAPHS["frame"][0][1:], len(keypoints)
        rows = _rows(count, self._batch) if count > 1 else [[0] * self._batch]
        kind, device_id = self._memory
        pieces = [
            {
                name: onnxruntime.OrtValue.ortvalue_from_numpy(_array(part[row]), kind, device_id)
                for name, part in zip(names, parts, strict=True)
            }
            for row in rows
        ]
        return OnnxSource(count, pieces)

    def draw(self, source: OnnxSource, driving: Tensor) -> Tensor:
        """See `Engine`."""
        count = len(driving)
        if source.num_sources not in (1, count):
            raise RenderError(
                f"{source.num_sources} sources with {count} driven faces: expected one for each, or one source"
            )
        drawn = []
        for index, row in enumerate(_rows(count, self._batch)):
            piece = source.pieces[index if source.num_sources > 1 else 0]
            drawn.append(self._graphs["frame"].bound({DRIVING: _array(driving[row])}, piece, RGB))
        return torch.from_numpy(np.concatenate(drawn)[:count])


class _Graph:
    """A file that is run."""

    def __init__(
        self,
        folder: Path,
        name: str,
        record: GraphRecord,
        options: onnxruntime.SessionOptions,
        providers: list[str],
        settings: list[dict[str, Any]],
    ) -> None:
        self._path, self._inputs, self._outputs = folder / record.file, *GRAPHS[name]
        self._shapes = record.inputs
        try:
            self._session = onnxruntime.InferenceSession(str(self._path), options, providers, settings)
        except Exception as error:  # ONNX Runtime's own kinds have no common base
            raise CheckpointError(
                f"{self._path}: ONNX Runtime {onnxruntime.__version__} can't run it with {', '.join(providers)}. It "
                f"says: {error}"
            ) from error
        # A provider whose libraries are missing is left out with nothing but a warning.
        if self._session.get_providers()[0] != providers[0]:
            raise ConfigError(
                f"providers: {providers[0]} does not start, ONNX Runtime would go on with "
                f"{self._session.get_providers()[0]}. Its libraries (CUDA, cuDNN, TensorRT) must be installed in the "
                "versions that ONNX Runtime was built for."
            )

    def one_by_one(self, *tensors: Tensor) -> list[Tensor]:
        """Outputs of a graph of batch 1 for (B, ...) inputs."""
        runs = []
        for index in range(len(tensors[0])):
            given = {
                name: self._checked(name, _array(tensor[index : index + 1]))
                for name, tensor in zip(self._inputs, tensors, strict=True)
            }
            runs.append(self._session.run(list(self._outputs), given))
        return [torch.from_numpy(np.concatenate(parts)) for parts in zip(*runs, strict=True)]

    def bound(self, arrays: dict[str, NDArray[Any]], kept: dict[str, Any], output: str) -> NDArray[Any]:
        """One output, with inputs of which some are already where they are needed."""
        binding = self._session.io_binding()
        for name, array in arrays.items():
            binding.bind_cpu_input(name, self._checked(name, array))
        for name, value in kept.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_output(output)
        self._session.run_with_iobinding(binding)
        result: NDArray[Any] = binding.copy_outputs_to_cpu()[0]
        return result

    def _checked(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        if list(array.shape) != self._shapes[name]:
            raise RenderError(
                f"{self._path.name}: {name} of {list(array.shape)}, expected {self._shapes[name]}; the shapes of "
                "exported networks are fixed."
            )
        return array


class _Corrector:
    """S, R_eye or R_lip."""

    def __init__(self, graph: _Graph) -> None:
        self._graph = graph

    def __call__(self, x: Tensor) -> Tensor:
        return self._graph.one_by_one(x)[0]


def checked_providers(providers: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Names of providers that this ONNX Runtime has.

    Raises:
        ConfigError: there is none, one is not there, or options are for another.
    """
    there = onnxruntime.get_available_providers()
    missing = [name for name in providers if name not in there]
    if missing or not providers:
        raise ConfigError(
            f"providers={list(providers)}: this ONNX Runtime {onnxruntime.__version__} has {', '.join(there)}. For "
            "CUDAExecutionProvider and TensorrtExecutionProvider, install the package onnxruntime-gpu instead of "
            "onnxruntime."
        )
    stray = [name for name in options if name not in providers]
    if stray:
        raise ConfigError(f"provider_options: of {', '.join(stray)}, which is not in providers={list(providers)}")
    return list(providers)


def _rows(count: int, batch: int) -> list[list[int]]:
    """Indices of pieces of `batch`; the last one is filled up with the last index."""
    return [[min(first + i, count - 1) for i in range(batch)] for first in range(0, count, batch)]


def _array(tensor: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
