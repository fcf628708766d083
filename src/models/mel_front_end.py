"""The mel and MFCC features of `src.data.features` as part of a network, so that PCM goes in and motion comes out.

One call takes the 640 samples that complete one motion frame and gives the frame's row of features; what it needs of
the sound before is state. The numbers are those of the NumPy road: `tests/models/test_mel_front_end.py` compares them.

Blocks lie so that a row comes out with its last sample, and the front end adds no latency of its own. Frame i needs
`needed_samples` + 640 i samples of sound (360 + 640 i for windows of 25 ms), so a stream begins with `lead_in_samples`
(280) samples of silence, and block i holds the samples 640 i - 280 .. 640 i + 359 of the sound.

A stream ends with silence pushed as sound. That is the same as the NumPy road on a recording which ends with that
silence; it differs slightly from `finish`, which lets no window look across the end.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from src.errors import CheckpointError
from src.models.network import State
from src.motion import FRAMES_PER_SECOND


class MelFrontEnd(nn.Module):
    """PCM (1, 640) and state -> one row of stacked log-mel hops (1, 1, P F) and state.

    Power spectra are computed in double precision, as NumPy does: in single precision the rounding of loud bands
    drowns quiet ones, which the logarithm shows.

    Attributes:
        block_samples: in one call; one motion frame.
        needed_samples: of the sound, before the row of frame 0 is complete.
        lead_in_samples: of silence that go before the sound in the first block.
    """

    window: Tensor
    bands: Tensor

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        n_mels: int,
        hop_length: int,
        window_length: int,
        f_min_hz: float,
        f_max_hz: float,
        log_floor: float,
        hops_before_frame: int,
    ) -> None:
        """Settings of `src.data.features.LogMel`, and how many of a frame's hops precede its time."""
        super().__init__()
        self.block_samples = sample_rate_hz // FRAMES_PER_SECOND
        self._hop_length, self._window_length, self._log_floor = hop_length, window_length, log_floor
        self._num_hops = self.block_samples // hop_length
        self._hops_before_frame = hops_before_frame
        self.needed_samples = hop_length * (self._num_hops - 1 - hops_before_frame) + window_length // 2
        self.lead_in_samples = self.block_samples - self.needed_samples
        if self.lead_in_samples < 0:
            raise CheckpointError(
                f"its first motion frame needs {self.needed_samples} samples, more than the {self.block_samples} of a "
                f"block: windows of {window_length} samples are too long for a front end inside the graph. Export "
                "with `front_end=false`."
            )
        self._fft_length = 1 << (window_length - 1).bit_length()
        window = torch.hann_window(window_length, periodic=True, dtype=torch.float64)
        self.register_buffer("window", nn.functional.pad(window, (0, self._fft_length - window_length)))
        bands = melscale_fbanks(
            self._fft_length // 2 + 1, f_min_hz, f_max_hz, n_mels, sample_rate_hz, norm=None, mel_scale="slaney"
        )
        self.register_buffer("bands", bands.to(torch.float64))

    def init_state(self) -> State:
        """(1, W - hop) samples that later windows still need, and (1, P, 1) which hops of the next row are sound."""
        hops_are_sound = torch.ones(1, self._num_hops, 1)
        hops_are_sound[:, : self._hops_before_frame] = 0
        return torch.zeros(1, self._window_length - self._hop_length), hops_are_sound

    def forward(self, pcm: Tensor, pending: Tensor, hops_are_sound: Tensor) -> tuple[Tensor, State]:
        """The row that `pcm`, the next (1, 640) samples in [-1, 1], completes, and the state after it."""
        known = torch.cat([pending, pcm], dim=1)
        # Windows are read as long as the transform: what lies beyond them meets the zeros of `window`.
        length = self._fft_length
        padded = nn.functional.pad(known, (0, length - self._window_length))
        starts = range(0, self.block_samples, self._hop_length)
        windows = torch.stack([padded[:, start : start + length] for start in starts], dim=1)  # (1, P, N)
        spectrum = torch.view_as_real(torch.fft.rfft(windows.to(torch.float64) * self.window))
        power = spectrum.square().sum(-1) @ self.bands
        # Hops before sample 0 are silence, though the last of them reaches into the sound.
        log_mel = torch.log(power * hops_are_sound + self._log_floor).to(torch.float32)
        row = self.finish_hops(log_mel).flatten(1)[:, None]
        return row, (known[:, known.shape[1] - pending.shape[1] :], hops_are_sound.clamp(min=1.0))

    def finish_hops(self, log_mel: Tensor) -> Tensor:
        """Hops (1, P, bands) -> hops of the features, here the same."""
        return log_mel


class MfccFrontEnd(MelFrontEnd):
    """The cosine transform of log-mel hops; see `src.data.features.Mfcc`."""

    cosines: Tensor

    def __init__(self, *, n_mfcc: int, keep_c0: bool, n_mels: int, **log_mel: Any) -> None:
        """Settings of `src.data.features.Mfcc`."""
        super().__init__(n_mels=n_mels, **log_mel)
        first = 0 if keep_c0 else 1
        band, order = torch.arange(n_mels, dtype=torch.float64)[:, None], torch.arange(first, first + n_mfcc)
        cosines = torch.cos(torch.pi / n_mels * (band + 0.5) * order) * (2 / n_mels) ** 0.5
        cosines[:, order == 0] /= 2**0.5
        self.register_buffer("cosines", cosines.to(torch.float32))

    def finish_hops(self, log_mel: Tensor) -> Tensor:
        """Hops (1, P, bands) -> coefficients (1, P, F)."""
        return log_mel @ self.cosines


_FRONT_ENDS = {"src.data.features.LogMel": MelFrontEnd, "src.data.features.Mfcc": MfccFrontEnd}


def has_front_end(features: Mapping[str, Any]) -> bool:
    """Whether features of this configuration can be part of a graph. An encoder of speech is a graph of its own."""
    return features.get("_target_") in _FRONT_ENDS


def build_front_end(features: Mapping[str, Any], hops_before_frame: int) -> MelFrontEnd:
    """The front end of a configuration of features.

    Args:
        features: as in a `Contract`, with its `_target_`.
        hops_before_frame: of the extractor.

    Raises:
        CheckpointError: features of this kind, or windows of this length, have no front end.
    """
    if not has_front_end(features):
        raise CheckpointError(
            f"its features are {features.get('_target_')}; only {' and '.join(_FRONT_ENDS)} can be part of the graph. "
            "Export with `front_end=false` and compute the features outside."
        )
    settings = {name: value for name, value in features.items() if name != "_target_"}
    return _FRONT_ENDS[features["_target_"]](**settings, hops_before_frame=hops_before_frame).eval()
