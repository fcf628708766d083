"""S3FD, the face detector of the SyncNet pipeline: RGB image in, boxes with scores out.

The pipeline calls it at a quarter of the picture's size with a threshold of 0.9. The crops, and with them every
published score, are tied to its boxes: another detector gives other crops.

Reference:
    Zhang et al.: S3FD: Single Shot Scale-invariant Face Detector, ICCV 2017.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from src.errors import DataError

PIPELINE_SCALE = 0.25
PIPELINE_SCORE = 0.9
MEAN_RGB = (123.0, 117.0, 104.0)

_FIRST_STEP_PX = 4
_FIRST_SIZE_PX = 16
_CENTRE_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_LOWEST_SCORE = 0.05
_FIRST_OVERLAP, _SECOND_OVERLAP = 0.3, 0.1
_MAX_CANDIDATES, _MAX_KEPT = 5000, 750
_SOURCE_LAYERS = {15: "L2Norm3_3", 22: "L2Norm4_3", 29: "L2Norm5_3", 34: None}
"""Layers of `vgg` whose output is looked at, and the norm in between."""


@dataclass(frozen=True)
class Detections:
    """What the network says of a picture, for P places in it."""

    loc: Tensor
    """(1, P, 4) shifts and log sizes relative to the priors."""

    logits: Tensor
    """(1, P, 2) for background and face, before the softmax."""

    priors: Tensor
    """(P, 4) centre x, y, width, height as shares of the picture."""


class S3FD(nn.Module):
    """22.5 million parameters; layer names and indices are those of `sfd_face.pth`."""

    def __init__(self) -> None:
        """Layers with PyTorch's own initial weights, until a file is loaded."""
        super().__init__()
        self.vgg = _vgg()
        self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3 = ChannelNorm(256), ChannelNorm(512), ChannelNorm(512)
        self.extras = nn.ModuleList(
            [nn.Conv2d(1024, 256, 1), _halving(256, 512), nn.Conv2d(512, 128, 1), _halving(128, 256)]
        )
        channels = (256, 512, 512, 1024, 512, 256)
        self.loc = nn.ModuleList(nn.Conv2d(size, 4, 3, padding=1) for size in channels)
        # At the finest source three background channels compete, against false alarms on tiny faces.
        self.conf = nn.ModuleList(
            nn.Conv2d(size, 4 if index == 0 else 2, 3, padding=1) for index, size in enumerate(channels)
        )

    def forward(self, pictures: Tensor) -> Detections:
        """Look at one picture, (1, 3, H, W) from `network_input`."""
        sources = self._sources(pictures)
        loc, logits, priors = [], [], []
        height, width = pictures.shape[-2:]
        for index, source in enumerate(sources):
            classes = self.conf[index](source)
            if index == 0:
                classes = torch.cat([classes[:, :3].amax(dim=1, keepdim=True), classes[:, 3:]], dim=1)
            loc.append(self.loc[index](source).permute(0, 2, 3, 1).flatten(1, 2))
            logits.append(classes.permute(0, 2, 3, 1).flatten(1, 2))
            priors.append(_priors(source.shape[-2], source.shape[-1], index, height, width))
        return Detections(torch.cat(loc, dim=1), torch.cat(logits, dim=1), torch.cat(priors).to(pictures.device))

    def _sources(self, pictures: Tensor) -> list[Tensor]:
        """Six maps, each half as fine as the one before."""
        sources, values = [], pictures
        for index, layer in enumerate(self.vgg):
            values = layer(values)
            if index in _SOURCE_LAYERS:
                norm = _SOURCE_LAYERS[index]
                sources.append(values if norm is None else getattr(self, norm)(values))
        for index, layer in enumerate(self.extras):
            values = F.relu(layer(values))
            if index % 2:
                sources.append(values)
        return sources


class ChannelNorm(nn.Module):
    """Every pixel's vector of channels at length one, then weighted by channel."""

    def __init__(self, channels: int) -> None:
        """`channels` weights of one."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W), the same shape out."""
        length = values.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10
        return values / length * self.weight[None, :, None, None]


