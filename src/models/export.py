"""Networks as ONNX files: one step, with the state as inputs and outputs and the contract inside the file.

All shapes are fixed: batch 1, one motion frame per step. A graph takes a row of features, or with a front end the block
of sound that completes the row. `src.models.onnx_model` runs both; `src.models.parity` compares them with PyTorch.

Needs the packages onnx and onnxscript (`pip install "audio2motion[export]"`); running an exported file needs neither.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from src.errors import CheckpointError, ConfigError
from src.files import replacing, sha256_of
from src.models.checkpoint import Checkpoint
from src.models.mel_front_end import MelFrontEnd, build_front_end
from src.models.motion_model import first_state
from src.models.network import MotionNetwork, State
from src.models.onnx_header import HEADER_KEY, MOTION, FrontEnd, OnnxHeader, StateEntry, Styles

OPSET = 20
"""The first with the discrete Fourier transform as the exporter writes it, and that ONNX Runtime 1.17 and later run."""

FP32, FP16, INT8 = VARIANTS = ("fp32", "fp16", "int8")

_FRONT_END = "front_end/"
"""Names of its nodes begin with this: quantisation leaves them alone, or sound would be rounded before its features."""


class StepGraph(nn.Module):
    """One step on a row of features: (1, 1, F) and the network's state -> (1, 1, C) and the state."""

    def __init__(self, net: "MotionNetwork | HalfNetwork") -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Motion, and the state after the step."""
        motion, after = self.net.step(features, state)
        return (motion, *after)


class PcmGraph(nn.Module):
    """One step on a block of sound: (1, 640), the front end's state and the network's -> (1, 1, C) and the states."""

    def __init__(self, front_end: MelFrontEnd, net: "MotionNetwork | HalfNetwork") -> None:
        super().__init__()
        self.front_end = front_end
        self.net = net
        self._num_own = len(front_end.init_state())

    def forward(self, pcm: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Motion, and the state after the step."""
        row, heard = self.front_end(pcm, *state[: self._num_own])
        motion, after = self.net.step(row, state[self._num_own :])
        return (motion, *heard, *after)


class HalfNetwork(nn.Module):
    """A network that computes in half precision; what goes in and out stays in single precision."""

    def __init__(self, net: MotionNetwork) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).half()

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        motion, after = self.net.step(features.half(), _as(torch.float16, state))
        return motion.float(), _as(torch.float32, after)


def export_step(checkpoint: Checkpoint, path: Path, variant: str) -> OnnxHeader:
    """Write the step model that takes features.

    Args:
        checkpoint: its file still lies at `checkpoint.path`, and is named by its hash in the header.
        path: of the `.onnx` file; replaced in one step.
        variant: `fp32`; `fp16`, weights and sums in half precision; or `int8`, weights in 8 bits.

    Raises:
        CheckpointError: the network can't stream.
        ConfigError: another variant, or the packages for exporting are missing.
    """
    net = _network(checkpoint, variant)
    header = _header(checkpoint, _entries(first_state(checkpoint.net, 0)), None, variant)
    _write(StepGraph(net), header, path)
    return header


def export_with_front_end(checkpoint: Checkpoint, path: Path, variant: str) -> OnnxHeader:
    """Write the step model that takes sound, with mel or MFCC features inside; otherwise as `export_step`.

    Features are computed in full precision in every variant.

    Raises:
        CheckpointError: its features can't be part of the graph.
    """
    net = _network(checkpoint, variant)
    front_end = build_front_end(checkpoint.contract.features, checkpoint.contract.build_features().hops_before_frame)
    state = (*front_end.init_state(), *first_state(checkpoint.net, 0))
    blocks = FrontEnd(front_end.block_samples, front_end.lead_in_samples)
    header = _header(checkpoint, _entries(state), blocks, variant)
    _write(PcmGraph(front_end, net), header, path)
    return header


def _network(checkpoint: Checkpoint, variant: str) -> "MotionNetwork | HalfNetwork":
    """What is exported as this variant; errors as in `export_step`."""
    if variant not in VARIANTS:
        raise ConfigError(f"variants: {variant!r} is unknown. Choose of {', '.join(VARIANTS)}.")
    if not checkpoint.contract.streams:
        raise CheckpointError(
            f"{checkpoint.path}: a {type(checkpoint.net).__name__} that reads a recording from both ends has no step "
            "to export. Train a network that streams, such as one with bidirectional=false."
        )
    return HalfNetwork(checkpoint.net) if variant == FP16 else checkpoint.net


