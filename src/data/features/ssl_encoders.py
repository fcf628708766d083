"""Pretrained speech encoders of the `transformers` library, heard through windows of a fixed length.

Two families cover HuBERT, wav2vec 2.0, WavLM and Whisper. Everything here is found by the folder of a model: its
`config.json` says the family, its `preprocessor_config.json` how sound is prepared, its weight files the rest.
`transformers` takes seconds to import, so only these functions import it, when an encoder is used.
"""

import hashlib
import importlib.util
import json
import math
import os
import pickle
from abc import ABC, abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from src.errors import ConfigError
from src.files import sha256_of

MODELS_VARIABLE = "A2M_MODELS"
"""Environment variable: a folder whose subfolders are models, by the last part of their names."""

_SETTINGS = ("config.json", "preprocessor_config.json")
_WEIGHTS = (("model.safetensors", "model-*.safetensors"), ("pytorch_model.bin", "pytorch_model-*.bin"))
"""Formats of weights, the preferred one first: one file, or several parts of one."""


class Encoder(ABC):
    """What differs between families of encoders, known without loading weights.

    Attributes:
        sample_rate_hz: of the sound that it was trained on.
        size: F, channels of its layers.
        num_states: its layers and the input of the first one.
        hop_length: samples between hops.
        centre: sample on which the first hop of a window is centred.
    """

    sample_rate_hz: int
    size: int
    num_states: int
    hop_length: int
    centre: int

    @abstractmethod
    def num_hops(self, num_samples: int) -> int:
        """Hops that come out of a window of this length; 0 for a window that it does not take."""

    @abstractmethod
    def load(self, model: nn.Module, last_state: int, num_samples: int) -> nn.Module:
        """Take what is needed from the loaded model: states 0 to `last_state` of windows of one length.

        The result gives, called with prepared windows, an output whose `last_hidden_state` is that state.
        """


