"""Seeded weights and images are the same to the bit on every machine."""

import numpy as np
import pytest
import torch

from src import seeded_weights
from src.eval.syncnet.parity import seeded_network

SCALES = {"netcnnlip.0.weight": 0.0078125, "netcnnaud.0.weight": 0.0625}


@pytest.mark.parametrize(
    ("name", "checksum"), [("syncnet", "390a73d4"), ("wav2lip_syncnet_color", "21cfd23b"), ("s3fd", "9599c882")]
)
def test_weights_of_seed_1_have_the_published_checksums(name: str, checksum: str) -> None:
    _, weights = seeded_network(name, 1, SCALES if name == "syncnet" else {})
    assert seeded_weights.checksum(weights) == checksum


def test_an_image_of_seed_1_has_the_published_checksum() -> None:
    assert seeded_weights.image_checksum(seeded_weights.image("s3fd/image", 1, 256)[:192]) == 4119530284


def test_streams_differ_by_name_and_seed_and_stay_in_range() -> None:
    one = seeded_weights.uniform("one", (4, 500), 1, 3.0, 0.5)
    assert one.dtype == np.float32
    assert one.min() >= 2.5
    assert one.max() < 3.5
    assert not np.isin(one, seeded_weights.uniform("one", (4, 500), 2, 3.0, 0.5)).all()
    assert not np.isin(one, seeded_weights.uniform("two", (4, 500), 1, 3.0, 0.5)).all()


def test_weights_keep_the_variance_of_what_goes_through() -> None:
    weights = seeded_weights.state_dict({"a.weight": (200, 300), "a.bias": (200,)}, 1, "net", {"a.weight": 0.5})
    assert float(weights["a.weight"].var()) == pytest.approx(0.25 * 2 / 300, rel=0.02)
    assert torch.all(weights["a.bias"].abs() <= 0.05)
