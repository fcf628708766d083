"""Exported models, run with ONNX Runtime.

Loading compares the contract inside the file with this program and the inputs of the graph with what its header says,
and refuses in words. A session is made once and shared by all streams; what a stream remembers is handed in and out.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from src.errors import Audio2MotionError, CheckpointError
from src.models.checkpoint import Contract
from src.models.onnx_header import HEADER_KEY, MOTION, OnnxHeader

OnnxState = tuple[NDArray[Any], ...]
"""A stream's memory, in the order of `OnnxHeader.states`."""


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """An exported graph as it lies in the file: one step of input and state to motion and state.

    Attributes:
        header: what the file says about itself.
        path: of the file.
        sha256: of its bytes.
    """

    header: OnnxHeader
    path: Path
    sha256: str
    session: onnxruntime.InferenceSession

    @classmethod
    def load(cls, path: Path | str, num_threads: int = 1) -> "OnnxGraph":
        """Read a file.

        Args:
            path: written by `python -m scripts.export`.
            num_threads: of ONNX Runtime; models are so small that a second one rarely helps.

        Raises:
            CheckpointError: the file is missing, damaged, not one of ours, or does not fit this program.
        """
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(
                f"{path}: no such model. Export one with `python -m scripts.export`, or check the path."
            )
        content = path.read_bytes()  # a session made of bytes reads no other file, whatever the graph asks for
        session = _session(content, path, num_threads)
        header = _header(session, path)
        try:
            header.contract.check()
            _check_graph(session, header)
        except Audio2MotionError as error:
            raise CheckpointError(f"{path}: {error}") from error
        return cls(header, path, hashlib.sha256(content).hexdigest(), session)

    def init_state(self, speaker: int = 0) -> OnnxState:
        """The memory of a stream that has heard nothing yet, with the style of a speaker; 0 is anyone."""
        return self.header.start(speaker)

    def step(self, values: NDArray[np.float32], state: OnnxState) -> tuple[NDArray[np.float32], OnnxState]:
        """One step.

        Args:
            values: of the shape `header.input_shape`: a row of features, or a block of samples in [-1, 1].
            state: from `init_state` or the step before; not changed.

        Returns:
            (1, 1, C) motion, late by the look-ahead, and the state after the step.
        """
        names = (entry.name for entry in self.header.states)
        motion, *after = self.session.run(
            None, {self.header.input_name: values, **dict(zip(names, state, strict=True))}
        )
        return motion, tuple(after)


class OnnxModel:
    """An exported step model behind the interface of `src.models.motion_model.MotionModel`."""

    def __init__(self, graph: OnnxGraph) -> None:
        """Raises `CheckpointError` where the file has a front end inside: it takes sound, not features."""
        if graph.header.front_end is not None:
            raise CheckpointError(
                f"{graph.path}: takes sound in blocks of {graph.header.front_end.block_samples} samples (the features "
                "are inside), for programs that have none of this one. Give the file without a front end beside it."
            )
        self.graph = graph
        self.contract: Contract = graph.header.contract
        self.silence = np.array(graph.header.silence, np.float32)
        self.exported_from_sha256: str | None = graph.header.checkpoint_sha256

    def init_state(self, speaker: int) -> OnnxState:
        """See `MotionModel.init_state`."""
        return self.graph.init_state(speaker)

    def step(self, rows: NDArray[np.float32], state: OnnxState) -> tuple[NDArray[np.float32], OnnxState]:
        """See `MotionModel.step`."""
        motion = np.empty((len(rows), len(self.contract.channels)), np.float32)
        for index, row in enumerate(rows):
            frame, state = self.graph.step(row[None, None], state)
            motion[index] = frame[0, 0]
        return motion, state

    def whole(self, rows: NDArray[np.float32], speaker: int) -> NDArray[np.float32]:
        """See `MotionModel.whole`; it is the stream of all rows and the silence after them."""
        lookahead = self.contract.lookahead_frames
        motion, _ = self.step(np.concatenate([rows, np.tile(self.silence, (lookahead, 1))]), self.init_state(speaker))
        return motion[lookahead:]


def read_header(path: Path | str) -> OnnxHeader:
    """What an exported file says about itself, whether or not it fits this program.

    Raises:
        CheckpointError: the file is missing, damaged or not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such model. Export one with `python -m scripts.export`, or check the path.")
    return _header(_session(path.read_bytes(), path, num_threads=1), path)


def _header(session: onnxruntime.InferenceSession, path: Path) -> OnnxHeader:
    text = session.get_modelmeta().custom_metadata_map.get(HEADER_KEY)
    if text is None:
        raise CheckpointError(
            f"{path}: an ONNX file, but no model of Audio2Motion (no contract inside). "
            "Give a file that `python -m scripts.export` wrote."
        )
    try:
        return OnnxHeader.from_json(text)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _session(content: bytes, path: Path, num_threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised as well
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):  # its exceptions have no base of their own
            raise
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(
            f"{path}: not a readable ONNX file; it is damaged, incomplete, another kind of file or for a newer "
            f"ONNX Runtime ({reason}). Export it again with `python -m scripts.export`, or copy it again."
        ) from error


def _check_graph(session: onnxruntime.InferenceSession, header: OnnxHeader) -> None:
    """Compare inputs and outputs with what the header says about them.

    Raises:
        CheckpointError: the first difference.
    """
    channels = len(header.contract.channels)
    stated = {header.input_name: header.input_shape, **{entry.name: entry.shape for entry in header.states}}
    stated_out = {MOTION: (1, 1, channels), **{entry.out_name: entry.shape for entry in header.states}}
    for kind, wanted, found in (
        ("inputs", stated, session.get_inputs()),
        ("outputs", stated_out, session.get_outputs()),
    ):
        given = {node.name: tuple(node.shape) for node in found}
        if list(given.items()) != list(wanted.items()):
            raise CheckpointError(
                f"its {kind} are {_shapes(given)}, its header says {_shapes(wanted)}. "
                "Export it again with `python -m scripts.export`."
            )
    if header.front_end is None:
        row_size = int(header.contract.build_features().row_size)
        if row_size != len(header.silence):
            raise CheckpointError(
                f"it takes rows of {len(header.silence)} features, {header.contract.features['_target_']} gives rows "
                f"of {row_size}. Export it again with `python -m scripts.export`."
            )
    else:
        header.contract.build_features()


def _shapes(named: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in named.items())
