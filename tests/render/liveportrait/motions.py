"""Made-up faces, drivers and small networks for tests of the animation."""

import numpy as np
import torch

from src.render.liveportrait.driving import MotionTemplate
from src.render.liveportrait.finishing import Correctors, Portrait
from src.render.liveportrait.heads import KeypointMLP
from src.render.liveportrait.keypoints import FaceMotion, rotation_of


def faces(count: int, seed: int = 0) -> FaceMotion:
    generator = torch.Generator().manual_seed(seed)
    angles = 20 * torch.rand(3, count, 1, generator=generator) - 10
    return FaceMotion(
        kp=torch.rand(count, 21, 3, generator=generator) - 0.5,
        rotation=rotation_of(*angles),
        exp=0.02 * torch.randn(count, 21, 3, generator=generator),
        scale=1.2 + 0.1 * torch.rand(count, 1, generator=generator),
        t=0.1 * torch.randn(count, 3, generator=generator),
    )


def portrait(count: int = 1, *, lips: float = 0.2, seed: int = 0) -> Portrait:
    return Portrait(faces(count, seed), torch.full((count, 2), 0.3), torch.full((count, 1), lips))


def template(count: int, seed: int = 1) -> MotionTemplate:
    driver = faces(count, seed)
    openings = np.linspace(0.1, 0.4, count, dtype=np.float32)[:, None]
    return MotionTemplate(
        fps=25,
        rotation=driver.rotation.numpy(),
        exp=driver.exp.numpy(),
        scale=driver.scale.numpy(),
        t=driver.t.numpy(),
        eye_ratios=np.repeat(openings, 2, axis=1),
        lip_ratios=openings,
    )


def correctors() -> Correctors:
    torch.manual_seed(0)
    sizes = ((126, 8, 65), (66, 8, 63), (65, 8, 63))
    return Correctors(*(KeypointMLP(sizes=size).eval().requires_grad_(False) for size in sizes))
