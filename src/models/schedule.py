"""Learning rates over the length of a run."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(optimizer: Optimizer, *, total_steps: int, warmup_share: float, final_share: float) -> LambdaLR:
    """Linear warm-up, then half a cosine down.

    Args:
        optimizer: holds the peak rates.
        total_steps: optimizer steps of the whole run; the rate stays at its end beyond them.
        warmup_share: part of the run until the peak.
        final_share: rate at the end over the peak.
    """
    warmup_steps = max(round(warmup_share * total_steps), 1)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min((step - warmup_steps) / max(total_steps - warmup_steps, 1), 1.0)
        return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, factor)
