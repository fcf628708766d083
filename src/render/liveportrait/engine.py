"""What runs LivePortrait's networks: pictures to motion, and driven keypoints to pictures.

Renderer and animation talk to an `Engine` only; how the networks are computed is its own affair. `EagerEngine` is plain
PyTorch on any device; others are in `compiled_engine`, `cuda_graph_engine` and `onnx_engine`.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.render.liveportrait.finishing import Correctors
from src.render.liveportrait.folded_generator import FoldedGenerator
from src.render.liveportrait.folded_warping import FoldedWarping, WarpedSource
from src.render.liveportrait.frame import FrameNetwork, autocast_to
from src.render.liveportrait.keypoints import FaceMotion, RawMotion, motion_of
from src.render.liveportrait.weights import load_weights

logger = logging.getLogger(__name__)

TF32 = "tf32"
"""float32 whose convolutions on a GPU multiply with 10 bits behind the point; "float32" itself never does that here."""
DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    TF32: torch.float32,
}


class Engine(Protocol):
    """Runs the networks. Tensors come and go on `device`, in float32 where nothing else is said; no gradients."""

    @property
    def device(self) -> torch.device:
        """Where tensors live."""
        ...

    @property
    def correctors(self) -> Correctors:
        """S, R_eye and R_lip, always in float32; for `stitched` and `retargeted`."""
        ...

    def appearance(self, image: Tensor) -> Tensor:
        """(B, 3, 256, 256) RGB in 0..1 -> (B, 32, 16, 64, 64) volume of features; F."""
        ...

    def motion(self, image: Tensor) -> FaceMotion:
        """(B, 3, 256, 256) RGB in 0..1 -> the face in it; M."""
        ...

    def prepare(self, volume: Tensor, keypoints: Tensor) -> Any:
        """All that depends on the source alone, once; read only, and kept on the device.

        Args:
            volume: (1, 32, 16, 64, 64) of `appearance`; or (B, ...), B sources that are drawn at once.
            keypoints: (1, 21, 3) of the source, or (B, ...).
        """
        ...

    def draw(self, source: Any, driving: Tensor) -> Tensor:
        """Pictures of one source, or of each of B; W and G.

        Args:
            source: from `prepare`, of 1 or B.
            driving: (B, 21, 3) keypoints.

        Returns:
            (B, 512, 512, 3) uint8 RGB, levels truncated; owned by the caller.
        """
        ...


class EagerEngine:
    """The networks in plain PyTorch, W and G in their folded forms.

    Args:
        networks: by the names of `conf/render/networks/liveportrait.yaml`, on the CPU.
        weights: folder in the official layout, see `src.render.liveportrait.weights`;
            None: the networks are used as they are.
        device: of PyTorch.
        dtype: float32, tf32, or float16 or bfloat16 by autocast as the official program does it: inputs, results and
            the small networks stay float32, and see `src.render.liveportrait.frame`.

    Raises:
        ConfigError: no such device or dtype.
        CheckpointError: weights are missing, damaged or of other networks.
    """

    def __init__(
        self, *, networks: Mapping[str, nn.Module], weights: str | Path | None, device: str, dtype: str
    ) -> None:
        self._device, self._dtype = checked_device(device), checked_dtype(dtype)
        self._tf32 = dtype == TF32
        if weights is None:
            logger.warning(
                "weights=null: networks without the official weights draw noise. Only speed can be measured."
            )
        else:
            load_weights(networks, Path(weights))
        for network in networks.values():
            network.eval().requires_grad_(False)
        self._appearance = networks["appearance_feature_extractor"].to(self._device)
        self._motion = networks["motion_extractor"].to(self._device)
        # The plain forms of the two largest networks are not needed any more: they stay on the CPU and are dropped.
        warping = FoldedWarping(networks["warping_module"])  # type: ignore[arg-type]
        generator = FoldedGenerator(networks["spade_generator"])  # type: ignore[arg-type]
        self.frame = FrameNetwork(warping, generator).to(self._device).eval().requires_grad_(False)
        self.frame.store_as(self._dtype)
        if self._device.type == "cuda":
            self.frame.order_for_gpu()
        heads = (networks[name].to(self._device) for name in ("stitching", "eye", "lip"))
        self._correctors = Correctors(*heads)

    @property
    def device(self) -> torch.device:
        """Where tensors live."""
        return self._device

    @property
    def correctors(self) -> Correctors:
        """S, R_eye and R_lip."""
        return self._correctors

    @torch.no_grad()
    def appearance(self, image: Tensor) -> Tensor:
        """See `Engine`."""
        with self._precision(self._dtype):
            volume: Tensor = self._appearance(image)
        return volume.float()

    @torch.no_grad()
    def motion(self, image: Tensor) -> FaceMotion:
        """See `Engine`."""
        with self._precision(self._dtype):
            raw: RawMotion = self._motion(image)
        return motion_of(RawMotion(*(head.float() for head in raw)))

    @torch.no_grad()
    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpedSource:
        """See `Engine`."""
        with self._precision(torch.float32):
            return self.frame.warping.prepare(volume, keypoints)

    @torch.no_grad()
    def draw(self, source: WarpedSource, driving: Tensor) -> Tensor:
        """See `Engine`."""
        return self.levels(source, driving)

    def levels(self, source: WarpedSource, driving: Tensor) -> Tensor:
        """As `draw`, for what runs frames in its own way."""
        with self._precision(self._dtype):
            levels: Tensor = self.frame(driving, *source)[1]
        return levels

    @contextmanager
    def _precision(self, dtype: torch.dtype) -> Iterator[None]:
        """That of the engine, on a GPU too, where PyTorch lets float32 convolutions be TF32 if nothing is said."""
        with ExitStack() as settings:
            if self._device.type == "cuda":
                settings.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=self._tf32))
            settings.enter_context(autocast_to(self._device, dtype))
            yield


def checked_device(name: str) -> torch.device:
    """A device that is there.

    Raises:
        ConfigError: it isn't.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"device={name}: not usable on this machine ({reason}). Give cpu, or cuda on a machine with a GPU and a "
            "PyTorch built for it."
        ) from error
    return device


def checked_dtype(name: str) -> torch.dtype:
    """One of `DTYPES`.

    Raises:
        ConfigError: another name.
    """
    if name not in DTYPES:
        raise ConfigError(f"dtype={name}: expected one of {', '.join(DTYPES)}")
    return DTYPES[name]