class WaveformEncoder(Encoder):
    """HuBERT, wav2vec 2.0 and WavLM: convolutions over the waveform, then a transformer."""

    def __init__(self, config: dict[str, Any], sample_rate_hz: int) -> None:
        kernels, strides = config["conv_kernel"], config["conv_stride"]
        self.sample_rate_hz = sample_rate_hz
        self.size = config["hidden_size"]
        self.num_states = config["num_hidden_layers"] + 1
        self.hop_length = math.prod(strides)
        # A hop hears 400 samples with the usual convolutions; the first one those from 0 to 399.
        self._receptive_field = 1 + sum(
            (kernel - 1) * math.prod(strides[:layer]) for layer, kernel in enumerate(kernels)
        )
        self.centre = self._receptive_field // 2
        self._norm_follows_layers = config["do_stable_layer_norm"]

    def num_hops(self, num_samples: int) -> int:
        """The convolutions are not padded: the last hop needs its whole receptive field."""
        return max((num_samples - self._receptive_field) // self.hop_length + 1, 0)

    def load(self, model: nn.Module, last_state: int, num_samples: int) -> nn.Module:
        """Layers beyond the wanted state are dropped; the norm after the layers belongs to the last one."""
        encoder: Any = model.encoder
        if last_state < self.num_states - 1:
            encoder.layers = encoder.layers[:last_state]
            if self._norm_follows_layers:
                encoder.layer_norm = nn.Identity()
        return model


class WhisperEncoder(Encoder):
    """The encoder of Whisper, for windows shorter than the 30 s that it was trained on.

    Its log-mel front takes any length. Its encoder demands 30 s because each of its 1500 output hops has a position
    of its own; with the first J positions only, it takes windows of J hops. So nothing is padded to 30 s: positions
    are sliced, `max_source_positions` says so, and the library's own forward pass does the rest.
    """

    def __init__(self, config: dict[str, Any], sample_rate_hz: int, mel_hop_length: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.size = config["d_model"]
        self.num_states = config["encoder_layers"] + 1
        self.hop_length = 2 * mel_hop_length  # the second of its two convolutions has stride 2
        self.centre = 0  # mel windows and convolutions are padded to both sides
        self._max_hops = config["max_source_positions"]

    def num_hops(self, num_samples: int) -> int:
        """A whole number of hops, no more than there are positions."""
        hops, rest = divmod(num_samples, self.hop_length)
        return hops if rest == 0 and hops <= self._max_hops else 0

    def load(self, model: nn.Module, last_state: int, num_samples: int) -> nn.Module:
        """The encoder without its decoder, its positions sliced to the window."""
        encoder: Any = model.encoder
        num_hops = self.num_hops(num_samples)
        encoder.embed_positions = nn.Embedding.from_pretrained(encoder.embed_positions.weight[:num_hops].clone())
        encoder.max_source_positions = encoder.config.max_source_positions = num_hops
        if last_state < self.num_states - 1:
            encoder.layers = encoder.layers[:last_state]
            encoder.layer_norm = nn.Identity()
        module: nn.Module = encoder
        return module


class LoadedEncoder:
    """Weights in memory: windows of sound to the states of layers.

    Attributes:
        batch_windows: how many windows at once are fastest. On a processor 16 took as long as 16 times one.
    """

    def __init__(self, folder: Path, encoder: Encoder, states: range, num_samples: int, device: torch.device) -> None:
        """Load weights in evaluation mode.

        Args:
            folder: of the model.
            encoder: its family.
            states: which ones to give: one, or all of them.
            num_samples: length of every window.
            device: where to compute.

        Raises:
            ConfigError: the weights are damaged or are not those of the configuration.
        """
        from transformers import AutoFeatureExtractor, AutoModel
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()  # it lists what differs from the configuration; so do we, below
        try:
            model, loaded = AutoModel.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
            self._prepare = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError, pickle.UnpicklingError) as error:
            raise ConfigError(
                f"features.model: {folder}: the encoder can't be loaded ({_first_line(error)}). Download it again."
            ) from error
        # Only masking in training uses this one, and some published weights lack it.
        missing = sorted(name for name in loaded["missing_keys"] if name != "masked_spec_embed")
        if missing:
            raise ConfigError(
                f"features.model: {folder}: the weights lack {len(missing)} tensors of the configuration, such as "
                f"{missing[0]}. Download config.json and weights again, from one place."
            )
        self.batch_windows = 16 if device.type == "cuda" else 1
        self._all = len(states) > 1
        self._rate = encoder.sample_rate_hz
        self._device = device
        self._model = encoder.load(model.eval().requires_grad_(False), states[-1], num_samples).to(device)

    def __call__(self, windows: NDArray[np.float32]) -> Tensor:
        """States of windows (B, S): (B, J, L, F) on the CPU, L states of J hops."""
        prepared = self._prepare(
            list(windows), sampling_rate=self._rate, padding="longest", truncation=False, return_tensors="pt"
        )
        inputs = prepared[self._prepare.model_input_names[0]].to(self._device, torch.float32)
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            output = self._model(inputs, output_hidden_states=self._all)
        # Libraries differ in whether the last of `hidden_states` is before or after the norm of the output.
        states = (*output.hidden_states[:-1], output.last_hidden_state) if self._all else (output.last_hidden_state,)
        return torch.stack(states, dim=2).cpu()


def find_model(name: str) -> Path:
    """The folder of a model: a path, a folder in `$A2M_MODELS`, or a name on the Hugging Face hub.

    The hub is asked only when its local cache has no such model.

    Raises:
        ConfigError: nothing of that name is here, and it can't be fetched.
    """
    if importlib.util.find_spec("transformers") is None:
        raise ConfigError(
            "features: encoders need the library transformers, which is not installed. Install it with "
            "`pip install 'transformers>=5'`, or choose features=mel."
        )
    candidates = [Path(name)]
    if models := os.environ.get(MODELS_VARIABLE):
        candidates.append(Path(models) / Path(name).name)
    for folder in candidates:
        if folder.is_dir():
            _check_folder(folder)
            return folder
    if name.startswith((".", "/", "~", "\\")) or name.count("/") != 1 or Path(name).is_absolute():
        raise ConfigError(
            f"features.model: {name}: no such folder. Give the folder of a Hugging Face model "
            f"({_wanted_files()}), or put it into a folder that the environment variable {MODELS_VARIABLE} names, "
            f"as {Path(name).name}."
        )
    return _from_hub(name)


def read_encoder(folder: Path) -> Encoder:
    """The family and sizes of a model, from its two small files.

    Raises:
        ConfigError: they can't be read, or the family is not supported.
    """
    from transformers import AutoConfig

    _check_folder(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        prepare = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
        rate = int(prepare.get("sampling_rate", 16_000))
        if config.model_type in ("hubert", "wav2vec2", "wavlm") and not getattr(config, "add_adapter", False):
            return WaveformEncoder(config.to_dict(), rate)
        if config.model_type == "whisper":
            return WhisperEncoder(config.to_dict(), rate, int(prepare.get("hop_length", 160)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"features.model: {folder}: its configuration can't be read ({_first_line(error)}). Download it again."
        ) from error
    raise ConfigError(
        f"features.model: {folder}: a model of type {config.model_type!r}; expected HuBERT, wav2vec 2.0 or WavLM "
        "without adapter, or Whisper. Choose such a model."
    )


def weights_hash(folder: Path) -> str:
    """SHA-256 over the weights of a model and the two files that say how they are used."""
    files = [folder / name for name in _SETTINGS] + _weight_files(folder)
    return _hash_of_files(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=8)
def _hash_of_files(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Of contents only; size and time are there to notice a change."""
    return hashlib.sha256("".join(sha256_of(file) for file, _, _ in files).encode()).hexdigest()


def _weight_files(folder: Path) -> list[Path]:
    for whole, parts in _WEIGHTS:
        if (folder / whole).is_file():
            return [folder / whole]
        if found := sorted(folder.glob(parts)):
            return found
    return []


def _wanted_files() -> str:
    return f"{', '.join(_SETTINGS)} and {' or '.join(whole for whole, _ in _WEIGHTS)}"


def _missing_files(folder: Path) -> list[str]:
    missing = [name for name in _SETTINGS if not (folder / name).is_file()]
    return missing if _weight_files(folder) else [*missing, " or ".join(whole for whole, _ in _WEIGHTS)]


def _check_folder(folder: Path) -> None:
    if missing := _missing_files(folder):
        raise ConfigError(
            f"features.model: {folder}: not a whole model, {', '.join(missing)} missing. "
            f"It takes {_wanted_files()}, as they lie on the model's page on the Hugging Face hub."
        )


def _from_hub(name: str) -> Path:
    """From the hub's local cache, else from the hub: settings and one format of weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError, XetDownloadError

    reason = "it lacks files"
    for offline in (True, False):
        for weights in _WEIGHTS:
            try:
                folder = Path(snapshot_download(name, allow_patterns=[*_SETTINGS, *weights], local_files_only=offline))
            except LocalEntryNotFoundError as error:
                reason = _first_line(error)
                continue
            except (HTTPError, OSError, ValueError, XetDownloadError) as error:
                reason = _first_line(error)
                break
            if not _missing_files(folder):
                return folder
    raise ConfigError(
        f"features.model: {name}: not in the local cache, and the Hugging Face hub does not give it ({reason}). "
        f"On a machine with internet, download https://huggingface.co/{name} ({_wanted_files()}), put it anywhere, and "
        f"give that folder as features.model; or into a folder that the environment variable {MODELS_VARIABLE} names, "
        f"as {name.partition('/')[2]}."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:160] or type(error).__name__
