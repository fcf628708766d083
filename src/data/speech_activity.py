"""Where a recording holds speech, by the Silero voice activity detector.

The network's weights lie inside the `silero-vad` wheel (MIT licence, Silero Team; 2.3 MB), so nothing is
downloaded. Its own package steps through a recording in pieces of 32 ms; here the convolutions run over all
pieces at once and only the recurrent cell steps. `tests/data/test_speech_activity.py` holds the result to the
package's. The package itself is never imported, because importing it sets the number of torch threads of the
whole process.

Waveforms are (S,) mono at 16 kHz in [-1, 1].
"""

import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from src.errors import DataError
from src.motion import frame_times

SAMPLE_RATE_HZ = 16_000
SPEECH_PROBABILITY = 0.5
"""From here on a frame counts as speech: the value that the detector's authors use."""

_PIECE = 512
_CONTEXT = 64
# Pieces per pass, 33 s: an hour at once would take a gigabyte.
_BLOCK = 1024
_State = tuple[Tensor, Tensor]


def speech_activity(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech at every motion frame.

    Args:
        waveform: (S,) mono at 16 kHz.

    Returns:
        (T,) in 0..1, frame i at i / 25 s; T is the smallest count that covers the recording.

    Raises:
        DataError: the waveform is not one-dimensional, empty or not finite, or silero-vad is not installed.
    """
    if waveform.ndim != 1 or not len(waveform) or not np.isfinite(waveform).all():
        raise DataError(
            f"speech is sought in a finite waveform (S,) with S >= 1, got shape {waveform.shape}. "
            "Pass mono sound at 16 kHz as `load_recording` gives it."
        )
    pieces = speech_probabilities(waveform)
    middles_s = (np.arange(len(pieces)) + 0.5) * _PIECE / SAMPLE_RATE_HZ
    return np.interp(frame_times(len(waveform) / SAMPLE_RATE_HZ), middles_s, pieces).astype(np.float32)


def speech_share(speech: NDArray[np.float32]) -> float:
    """Share of motion frames that hold speech, 0..1, by what `speech_activity` gave for them."""
    return float((speech >= SPEECH_PROBABILITY).mean())


def speech_probabilities(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech in every piece of 512 samples (32 ms), the last one filled with silence."""
    count = -(-len(waveform) // _PIECE)
    padded = np.zeros(_CONTEXT + count * _PIECE, np.float32)
    padded[_CONTEXT : _CONTEXT + len(waveform)] = waveform
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + _PIECE)[::_PIECE]
    network = _network()
    threads = torch.get_num_threads()
    # Sums in another order with another number of threads; one is as fast on a network this small.
    torch.set_num_threads(1)
    try:
        probabilities, state = [], None
        with torch.inference_mode():
            for start in range(0, count, _BLOCK):
                block = torch.from_numpy(pieces[start : start + _BLOCK].copy())
                values, state = network(block, state)
                probabilities.append(values.numpy())
        return np.concatenate(probabilities)
    finally:
        torch.set_num_threads(threads)


class SpeechStream:
    """Probability of speech in sound that arrives in chunks of any size, as `speech_probabilities` gives it for all.

    Raises:
        DataError: silero-vad is not installed.
    """

    samples_per_piece = _PIECE

    def __init__(self) -> None:
        self._network = _network()
        self._rest = np.zeros(_CONTEXT, np.float32)  # the context of the next piece, and what has come of it
        self._state: _State | None = None

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next (s,) samples at 16 kHz; gives (n,) probabilities of the pieces of 512 that they complete."""
        heard = np.concatenate([self._rest, samples])
        count = (len(heard) - _CONTEXT) // _PIECE
        self._rest = heard[count * _PIECE :]
        if not count:
            return np.zeros(0, np.float32)
        pieces = np.lib.stride_tricks.sliding_window_view(heard, _CONTEXT + _PIECE)[::_PIECE]
        with torch.inference_mode():
            values, self._state = self._network(torch.from_numpy(pieces.copy()), self._state)
        return np.asarray(values.numpy(), np.float32)


class _Network(nn.Module):
    """Silero VAD 6 at 16 kHz: short-time spectrum, four convolutions, one LSTM cell per 32 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.stft = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.encoder = nn.ModuleList(
            [
                nn.Conv1d(129, 128, 3, padding=1),
                nn.Conv1d(128, 64, 3, stride=2, padding=1),
                nn.Conv1d(64, 64, 3, stride=2, padding=1),
                nn.Conv1d(64, 128, 3, padding=1),
            ]
        )
        self.lstm = nn.LSTM(128, 128)
        self.final = nn.Conv1d(128, 1, 1)

    def forward(self, pieces: Tensor, state: _State | None) -> tuple[Tensor, _State]:
        """(N, 576) consecutive pieces, each with the 64 samples before it -> (N,) probabilities, state after them."""
        spectra = self.stft(functional.pad(pieces[:, None], (0, _CONTEXT), mode="reflect"))
        hidden = torch.hypot(spectra[:, :129], spectra[:, 129:])
        for layer in self.encoder:
            hidden = functional.relu(layer(hidden))
        states, state = self.lstm(hidden[:, :, 0], state)  # (N, 128)
        return torch.sigmoid(self.final(functional.relu(states)[:, :, None]))[:, 0, 0], state


@cache
def _network() -> _Network:
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "finding speech needs silero-vad, which is not installed. Install it with `pip install silero-vad`, or run "
            "`make .venv`."
        )
    # The safetensors file beside it holds an older network, which finds less speech.
    path = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.jit"
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # torch.jit.load; the wheel has these weights in no other form
        theirs = torch.jit.load(path).state_dict()
    names = {
        "_model.stft.forward_basis_buffer": "stft.weight",
        "_model.decoder.decoder.2.weight": "final.weight",
        "_model.decoder.decoder.2.bias": "final.bias",
    }
    for kind in ("weight", "bias"):
        names |= {f"_model.encoder.{i}.reparam_conv.{kind}": f"encoder.{i}.{kind}" for i in range(4)}
        names |= {f"_model.decoder.rnn.{kind}_{gate}": f"lstm.{kind}_{gate}_l0" for gate in ("ih", "hh")}
    network = _Network()
    network.load_state_dict({ours: theirs[name] for name, ours in names.items()})
    return network.eval()
