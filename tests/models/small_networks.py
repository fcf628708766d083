"""One small untrained network of each kind, on a checkpoint on the disk."""

from pathlib import Path
from typing import Any

import torch

from src.data.features import FeatureExtractor, LogMel, Mfcc
from src.models.checkpoint import SECTION, Checkpoint, Contract, describe, load_checkpoint
from src.models.lstm import MotionLSTM
from src.models.network import MotionNetwork
from src.models.tcn import CausalTCN
from src.models.transformer import CausalTransformer
from src.motion import CORE7

MEL = {
    "sample_rate_hz": 16_000,
    "n_mels": 20,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}
FEATURES: dict[str, FeatureExtractor] = {
    "mel": LogMel(**MEL),
    "mfcc": Mfcc(n_mfcc=13, keep_c0=True, **MEL),
}
OWN_SETTINGS: dict[type[MotionNetwork], dict[str, Any]] = {
    CausalTCN: {"kernel_size": 3, "dilations": [1, 2]},
    MotionLSTM: {"num_layers": 2, "bidirectional": False, "warmup_frames": 4},
    CausalTransformer: {
        "num_layers": 2,
        "num_heads": 2,
        "feed_forward_size": 16,
        "context_frames": 5,
        "attention_dropout": 0.0,
        "warmup_frames": 4,
    },
}
COMMON = {"hidden_size": 12, "dropout": 0.1, "input_dropout": 0.1, "style_dropout": 0.1}


def small_checkpoint(
    path: Path,
    kind: type[MotionNetwork] = CausalTCN,
    features: str = "mel",
    speakers: tuple[str, ...] = (),
    lookahead_frames: int = 2,
    **settings: Any,
) -> Checkpoint:
    """Write a checkpoint with seeded weights and statistics that make the motion move, and load it."""
    torch.manual_seed(0)
    extractor = FEATURES[features]
    net = kind(
        in_features=extractor.row_size,
        feature_layers=1,
        out_channels=CORE7.size,
        lookahead_frames=lookahead_frames,
        style_size=4 if speakers else 0,
        **{**COMMON, **OWN_SETTINGS[kind], **settings},
    )
    net.set_speakers(len(speakers))
    for parameter in net.parameters():  # also those that start at zero, such as what styles change
        parameter.data += 0.05 * torch.randn_like(parameter)
    silence = torch.from_numpy(extractor.silence_frame)
    net.standardizer.set_statistics(
        feature_mean=silence + 4.0,
        feature_std=torch.full_like(silence, 3.0),
        silence=silence,
        motion_mean=torch.from_numpy((CORE7.minimum + CORE7.maximum) / 2),
        motion_std=torch.from_numpy((CORE7.maximum - CORE7.minimum) / 4),
    )
    contract = Contract.of(spec=CORE7, features=extractor, net=net, speakers=speakers)
    weights = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    torch.save({"state_dict": weights, "epoch": 0, SECTION: describe(net, contract)}, path)
    return load_checkpoint(path)
