"""All that is done to training windows between the bank and the network, in its order."""

from collections.abc import Mapping

import torch
from torch import Tensor

from src.data.augment import Augmentation, Setting, Silences
from src.data.features import FeatureExtractor, LogMel
from src.data.windows import Windows
from src.errors import ConfigError


class Recipe:
    """Silences, then augmentations, then what makes final features of hops."""

    def __init__(
        self,
        *,
        features: FeatureExtractor,
        lookahead_frames: int,
        silences: Silences | None,
        rest: Tensor,
        augmentations: Mapping[str, Augmentation | None],
    ) -> None:
        """Take the parts.

        Args:
            features: whose `front` gives the hops.
            lookahead_frames: how far ahead the network hears.
            silences: None for none.
            rest: see `Silences`.
            augmentations: applied in order; None ones are skipped.

        Raises:
            ConfigError: an augmentation of log-mel power meets other features.
        """
        chosen = {name: part for name, part in augmentations.items() if part is not None}
        wrong = [name for name, part in chosen.items() if part.needs_log_mel]
        if wrong and not isinstance(features.front, LogMel):
            raise ConfigError(
                f"data.augmentations: {', '.join(wrong)} change log-mel power, but the features are "
                f"{type(features).__name__}. Set them to null, or choose `experiment=ssl`, which does."
            )
        self._setting = Setting.of(features, lookahead_frames)
        self._silences, self._rest = silences, rest
        self._augmentations = list(chosen.values())
        # An encoder of a gigabyte need not travel to the loader's processes.
        self._finish = None if features.front is features else features.finish_hops

    def __call__(self, windows: Windows, seed: int) -> Windows:
        """Windows as the network is trained on them, drawn with `seed`."""
        generator = torch.Generator().manual_seed(seed)
        if self._silences is not None:
            windows = self._silences(windows, self._rest, self._setting, generator)
        for augmentation in self._augmentations:
            windows = augmentation.apply(windows, self._setting, generator)
        return windows if self._finish is None else windows._replace(hops=self._finish(windows.hops))
