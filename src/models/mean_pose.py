"""The mean of the training motion, whatever is said: errors below its own are what a network has learned."""

from torch import Tensor

from src.models.network import MotionNetwork, State
from src.models.standardize import Standardizer
from src.models.style import Style


class MeanPose(MotionNetwork):
    """A face that does not move."""

    lookahead_frames = 0

    def __init__(self, *, in_features: int, feature_layers: int, out_channels: int) -> None:
        """See `MotionNetwork`; it needs no setting of its own."""
        super().__init__()
        self.config = {"in_features": in_features, "feature_layers": feature_layers, "out_channels": out_channels}
        self.standardizer = Standardizer(in_features=in_features, out_channels=out_channels)
        self.style = Style(style_size=0, style_dropout=0.0, num_speakers=0, hidden_size=0)

    @property
    def receptive_field_frames(self) -> int | None:
        """No row matters."""
        return 0

    @property
    def warmup_frames(self) -> int:
        """None: it remembers nothing."""
        return 0

    def empty_memory(self, batch: int) -> State:
        """No tensors."""
        return ()

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        return self.standardizer.motion_mean.expand(*features.shape[:2], -1), state
