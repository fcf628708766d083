"""The two encoders of SyncNet: five images of a face, and 0.2 s of sound, into vectors that can be compared.

The names and indices of the layers are those of the official weight file, so it loads by key. Embeddings are
not normalised; `src.eval.syncnet.protocol` compares them.

Reference:
    Chung, Zisserman: Out of time: automated lip sync in the wild, ACCV workshops 2016; layers as in the public
    `syncnet_v2.model`.
"""

from torch import Tensor, nn

IMAGES_PER_WINDOW = 5
IMAGE_SIZE_PX = 224
NUM_COEFFICIENTS = 13
ROWS_PER_WINDOW = 20
"""MFCC rows of 10 ms beside five images of 40 ms."""

EMBEDDING_SIZE = 1024
FEATURE_SIZE = 512


class SyncNet(nn.Module):
    """13.6 million parameters. Use it in `eval()` mode: batch norm has running statistics."""

    def __init__(self) -> None:
        """Layers with PyTorch's own initial weights, until a file is loaded."""
        super().__init__()
        self.netcnnlip = nn.Sequential(
            *_lip_block(3, 96, kernel=(5, 7, 7), stride=2, padding=0),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_lip_block(96, 256, kernel=(1, 5, 5), stride=2, padding=1),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
            *_lip_block(256, 256, kernel=(1, 3, 3), stride=1, padding=1),
            *_lip_block(256, 256, kernel=(1, 3, 3), stride=1, padding=1),
            *_lip_block(256, 256, kernel=(1, 3, 3), stride=1, padding=1),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_lip_block(256, FEATURE_SIZE, kernel=(1, 6, 6), stride=1, padding=0),
        )
        self.netfclip = _head()
        self.netcnnaud = nn.Sequential(
            *_audio_block(1, 64, kernel=(3, 3), padding=1),
            nn.Identity(),  # a pooling of 1 x 1 in the original: it only takes an index
            *_audio_block(64, 192, kernel=(3, 3), padding=1),
            nn.MaxPool2d(3, stride=(1, 2)),
            *_audio_block(192, 384, kernel=(3, 3), padding=1),
            *_audio_block(384, 256, kernel=(3, 3), padding=1),
            *_audio_block(256, 256, kernel=(3, 3), padding=1),
            nn.MaxPool2d(3, stride=2),
            *_audio_block(256, FEATURE_SIZE, kernel=(5, 4), padding=0),
        )
        self.netfcaud = _head()

    def lip_features(self, windows: Tensor) -> Tensor:
        """(B, 512) non-negative features before the last layers, the network's second official exit.

        Args:
            windows: (B, 3, 5, 224, 224) float32: channels blue, green, red in 0..255, then the five images in order.
        """
        features: Tensor = self.netcnnlip(windows).flatten(1)
        return features

    def embed_lips(self, windows: Tensor) -> Tensor:
        """(B, 1024) embeddings of five images each; input as in `lip_features`."""
        embeddings: Tensor = self.netfclip(self.lip_features(windows))
        return embeddings

    def embed_audio(self, windows: Tensor) -> Tensor:
        """(B, 1024) embeddings of 0.2 s of sound each.

        Args:
            windows: (B, 1, 13, 20) float32 from `src.eval.syncnet.front_end.mfcc`: coefficient, then row.
        """
        embeddings: Tensor = self.netfcaud(self.netcnnaud(windows).flatten(1))
        return embeddings


def _lip_block(
    in_channels: int, out_channels: int, kernel: tuple[int, int, int], stride: int, padding: int
) -> tuple[nn.Module, ...]:
    """Convolution, batch norm and ReLU; stride and padding in height and width, never in time."""
    convolution = nn.Conv3d(
        in_channels, out_channels, kernel, stride=(1, stride, stride), padding=(0, padding, padding)
    )
    return convolution, nn.BatchNorm3d(out_channels), nn.ReLU()


def _audio_block(in_channels: int, out_channels: int, kernel: tuple[int, int], padding: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(in_channels, out_channels, kernel, padding=padding), nn.BatchNorm2d(out_channels), nn.ReLU()


def _head() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(FEATURE_SIZE, FEATURE_SIZE),
        nn.BatchNorm1d(FEATURE_SIZE),
        nn.ReLU(),
        nn.Linear(FEATURE_SIZE, EMBEDDING_SIZE),
    )