def detect_faces(
    network: S3FD, image: NDArray[np.uint8], scale: float = PIPELINE_SCALE, lowest_score: float = PIPELINE_SCORE
) -> NDArray[np.float64]:
    """(n, 5) boxes x1, y1, x2, y2 in pixels of the full image and score, best first.

    Args:
        network: with trained weights, in `eval()` mode.
        image: (H, W, 3) uint8, channels **red, green, blue**.
        scale: of the picture that the network sees, against `image`.
        lowest_score: boxes must be above it.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        found = network(network_input(image, scale).to(device))
        (boxes,) = suppressed_boxes(found.loc, found.logits.softmax(dim=-1)[..., 1], found.priors)
    kept = boxes[boxes[:, 0] > lowest_score].double().cpu().numpy()
    height, width = image.shape[:2]
    detections = np.column_stack([kept[:, 1:] * (width, height, width, height), kept[:, 0]])
    return detections[suppress(detections, _SECOND_OVERLAP)]


def network_input(image: NDArray[np.uint8], scale: float) -> Tensor:
    """(1, 3, H, W) float32: resized, minus the mean colour, red first.

    Raises:
        DataError: the image is not (H, W, 3) uint8, or nothing of it is left at this scale.
    """
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8 or min(image.shape[:2]) * scale < 1:
        raise DataError(
            f"image of shape {image.shape} and type {image.dtype} at scale {scale}: the face detector needs "
            "(H, W, 3) uint8 RGB that is larger than one pixel after scaling."
        )
    resized = cv2.resize(image, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    centred = resized.astype(np.float32) - np.array(MEAN_RGB, dtype=np.float32)
    return torch.from_numpy(centred).permute(2, 0, 1)[None].contiguous()


def suppressed_boxes(loc: Tensor, face_scores: Tensor, priors: Tensor) -> list[Tensor]:
    """For every picture (n, 5) score, x1, y1, x2, y2 as shares of the picture, without doubles, best first.

    Args:
        loc: (B, P, 4) from the network.
        face_scores: (B, P) in 0..1.
        priors: (P, 4).
    """
    return [_suppressed(_decoded(shifts, priors), scores) for shifts, scores in zip(loc, face_scores, strict=True)]


def suppress(detections: NDArray[np.float64], overlap: float) -> NDArray[np.int64]:
    """Indices of the boxes that are kept, best first: none overlaps a better one by more than `overlap` (IoU).

    Args:
        detections: (n, 5) x1, y1, x2, y2, score.
        overlap: intersection over union, areas without the extra pixel of older programs.
    """
    return _kept(detections[:, :4], np.argsort(-detections[:, 4], kind="stable"), overlap)


def _suppressed(boxes: Tensor, scores: Tensor) -> Tensor:
    chosen = torch.nonzero(scores > _LOWEST_SCORE).flatten()
    order = chosen[scores[chosen].argsort(descending=True, stable=True)][:_MAX_CANDIDATES]
    kept = _kept(boxes.cpu().numpy(), order.cpu().numpy(), _FIRST_OVERLAP)[:_MAX_KEPT]
    index = torch.from_numpy(kept).to(boxes.device)
    return torch.cat([scores[index, None], boxes[index]], dim=1)


def _kept(boxes: NDArray[Any], order: NDArray[np.int64], overlap: float) -> NDArray[np.int64]:
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        corner = np.minimum(boxes[best, 2:], boxes[order, 2:]) - np.maximum(boxes[best, :2], boxes[order, :2])
        shared = corner.clip(min=0).prod(axis=1)
        order = order[shared / (areas[best] + areas[order] - shared) <= overlap]
    return np.array(kept, dtype=np.int64)


def _decoded(loc: Tensor, priors: Tensor) -> Tensor:
    centre = priors[:, :2] + loc[:, :2] * _CENTRE_VARIANCE * priors[:, 2:]
    size = priors[:, 2:] * torch.exp(loc[:, 2:] * _SIZE_VARIANCE)
    corner = centre - size / 2
    return torch.cat([corner, corner + size], dim=1)


def _priors(rows: int, columns: int, source: int, height: int, width: int) -> Tensor:
    """(rows x columns, 4): a square box at the centre of every cell, row by row."""
    step, size = _FIRST_STEP_PX * 2**source, _FIRST_SIZE_PX * 2**source
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centre = torch.stack([(x + 0.5) * step / width, (y + 0.5) * step / height], dim=-1).reshape(-1, 2)
    return torch.cat([centre, torch.tensor([[size / width, size / height]]).expand(rows * columns, 2)], dim=1)


def _vgg() -> nn.ModuleList:
    layers: list[nn.Module] = []
    channels = 3
    for stage, sizes in enumerate([(64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)]):
        for size in sizes:
            layers += [nn.Conv2d(channels, size, 3, padding=1), nn.ReLU()]
            channels = size
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=stage == 2))
    layers += [nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(), nn.Conv2d(1024, 1024, 1), nn.ReLU()]
    return nn.ModuleList(layers)


def _halving(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
