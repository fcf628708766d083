"""How far an exported graph is from PyTorch: both follow the same stream, step by step.

The reference is the network of the checkpoint on the NumPy features of its contract. A graph with a front end is
given the samples of the same sound in blocks, so its figure includes its features.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.models.checkpoint import Checkpoint
from src.models.motion_model import TorchModel
from src.models.onnx_model import OnnxGraph


@dataclass(frozen=True)
class Parity:
    """Largest differences over a stream.

    Attributes:
        frames: compared, from the start of the stream.
        absolute: by channel, in its own unit.
        of_range: by channel, as a share of its range in the motion spec.
        step_us: p50 and p99 of one step of the graph, in microseconds.
    """

    frames: int
    absolute: dict[str, float]
    of_range: dict[str, float]
    step_us: dict[str, float]

    @property
    def worst(self) -> float:
        """The largest of all differences, absolute or as a share of a range."""
        return max(*self.absolute.values(), *self.of_range.values())


def measure_parity(checkpoint: Checkpoint, graph: OnnxGraph, waveform: NDArray[np.float32]) -> Parity:
    """Stream a sound through both.

    Args:
        checkpoint: the graph was exported from it.
        graph: with or without a front end, of any variant.
        waveform: (S,) mono in [-1, 1] at the contract's rate; some frames long.

    Raises:
        DataError: the sound is too short for a frame.
    """
    contract = checkpoint.contract
    rows = contract.build_features().frame_stream().push(waveform)
    if len(rows) == 0:
        raise DataError(f"{len(waveform)} samples are less than a motion frame needs. Give a longer sound.")
    model = TorchModel(checkpoint)
    expected, state = [], model.init_state(0)
    for row in rows:
        frame, state = model.step(row[None], state)
        expected.append(frame[0])
    found, step_us = stream_graph(graph, steps_of(graph, waveform, rows))
    difference = np.abs(np.array(expected, np.float64) - found[: len(expected)]).max(axis=0)
    share = difference / (contract.spec.maximum - contract.spec.minimum)
    return Parity(
        frames=len(rows),
        absolute=dict(zip(contract.channels, difference.tolist(), strict=True)),
        of_range=dict(zip(contract.channels, share.tolist(), strict=True)),
        step_us={f"p{share}": float(np.percentile(step_us, share).round(1)) for share in (50, 99)},
    )


def steps_of(graph: OnnxGraph, waveform: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a graph is given step by step, (T, *input_shape): the rows, or the blocks that complete them."""
    front_end = graph.header.front_end
    if front_end is None:
        return rows[:, None, None]
    sound = np.concatenate([np.zeros(front_end.lead_in_samples, np.float32), waveform])
    return sound[: len(rows) * front_end.block_samples].reshape(len(rows), 1, front_end.block_samples)


def stream_graph(graph: OnnxGraph, steps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A new stream of `steps`: motion (T, C), and what each step took, (T,) in microseconds."""
    state, motion, took_us = graph.init_state(), [], []
    for values in steps:
        started = time.perf_counter()
        frame, state = graph.step(values, state)
        took_us.append(1e6 * (time.perf_counter() - started))
        motion.append(frame[0, 0])
    return np.array(motion), np.array(took_us)
