"""Which of the 21 keypoints move what, and their expression with closed lips: facts about the official weights."""

import functools
from typing import Final

import numpy as np
import torch

NUM_KEYPOINTS: Final = 21
_CPU: Final = torch.device("cpu")

LIPS: Final = (6, 12, 14, 17, 19, 20)
EYES: Final = (11, 13, 15, 16, 18)

_AXES_OF_AN_EXPRESSION = {
    **dict.fromkeys((1, 2, 6, *range(11, 21)), (0, 1, 2)),
    **dict.fromkeys((3, 4), (1,)),
    **dict.fromkeys((5, 8), (2,)),
    9: (1, 2),
}
"""Axes of keypoints that an expression taken over from another face may set; the rest is the shape of the face."""


@functools.cache
def mask_of(keypoints: tuple[int, ...], device: torch.device = _CPU) -> torch.Tensor:
    """(21, 1) true for these keypoints; read only."""
    mask = torch.zeros(NUM_KEYPOINTS, 1, dtype=torch.bool)
    mask[list(keypoints)] = True
    return mask.to(device)


@functools.cache
def expression_mask(device: torch.device = _CPU) -> torch.Tensor:
    """(21, 3) true for what an expression taken over from another face may set; read only."""
    mask = torch.zeros(NUM_KEYPOINTS, 3, dtype=torch.bool)
    for keypoint, axes in _AXES_OF_AN_EXPRESSION.items():
        mask[keypoint, list(axes)] = True
    return mask.to(device)


CLOSED_LIPS: Final = np.array(
    [
        [-9.4524e-05, 0.00024222, -4.009739999999999e-05],
        [0.000208596, 0.000468054, 1.2746399999999999e-05],
        [-0.000124602, 0.00032497200000000003, 4.425e-06],
        [0.000119652, -0.000456624, 5.40852e-05],
        [-0.000265254, -7.459799999999999e-05, -1.5527999999999998e-05],
        [-3.3488399999999996e-05, -0.000183036, -3.4940399999999998e-06],
        [-4.7542799999999996e-07, -4.5246599999999997e-07, 1.59498e-06],
        [-0.000541296, 0.0026328000000000002, 7.2485999999999995e-06],
        [-1.1694e-05, 5.00502e-06, 9.9888e-06],
        [8.028599999999999e-07, 5.1913199999999995e-06, -0.00040934399999999996],
        [0.000166878, -1.9815000000000003e-05, -8.854799999999999e-05],
        [-1.51536e-05, 8.2506e-05, 5.94012e-06],
        [-2.61054e-07, 2.7591e-06, 2.21028e-06],
        [-6.6282e-05, -6.828599999999999e-05, -3.4531799999999997e-06],
        [-0.00083262, -0.00179592, -2.59176e-06],
        [6.9714e-06, 3.65514e-05, -1.8977999999999999e-06],
        [-4.808759999999999e-06, 7.1148e-06, -1.03236e-05],
        [-0.0006368400000000001, -0.0011661, 5.62314e-05],
        [0.00028329, -1.4565599999999998e-05, 1.09746e-05],
        [-4.16022e-06, -0.0150906, -0.0025494],
        [0.000222474, 0.00562788, 0.0027264599999999996],
    ]
)
"""(21, 3) float64: expression of a calm face with closed lips. What a driver of one picture is measured from."""
