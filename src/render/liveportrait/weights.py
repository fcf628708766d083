"""The official weight files of LivePortrait's human model, in a folder laid out as they are published."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from src.errors import CheckpointError
from src.official_weights import OfficialFile, load_official

REPOSITORY = "KwaiVGI/LivePortrait"
"""Of the Hugging Face hub. Its folder `liveportrait` holds everything that is needed."""

_BASE, _RETARGETING = "liveportrait/base_models", "liveportrait/retargeting_models"
_WHERE = (
    f"Get it from huggingface.co/{REPOSITORY} (MIT licence, as the code of github.com/{REPOSITORY}; see there), for "
    "example with `python -m scripts.download_models model=liveportrait out=models/liveportrait`."
)


@dataclass(frozen=True)
class WeightFile:
    """A file, and the network whose weights it holds.

    Attributes:
        path: inside of the folder, without a suffix: `.pth` as published, or `.safetensors`.
        source: what it is and where to get it.
    """

    path: str
    source: OfficialFile


def _file(folder: str, name: str, size: str, section: str | None = None) -> WeightFile:
    prefix = "module." if section is not None else ""
    source = OfficialFile(
        name=f"{folder}/{name}.pth", size=size, where=_WHERE, section=section, prefix=prefix, sha256=None
    )
    return WeightFile(f"{folder}/{name}", source)


_HEADS = (_RETARGETING, "stitching_retargeting_module", "2.3 MB")
FILES: Mapping[str, WeightFile] = {
    "appearance_feature_extractor": _file(_BASE, "appearance_feature_extractor", "3.3 MB"),
    "motion_extractor": _file(_BASE, "motion_extractor", "108 MB"),
    "warping_module": _file(_BASE, "warping_module", "174 MB"),
    "spade_generator": _file(_BASE, "spade_generator", "212 MB"),
    "stitching": _file(*_HEADS, section="retarget_shoulder"),
    "eye": _file(*_HEADS, section="retarget_eye"),
    "lip": _file(*_HEADS, section="retarget_mouth"),
}
"""By the names of networks in `conf/render/networks/liveportrait.yaml`. The last three share a file."""

SUFFIXES = (".pth", ".safetensors")


def find_weights(folder: Path, networks: Collection[str] = tuple(FILES)) -> dict[str, Path]:
    """Where the weights of each network lie.

    Args:
        folder: with `liveportrait/base_models` and so on: `pretrained_weights` of the official program.
        networks: names, of `FILES`.

    Raises:
        CheckpointError: names all files that are missing, with their sizes and where to get them.
    """
    found = {name: _existing(folder / FILES[name].path) for name in networks}
    missing = dict.fromkeys(FILES[name].source.name for name, path in found.items() if path is None)
    if missing:
        sizes = {file.source.name: file.source.size for file in FILES.values()}
        listed = "\n".join(f"  {folder / name} ({sizes[name]})" for name in missing)
        raise CheckpointError(
            f"weights of LivePortrait are missing, .pth or .safetensors:\n{listed}\nThis project does not carry them. "
            + _WHERE.replace("Get it", "Get them")
        )
    return {name: path for name, path in found.items() if path is not None}


def load_weights(networks: Mapping[str, nn.Module], folder: Path) -> None:
    """Copy the official weights into networks, and bring these into `eval()` mode without gradients.

    Args:
        networks: any of `FILES`, by name.
        folder: as `find_weights`.

    Raises:
        CheckpointError: files are missing (all of them are named), damaged or of another network (which key, and what
            was expected).
    """
    paths = find_weights(folder, networks)
    for name, network in networks.items():
        source, path = FILES[name].source, paths[name]
        load_official(network, path, source)
        network.eval().requires_grad_(False)


def _existing(stem: Path) -> Path | None:
    """The file of this name, with the first of `SUFFIXES` that there is."""
    candidates = (stem.with_name(stem.name + suffix) for suffix in SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)