def _as(dtype: torch.dtype, state: State) -> State:
    """Numbers in another precision; counters stay counters."""
    return tuple(tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in state)


def _header(
    checkpoint: Checkpoint, states: tuple[StateEntry, ...], front_end: FrontEnd | None, variant: str
) -> OnnxHeader:
    contract, net = checkpoint.contract, checkpoint.net
    return OnnxHeader(
        contract=contract,
        states=states,
        silence=tuple(net.standardizer.silence.tolist()),
        styles=_styles(net, len(contract.speakers), states),
        front_end=front_end,
        variant=variant,
        checkpoint_sha256=sha256_of(checkpoint.path),
        made_with={name: metadata.version(name) for name in ("torch", "onnx", "onnxscript")},
    )


def _entries(state: State) -> tuple[StateEntry, ...]:
    return tuple(_entry(f"state_{index}", tensor) for index, tensor in enumerate(state))


def _entry(name: str, tensor: Tensor) -> StateEntry:
    values = tensor.numpy()
    constant = values.size > 0 and bool((values == values.flat[0]).all())
    return StateEntry(name, values.shape, str(values.dtype), values.flat[0].item() if constant else values.tolist())


def _styles(net: MotionNetwork, num_speakers: int, states: tuple[StateEntry, ...]) -> Styles | None:
    """The style vectors of all speakers: what differs between the first states of their streams."""
    firsts = [first_state(net, speaker) for speaker in range(num_speakers + 1)]
    alternatives = enumerate(zip(*firsts, strict=True))
    differ = [index for index, tensors in alternatives if any(not tensor.equal(tensors[0]) for tensor in tensors)]
    if not differ:
        return None
    (index,) = differ
    own = states[len(states) - len(firsts[0]) :]  # those of a front end come first
    return Styles(own[index].name, [first[index].flatten().tolist() for first in firsts])


def _write(graph: nn.Module, header: OnnxHeader, path: Path) -> None:
    onnx = _exporter_package("onnx")
    _exporter_package("onnxscript")
    inputs = (
        torch.zeros(header.input_shape),
        *(torch.from_numpy(np.array(array)) for array in header.start(0)),
    )
    with _quiet():
        program = torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=[header.input_name, *(entry.name for entry in header.states)],
            output_names=[MOTION, *(entry.out_name for entry in header.states)],
            verbose=False,
        )
    assert program is not None  # what `dynamo=True` gives
    model = program.model_proto
    for node in model.graph.node:
        scopes = next((note.value for note in node.metadata_props if note.key == "pkg.torch.onnx.name_scopes"), "")
        if "'front_end'" in scopes:  # the attribute of `PcmGraph`
            node.name = f"{_FRONT_END}{node.name}"
        node.ClearField("metadata_props")  # the rest tells about our source files
        node.ClearField("doc_string")
    if header.variant == INT8:
        model = _quantized(model, onnx)
    onnx.helper.set_model_props(model, {HEADER_KEY: header.to_json()})
    onnx.checker.check_model(model)
    with replacing(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())


def _quantized(model: Any, onnx: Any) -> Any:
    """Weights of matrix products and convolutions in 8 bits, their inputs on the way in; sums in 32 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = [node.name for node in model.graph.node if node.name.startswith(_FRONT_END)]
    with TemporaryDirectory() as folder, _quiet():
        small = Path(folder) / "small.onnx"
        quantize_dynamic(
            model,
            small,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm", "Conv", "LSTM"],
            nodes_to_exclude=exact,
        )
        return onnx.load(str(small))


def _exporter_package(name: str) -> Any:
    """Import one of the packages that only exporting needs.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return __import__(name)
    except ImportError as error:
        raise ConfigError(
            f"exporting needs the package {name}, which is not installed. "
            'Install it with `pip install "audio2motion[export]"`.'
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what exporters tell about themselves; their errors are raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with redirect_stdout(io.StringIO()):
                yield
    finally:
        logging.disable(before)
