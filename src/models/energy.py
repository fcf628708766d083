"""The envelope of the speech opens the mouth: what a network has to beat. Nothing is learned but means and deviations.

The envelope is the mean of the log-mel bands over the hops of a row. Of log-mel features it is the mean of all numbers;
of MFCC it is the mean of coefficient 0, which is the same but for a factor. Other features have no such number.

On 244 real clips of nine unseen speakers it gives r = 0.19 with the opening of the lips (0.28 where longer than 3 s);
the logarithm of the summed power, which a voice's lowest bands fill, gives 0.02. A look-ahead only makes it worse.
"""

import torch
from torch import Tensor

from src.errors import ConfigError
from src.models.network import MotionNetwork, State
from src.models.standardize import Standardizer
from src.models.style import Style
from src.motion import spec_named

_LOG_MEL, _MFCC = "src.data.features.LogMel", "src.data.features.Mfcc"


class SpeechEnergy(MotionNetwork):
    """One channel follows the envelope, in deviations around its mean; the others stay at theirs.

    In silence the channel is at the low end of its range: lips do not close further than shut.
    """

    _follows: Tensor

    def __init__(
        self,
        *,
        in_features: int,
        feature_layers: int,
        out_channels: int,
        extractor: str,
        n_mfcc: int | None,
        keep_c0: bool | None,
        spec: str,
        channel: str,
        lookahead_frames: int,
    ) -> None:
        """Find the envelope in the features and its channel in the spec.

        Args:
            in_features, feature_layers, out_channels: see `MotionNetwork`.
            extractor: `_target_` of the features.
            n_mfcc, keep_c0: settings of MFCC; null for log-mel.
            spec: name of the motion spec.
            channel: the one that follows the envelope.
            lookahead_frames: rows of delay.

        Raises:
            ConfigError: the features have no envelope, or rows or channels don't fit together.
            MotionError: the spec or the channel is unknown.
        """
        super().__init__()
        if extractor != _LOG_MEL and not (extractor == _MFCC and keep_c0 and n_mfcc):
            raise ConfigError(
                f"models: energy can't find the loudness of speech in {extractor} (keep_c0={keep_c0}). "
                "Use features=mel, or features=mfcc with features.keep_c0=true."
            )
        known = spec_named(spec)
        if lookahead_frames < 0 or feature_layers != 1 or out_channels != known.size or in_features % (n_mfcc or 1):
            raise ConfigError(
                f"models: energy got lookahead_frames={lookahead_frames}, feature_layers={feature_layers}, "
                f"out_channels={out_channels}, in_features={in_features} and n_mfcc={n_mfcc}; expected a look-ahead of "
                f"0 or more, one layer, the {known.size} channels of {spec} and whole hops. Correct them."
            )
        self.config = {
            "in_features": in_features,
            "feature_layers": feature_layers,
            "out_channels": out_channels,
            "extractor": extractor,
            "n_mfcc": n_mfcc,
            "keep_c0": keep_c0,
            "spec": spec,
            "channel": channel,
            "lookahead_frames": lookahead_frames,
        }
        self.lookahead_frames = lookahead_frames
        self.standardizer = Standardizer(in_features=in_features, out_channels=out_channels)
        self.style = Style(style_size=0, style_dropout=0.0, num_speakers=0, hidden_size=0)
        self._stride = n_mfcc if extractor == _MFCC else 1
        self._channel = known.index(channel)
        self._minimum = float(known.minimum[self._channel])
        follows = torch.zeros(out_channels)
        follows[self._channel] = 1.0
        self.register_buffer("_follows", follows, persistent=False)

    @property
    def receptive_field_frames(self) -> int | None:
        """One row."""
        return 1

    @property
    def warmup_frames(self) -> int:
        """None: it remembers nothing."""
        return 0

    def empty_memory(self, batch: int) -> State:
        """No tensors."""
        return ()

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        statistics = self.standardizer
        envelope = features[..., :: self._stride].mean(dim=-1, keepdim=True)
        middle = statistics.feature_mean[:: self._stride].mean()
        spread = statistics.feature_std[:: self._stride].mean()  # bands rise and fall together
        shut = (self._minimum - statistics.motion_mean[self._channel]) / statistics.motion_std[self._channel]
        opening = torch.maximum((envelope - middle) / spread, shut)
        return statistics.motion(opening * self._follows), state
