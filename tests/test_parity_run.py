"""Networks of a run are built once, when they are needed, and their weights are checked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from src.errors import DataError
from src.parity_run import SeededNetworks, plain_float32, read_json, run_files
from src.parity_vectors import VectorFile
from src.seeded_weights import checksum


def small() -> nn.Module:
    return nn.Linear(3, 2)


def test_a_network_is_built_once_and_checked_against_its_checksum() -> None:
    unchecked = SeededNetworks({"small": small}, 1, checksums=None)
    right = checksum(unchecked["small"].state_dict())
    assert unchecked["small"] is unchecked["small"]
    assert unchecked.comparisons == []
    for seed, passes in ((1, True), (2, False)):
        networks = SeededNetworks({"small": small, "unused": small}, seed, checksums={"small": right})
        assert not networks["small"].training
        assert [(one.name, one.passed) for one in networks.comparisons] == [("weights/small", passes)]
    lacking = SeededNetworks({"small": small}, 1, checksums={})
    lacking["small"]
    assert lacking.comparisons[0].note == "weights_crc32.json lacks it"


def test_files_are_run_by_name_and_weights_come_before_what_they_gave(tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros(2))

    def compare(vectors: VectorFile, networks: SeededNetworks) -> None:
        assert torch.get_float32_matmul_precision() == "highest"
        vectors.compare("x", networks["small"](torch.zeros(1, 3))[0] * 0)

    comparisons = run_files(tmp_path, {"a": compare}, SeededNetworks({"small": small}, 1, checksums={}))
    assert [one.name for one in comparisons] == ["weights/small", "a/x", "b"]
    assert comparisons[2].note == "unknown file; known are a"


def test_precision_is_given_back_after_an_error() -> None:
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ValueError, match="inside"), plain_float32():
            raise ValueError("inside")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_json_that_is_no_object_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    with pytest.raises(DataError, match=f"{path}: expected an object by name"):
        read_json(path)
    with pytest.raises(DataError, match="can't be read"):
        read_json(tmp_path / "no.json")
