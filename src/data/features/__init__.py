"""Sound to features. Checkpoints name the extractors by this package, so their names here stay."""

from src.data.features.base import FeatureExtractor, FeatureStream, FrameStream
from src.data.features.mel import LogMel
from src.data.features.mfcc import Mfcc
from src.data.features.ssl import SslFeatures
from src.data.features.stacking import HopStacker

__all__ = [
    "FeatureExtractor",
    "FeatureStream",
    "FrameStream",
    "HopStacker",
    "LogMel",
    "Mfcc",
    "SslFeatures",
]
