"""Distillation: narrower W and G learn from the full ones what they give for random motion of given portraits.

Only W and G are made smaller: they run for every frame, F and M once for each portrait, and S costs nothing. So the
student takes the volume and the keypoints that the teacher's F, M and S give, which stay as they are; it is used with
the same files of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
import torch.nn.functional as functional
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from src.errors import ConfigError
from src.render.liveportrait.dense_motion import DenseMotion
from src.render.liveportrait.distillation_motion import RandomMotion
from src.render.liveportrait.folded_generator import FoldedGenerator
from src.render.liveportrait.folded_warping import FoldedWarping, WarpedSource
from src.render.liveportrait.generator import SpadeGenerator, SpectralConv2d
from src.render.liveportrait.warping import WarpingModule

SECTION = "liveportrait_student"
"""The key of our part in a checkpoint."""

TERMS = ("features", "deformation", "occlusion", "image", "image_scales")
_SCALES = (2, 4, 8)
_VALIDATION = 1_000_003
"""Validation draws other motion than training: its seeds are this far off."""


class Drawn(NamedTuple):
    """What W and G give.

    Attributes:
        features: (B, C, H, W) of W.
        motion: how W warped the volume.
        image: (B, 3, 8 H, 8 W) in 0..1.
    """

    features: Tensor
    motion: DenseMotion
    image: Tensor


class FrozenNetworks:
    """W and G as they are used, with all that depends on the portraits alone; neither trained nor in checkpoints.

    Args:
        warping, generator: in `eval()` mode.
        volumes: (N, C, D, H, W) of F.
        keypoints: (N, 21, 3) of the portraits.
    """

    def __init__(self, warping: WarpingModule, generator: SpadeGenerator, volumes: Tensor, keypoints: Tensor) -> None:
        self.warping, self.generator = FoldedWarping(warping), FoldedGenerator(generator)
        self.feature_channels = warping.fourth.out_channels
        with torch.no_grad():
            self.sources = self.warping.prepare(volumes, keypoints)

    def to(self, device: torch.device) -> None:
        """Move everything."""
        self.warping.to(device)
        self.generator.to(device)
        self.sources = WarpedSource(*(part.to(device) for part in self.sources))

    @torch.no_grad()
    def draw(self, index: Tensor, driving: Tensor) -> Drawn:
        """(B,) portraits and (B, 21, 3) driving keypoints -> what they give."""
        features, motion = self.warping(WarpedSource(*(part[index] for part in self.sources)), driving)
        return Drawn(features, motion, self.generator(features))


class RendererDistillation(pl.LightningModule):
    """Trains a student W and G; logged are `train/loss` and `val/loss` and each term beside them.

    Terms, all of absolute differences: `features` of W over the teacher's mean, through a 1x1 convolution where the
    student has other channels, which is left out of the student in the end; `deformation` and `occlusion` of the warp;
    `image`; `image_scales`, the picture at a half, a quarter and an eighth of its size.

    Motion follows from the run's seed and the step, so a run that is resumed sees what an unstopped one would have.
    """

    def __init__(
        self,
        *,
        warping: WarpingModule,
        generator: SpadeGenerator,
        teacher: FrozenNetworks,
        motion: RandomMotion,
        losses: Mapping[str, float],
        batch_size: int,
        seed: int,
        contract: Mapping[str, Any],
        optimizer: Callable[..., Optimizer],
        schedule: Callable[..., LRScheduler],
    ) -> None:
        """Join a student with its teacher.

        Args:
            warping, generator: the student.
            teacher: answers.
            motion: draws what it is asked.
            losses: weights of `TERMS`, all of them.
            batch_size: pictures of a step.
            seed: of the motion.
            contract: what every checkpoint says of the student, in plain types.
            optimizer: called with the parameters.
            schedule: called with the optimizer and `total_steps`.

        Raises:
            ConfigError: losses are unknown, missing or nothing, or student and teacher don't fit together.
        """
        super().__init__()
        if set(losses) != set(TERMS) or min(losses.values()) < 0 or not any(losses.values()):
            raise ConfigError(
                f"losses={dict(losses)}: expected weights of 0 or more, not all 0, for {', '.join(TERMS)}."
            )
        channels, taken = warping.fourth.out_channels, generator.fc.in_channels
        if taken != channels:
            raise ConfigError(
                f"student: its warping module gives {channels} channels, its generator takes {taken}. "
                "Set student.spade_generator.feature_channels to student.warping_module.out_channels."
            )
        self.warping_module, self.spade_generator = warping, generator
        same = channels == teacher.feature_channels
        self.adapter: nn.Module = nn.Identity() if same else nn.Conv2d(channels, teacher.feature_channels, 1)
        self.teacher, self.motion, self._losses = teacher, motion, dict(losses)
        self._batch_size, self._seed, self._contract = batch_size, seed, dict(contract)
        self._optimizer, self._schedule = optimizer, schedule

    def on_fit_start(self) -> None:
        """Bring the teacher to the student."""
        self.teacher.to(self.device)

    def on_train_batch_start(self, batch: Tensor, batch_index: int) -> None:
        """Follow the spectral norms of kernels that the last step has changed."""
        for module in self.spade_generator.modules():
            if isinstance(module, SpectralConv2d):
                iterate_power(module)

    def training_step(self, batch: Tensor, batch_index: int) -> Tensor:
        """The weighted sum of the terms on new motion."""
        number = self.trainer.world_size * self.global_step + self.global_rank
        return self._step("train", self._seed + number)

    def validation_step(self, batch: Tensor, batch_index: int) -> None:
        """The same on motion that is always the same."""
        self._step("val", self._seed + _VALIDATION + batch_index)

    def draw(self, index: Tensor, driving: Tensor) -> Drawn:
        """What the student gives."""
        sources = self.teacher.sources
        features, motion = self.warping_module(sources.volume[index], driving, sources.keypoints[index])
        return Drawn(features, motion, self.spade_generator(features))

    def terms(self, student: Drawn, teacher: Drawn) -> dict[str, Tensor]:
        """The terms of the loss, without their weights."""
        scales = [
            functional.l1_loss(functional.avg_pool2d(student.image, scale), functional.avg_pool2d(teacher.image, scale))
            for scale in _SCALES
        ]
        size = teacher.features.abs().mean().clamp(min=1e-6)
        return {
            "features": functional.l1_loss(self.adapter(student.features), teacher.features) / size,
            "deformation": functional.l1_loss(student.motion.deformation, teacher.motion.deformation),
            "occlusion": functional.l1_loss(student.motion.occlusion, teacher.motion.occlusion),
            "image": functional.l1_loss(student.image, teacher.image),
            "image_scales": torch.stack(scales).mean(),
        }

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """All parameters alike."""
        optimizer = self._optimizer(self.parameters())
        schedule = self._schedule(optimizer, total_steps=int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the contract into the file."""
        checkpoint[SECTION] = self._contract

    def _step(self, stage: str, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        index, driving = self.motion.draw(self._batch_size, generator)
        index, driving = index.to(self.device), driving.to(self.device)
        terms = self.terms(self.draw(index, driving), self.teacher.draw(index, driving))
        loss = torch.stack([self._losses[name] * term for name, term in terms.items()]).sum()
        how: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": self._batch_size, "sync_dist": True}
        self.log(f"{stage}/loss", loss, prog_bar=True, **how)
        self.log_dict({f"{stage}/{name}": term for name, term in terms.items()}, **how)
        return loss


@torch.no_grad()
def iterate_power(conv: SpectralConv2d) -> None:
    """One step of the power iteration: the stored vectors follow the kernel while it is trained."""
    matrix, left, right = conv.weight_orig.flatten(1), conv.get_buffer("weight_u"), conv.get_buffer("weight_v")
    right.copy_(functional.normalize(matrix.mT @ left, dim=0))
    left.copy_(functional.normalize(matrix @ right, dim=0))
