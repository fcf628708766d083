"""Hidden states of pretrained speech encoders, heard through bounded chunks: the same in training and live.

These encoders were trained on whole utterances and look at all of them. Live, the future is unknown and the past must
end somewhere; and a network that was trained on what it never hears live fails. So an encoder always hears windows of
one length, [past | new | future]: chunk n covers the new sound from n * new to (n + 1) * new and gives the hops that
begin in it. Digital silence stands before the start and after the end of the sound.

The processor runs one window at a time, so a stream gives the bits of the whole recording, in pieces of any size
(batches of windows are no faster there). A GPU takes the windows of a whole recording in batches: equal up to rounding.

Hops are 20 ms apart, two per motion frame. Hop k of HuBERT, wav2vec 2.0 and WavLM hears samples 320 k .. 320 k + 399
before attention, so it is centred 12.5 ms after its start; frame i sees hops 2 i - 1 and 2 i, centred 7.5 ms before
and 12.5 ms after it. Whisper's hops are centred on their start: 20 ms before the frame, and on it.
"""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src.data.features.base import FeatureExtractor, FeatureStream, checked_samples, hash_of
from src.data.features.ssl_encoders import LoadedEncoder, find_model, read_encoder, weights_hash
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND

ALL_LAYERS = "all"
"""The value of `layer` for every hidden state, to be mixed by weights that the motion network learns."""

_VERSION = 1
"""Grows when the same configuration gives other numbers, so that older checkpoints are refused."""


