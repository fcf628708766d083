"""LivePortrait's networks as ONNX files in a folder, and the manifest that says what they are.

A folder holds a file for each of `GRAPHS` and `manifest.json`. All shapes are fixed. `frame` takes driving keypoints
and the parts of a source as `source` gives them, so that they can stay on a GPU.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from src.errors import CheckpointError
from src.files import sha256_of

MANIFEST = "manifest.json"
FORMAT = 1

IMAGE, VOLUME, KEYPOINTS, DRIVING, X = "image", "volume", "keypoints", "driving", "x"
COMPRESSED, UNMOVED, HEAT = "compressed", "unmoved", "heat"
DRAWN, RGB, CORRECTION = "drawn", "rgb", "correction"
HEADS = ("pitch", "yaw", "roll", "t", "exp", "scale", "kp")
"""Outputs of `motion`, in the order of `RawMotion`."""

GRAPHS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "appearance": ((IMAGE,), (VOLUME,)),
    "motion": ((IMAGE,), HEADS),
    "source": ((VOLUME, KEYPOINTS), (COMPRESSED, UNMOVED, HEAT)),
    "frame": ((DRIVING, VOLUME, KEYPOINTS, COMPRESSED, UNMOVED, HEAT), (DRAWN, RGB)),
    "stitching": ((X,), (CORRECTION,)),
    "eye": ((X,), (CORRECTION,)),
    "lip": ((X,), (CORRECTION,)),
}
"""Names of inputs and outputs: F, M, what W knows of a source, W and G, S, R_eye, R_lip."""


@dataclass(frozen=True)
class GraphRecord:
    """What the manifest says about a file.

    Attributes:
        file: name in the folder.
        sha256: of the file.
        inputs, outputs: shapes by name.
        operators: types of nodes in it.
        max_difference: from PyTorch in float32, plain networks, over all outputs; levels of `rgb` are left out.
    """

    file: str
    sha256: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    operators: list[str]
    max_difference: float


@dataclass(frozen=True)
class Manifest:
    """Of a folder of exported networks.

    Attributes:
        opset: of ONNX.
        batch: pictures that `frame` draws at once; the other graphs take one.
        weights: file and SHA-256 by network; None: seeded, for trying out.
        graphs: by the names of `GRAPHS`.
        made_with: versions of packages.
    """

    opset: int
    batch: int
    weights: dict[str, dict[str, str]] | None
    graphs: dict[str, GraphRecord]
    made_with: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """For `manifest.json`."""
        return {"format": FORMAT, **asdict(self)}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder whose files are all there and unchanged.

    Raises:
        CheckpointError: it isn't such a folder; says what is missing or differs.
    """
    path = folder / MANIFEST
    again = "Export again: `python -m scripts.export_liveportrait out=<folder> weights=<folder>`."
    try:
        content = json.loads(path.read_text("utf-8"))
        found = content.pop("format")
        if found != FORMAT:
            raise CheckpointError(f"{path}: format {found}, expected {FORMAT}. {again}")
        graphs = {name: GraphRecord(**content["graphs"][name]) for name in GRAPHS}
        manifest = Manifest(**{**content, "graphs": graphs})
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file. {again}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a manifest of exported networks ({error!r}). {again}") from error
    for record in graphs.values():
        file = folder / record.file
        if not file.is_file():
            raise CheckpointError(f"{file}: no such file, though {MANIFEST} names it. {again}")
        if sha256_of(file) != record.sha256:
            raise CheckpointError(f"{file}: not the file that {MANIFEST} describes, or damaged. {again}")
    return manifest
