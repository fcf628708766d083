"""What every engine is asked, and how near to the eager one it must come."""

import torch
from torch import Tensor

from src.render.liveportrait.engine import EagerEngine, Engine
from src.render.liveportrait.keypoints import FaceMotion

STEPS = torch.tensor([0.0, 0.05, -0.1]).view(3, 1, 1)


def image(seed: int = 0) -> Tensor:
    return torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(seed))


def looked_at(engine: Engine, seed: int = 0) -> tuple[Tensor, FaceMotion]:
    """Volume and motion of a picture."""
    return engine.appearance(image(seed)), engine.motion(image(seed))


def check_pictures(engine: Engine, eager: EagerEngine, steps: Tensor = STEPS) -> None:
    """One frame, and one at each of the (B, 1, 1) steps at once, of one source.

    A level may be truncated the other way where sums were taken in another order: one level, and seldom.
    """
    volume, face = (part for part in looked_at(eager))
    source, exact = engine.prepare(volume, face.keypoints), eager.prepare(volume, face.keypoints)
    for driving in (face.keypoints + 0.05, face.keypoints + steps):
        drawn, expected = engine.draw(source, driving), eager.draw(exact, driving)
        assert drawn.dtype == torch.uint8
        assert drawn.shape == expected.shape == (len(driving), 512, 512, 3)
        off = (drawn.int() - expected.int()).abs()
        assert off.max() <= 1
        assert off.float().mean() < 0.01
    earlier = drawn.clone()
    engine.draw(source, face.keypoints + steps.flip(0) - 0.05)
    assert torch.equal(drawn, earlier), "pictures belong to the caller"


def check_sources(engine: Engine, eager: EagerEngine) -> None:
    """Two avatars at once are the two alone."""
    seen = [looked_at(eager, seed) for seed in (1, 2)]
    volume = torch.cat([one for one, _ in seen])
    keypoints = torch.cat([face.keypoints for _, face in seen])
    drawn = engine.draw(engine.prepare(volume, keypoints), keypoints + 0.05)
    alone = [eager.draw(eager.prepare(one, face.keypoints), face.keypoints + 0.05) for one, face in seen]
    off = (drawn.int() - torch.cat(alone).int()).abs()
    assert off.max() <= 1
    assert off.float().mean() < 0.01
    assert (drawn[0] != drawn[1]).any()
