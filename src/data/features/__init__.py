"""Sound to features. Checkpoints name the extractors by this package, so their names here stay."""

from src.data.features.base import FeatureExtractor, FeatureStream, FrameStream
from src.data.features.mel import LogMel
from src.data.features.mfcc import Mfcc
from src.data.features.ssl import SslFeatures
from src.data.features.stacking import HOPS_BEFORE_FRAME, HOPS_PER_FRAME, HopStacker, stack_hops

__all__ = [
    "HOPS_BEFORE_FRAME",
    "HOPS_PER_FRAME",
    "FeatureExtractor",
    "FeatureStream",
    "FrameStream",
    "HopStacker",
    "LogMel",
    "Mfcc",
    "SslFeatures",
    "stack_hops",
]
