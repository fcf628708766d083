"""Sampling a volume with nothing but 2-D sampling, which every exporter and inference engine knows.

The slices of the volume are put under each other as one tall picture, each with an empty row above and below it, so
that no slice is mixed with the next. A place lies between two slices: it is looked up in both.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor


def sample_slices(volume: Tensor, places: Tensor) -> Tensor:
    """Values of a volume at any places, as `src.render.liveportrait.dense_motion.sample`.

    Args:
        volume: (B, C, D, H, W).
        places: (B, D', H', W', 3) x, y, z in the cube.

    Returns:
        (B, C, D', H', W'), trilinear, 0 outside.
    """
    batch, channels, depth, height, width = volume.shape
    tall_height = depth * (height + 2)
    tall = functional.pad(volume, (0, 0, 1, 1)).reshape(batch, channels, tall_height, width)
    x = places[..., 0]
    # Beyond the empty rows all is empty: held there, a place can't reach another slice.
    y = (((places[..., 1] + 1) * height - 1) / 2).clamp(-1, height)
    z = ((places[..., 2] + 1) * depth - 1) / 2
    below = z.floor()
    values = None
    for slice_index, share in ((below, 1 - (z - below)), (below + 1, z - below)):
        inside = (slice_index >= 0) & (slice_index < depth)
        row = slice_index.clamp(0, depth - 1) * (height + 2) + 1 + y
        grid = torch.stack([x, (2 * row + 1) / tall_height - 1], dim=-1).flatten(1, 2)  # (B, D' H', W', 2)
        seen = functional.grid_sample(tall, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        seen = seen.unflatten(2, places.shape[1:3]) * (share * inside)[:, None]
        values = seen if values is None else values + seen
    assert values is not None
    return values