class SslFeatures(FeatureExtractor):
    """HuBERT, wav2vec 2.0, WavLM or the encoder of Whisper, through the `transformers` library."""

    is_costly = True

    def __init__(
        self,
        *,
        model: str,
        layer: int | str,
        past_ms: int,
        new_ms: int,
        future_ms: int,
        device: str,
        weights_sha256: str | None,
    ) -> None:
        """Find the model and read its sizes; its weights are loaded on first use.

        Args:
            model: folder of a Hugging Face model, or its name on the hub; see `find_model`.
            layer: hidden state, 0 for what enters the first layer; or `all` for every one.
            past_ms, new_ms, future_ms: parts of a window, multiples of a hop.
            device: where the encoder runs: `cpu`, `cuda`, or `auto` for a GPU if there is one.
            weights_sha256: what `weights_hash` has to give for the model; null takes any weights. Checkpoints hold
                that of the weights they were trained with.

        Raises:
            ConfigError: there is no such model, or the settings do not fit it.
        """
        self._folder = find_model(model)
        self._encoder = read_encoder(self._folder)
        self._weights_sha256 = weights_hash(self._folder)
        if weights_sha256 is not None and weights_sha256 != self._weights_sha256:
            raise ConfigError(
                f"features.model: {self._folder}: weights with hash {self._weights_sha256[:12]}..., expected "
                f"{weights_sha256[:12]}... Give the model that was trained with, or train again."
            )
        self.sample_rate_hz = self._encoder.sample_rate_hz
        self._settings = {
            "model": model,
            "layer": layer,
            "past_ms": past_ms,
            "new_ms": new_ms,
            "future_ms": future_ms,
            "device": device,
        }
        self._check_hop()
        self._states = self._wanted_states(layer)
        self.num_layers = len(self._states)
        self.size = self.num_layers * self._encoder.size
        self._past, self._new, self._future = (
            self._samples(name, least) for name, least in (("past_ms", 0), ("new_ms", 1), ("future_ms", 0))
        )
        needed = (self._past + self._new) // self._encoder.hop_length
        if self._encoder.num_hops(self._past + self._new + self._future) < needed:
            raise ConfigError(
                f"features: past_ms={past_ms}, new_ms={new_ms}, future_ms={future_ms} do not fit {model}: the last hop "
                "of a chunk must hear all it needs, and a window must not be longer than the model takes. "
                f"Set future_ms={1000 * self.hop_s:g} or more, and windows of at most 30 s."
            )
        if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
            raise ConfigError(
                f"features.device is {device!r}; expected auto or cpu, or cuda where there is a GPU. Set it to auto."
            )

    @property
    def config(self) -> dict[str, Any]:
        """The settings, with the hash of the weights."""
        return {
            "_target_": "src.data.features.SslFeatures",
            **self._settings,
            "weights_sha256": self._weights_sha256,
        }

    @property
    def config_hash(self) -> str:
        """Differs when weights, layer, chunking or this code do; not when the model's folder moves."""
        relevant = {name: value for name, value in self.config.items() if name not in ("model", "device")}
        return hash_of({**relevant, "version": _VERSION})

    @property
    def hop_s(self) -> float:
        """20 ms for all published models."""
        return self._encoder.hop_length / self.sample_rate_hz

    @property
    def first_centre_s(self) -> float:
        """See the module: 12.5 ms, or 0 for Whisper."""
        return self._encoder.centre / self.sample_rate_hz

    @property
    def lookahead_s(self) -> float:
        """The first hop of a chunk waits for all of it and for the future that the encoder hears."""
        return (self._new + self._future) / self.sample_rate_hz - self.first_centre_s

    @property
    def hops_before_frame(self) -> int:
        """One of two."""
        return self.hops_per_frame // 2

    @property
    def latency_parts(self) -> dict[str, float]:
        """In the worst case, a frame at the start of a chunk."""
        rate_khz = self.sample_rate_hz / 1000
        last_hop_ms = 1000 * (self.hops_per_frame - 1 - self.hops_before_frame) * self.hop_s
        return {
            "last feature hop of a frame": last_hop_ms,
            "filling a chunk": self._new / rate_khz,
            "look-ahead of the encoder": self._future / rate_khz,
        }

    @cached_property
    def silence_row(self) -> NDArray[np.float32]:
        """(F,) mean over the new hops of a silent window: where a hop lies in its window matters a little."""
        row: NDArray[np.float32] = self._encode([np.zeros(self._window, np.float32)]).mean(axis=0)
        return row

    def extract(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `FeatureExtractor.extract`; (K, F) with K = ceil(S / hop)."""
        samples = checked_samples(waveform, finished=False)
        num_hops = -(-len(samples) // self._encoder.hop_length)
        num_chunks = -(-len(samples) // self._new)
        end = np.zeros(num_chunks * self._new + self._future - len(samples), np.float32)
        padded = np.concatenate([np.zeros(self._past, np.float32), samples, end])
        windows = [padded[start : start + self._window] for start in range(0, num_chunks * self._new, self._new)]
        size = self._loaded.batch_windows
        batches = [self._encode(windows[start : start + size]) for start in range(0, num_chunks, size)]
        return np.concatenate([np.empty((0, self.size), np.float32), *batches])[:num_hops]

    def stream(self) -> "SslStream":
        """See `FeatureExtractor.stream`."""
        return SslStream(self)

    @property
    def _window(self) -> int:
        """Samples that the encoder hears at once."""
        return self._past + self._new + self._future

    @cached_property
    def _loaded(self) -> LoadedEncoder:
        name = str(self._settings["device"])
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        return LoadedEncoder(self._folder, self._encoder, self._states, self._window, torch.device(name))

    def _encode(self, windows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The new hops of windows that follow each other, (B * hops of a chunk, F)."""
        hop = self._encoder.hop_length
        states = self._loaded(np.stack(windows))[:, self._past // hop : (self._past + self._new) // hop]
        # (B, J, L, C) to the layers of each channel side by side, see `FeatureExtractor.num_layers`
        rows: NDArray[np.float32] = states.transpose(2, 3).reshape(-1, self.size).numpy()
        return rows

    def _check_hop(self) -> None:
        frame = self.sample_rate_hz / FRAMES_PER_SECOND
        if frame % self._encoder.hop_length:
            raise ConfigError(
                f"features.model: {self._folder}: hops of {self._encoder.hop_length} samples at {self.sample_rate_hz} "
                f"Hz do not divide a motion frame of 1/{FRAMES_PER_SECOND} s. Choose a model with hops of 20 ms."
            )

    def _wanted_states(self, layer: int | str) -> range:
        if layer == ALL_LAYERS:
            return range(self._encoder.num_states)
        if not isinstance(layer, int) or not 0 <= layer < self._encoder.num_states:
            raise ConfigError(
                f"features.layer is {layer!r}; {self._settings['model']} has hidden states 0 to "
                f"{self._encoder.num_states - 1}. Give one of them, or {ALL_LAYERS!r} for a learned mix."
            )
        return range(layer, layer + 1)

    def _samples(self, name: str, least_hops: int) -> int:
        """Samples of one part of the window."""
        hops = self._settings[name] / (1000 * self.hop_s)  # type: ignore[operator]
        if hops != int(hops) or hops < least_hops:
            raise ConfigError(
                f"features.{name} is {self._settings[name]}; expected a multiple of the hop of {1000 * self.hop_s:g} "
                f"ms, {least_hops * 1000 * self.hop_s:g} or more. Correct it."
            )
        return int(hops) * self._encoder.hop_length


class SslStream(FeatureStream):
    """Features of sound that arrives in pieces of any size. Made by `SslFeatures.stream`."""

    def __init__(self, extractor: SslFeatures) -> None:
        self._extractor = extractor
        self._pending = np.zeros(extractor._past, np.float32)
        self._num_samples = 0
        self._num_chunks = 0
        self._finished = False

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `FeatureStream.push`."""
        samples = checked_samples(samples, self._finished)
        self._num_samples += len(samples)
        self._pending = np.concatenate([self._pending, samples])
        return self._advance()

    def finish(self) -> NDArray[np.float32]:
        """See `FeatureStream.finish`."""
        self._finished = True
        extractor = self._extractor
        num_chunks = -(-self._num_samples // extractor._new)
        length = (num_chunks - self._num_chunks) * extractor._new + extractor._past + extractor._future
        silence = np.zeros(max(length - len(self._pending), 0), np.float32)
        hop_length = extractor._encoder.hop_length
        num_hops = -(-self._num_samples // hop_length) - self._num_chunks * extractor._new // hop_length
        self._pending = np.concatenate([self._pending, silence])
        return self._advance()[:num_hops]

    def _advance(self) -> NDArray[np.float32]:
        extractor = self._extractor
        chunks = [np.empty((0, extractor.size), np.float32)]
        while len(self._pending) >= extractor._window:
            chunks.append(extractor._encode([self._pending[: extractor._window]]))
            self._pending = self._pending[extractor._new :].copy()
            self._num_chunks += 1
        return np.concatenate(chunks)
