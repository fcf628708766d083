"""Augmentations change voices, never the clock: known answers and what must stay."""

import math

import numpy as np
import pytest
import torch

from src.data.augment import Augmentation, BandMask, GainAndTilt, MelShift, NoiseFloor, Sometimes, TimeMask
from src.data.features import LogMel
from src.errors import ConfigError

FLOOR = math.log(1e-5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hops(batch: int = 4, length: int = 30, bands: int = 80) -> torch.Tensor:
    torch.manual_seed(0)
    return FLOOR + 8 * torch.rand(batch, length, bands)


ALL: list[Augmentation] = [
    GainAndTilt(gain_db=10, tilt_db=10),
    NoiseFloor(low_db=0, high_db=30, tilt_db=10),
    MelShift(max_bands=4),
    BandMask(num_masks=2, max_bands=10),
    TimeMask(num_masks=2, max_hops=8),
    Sometimes(share=0.5, augmentation=GainAndTilt(gain_db=10, tilt_db=0)),
]


@pytest.mark.parametrize("augmentation", ALL, ids=lambda augmentation: type(augmentation).__name__)
def test_a_seed_gives_one_result_and_the_input_is_kept(augmentation: Augmentation) -> None:
    given = hops()
    copy = given.clone()
    first, second = augmentation(given, FLOOR, generator(1)), augmentation(given, FLOOR, generator(1))
    assert torch.equal(first, second)
    assert torch.equal(given, copy)
    assert first.shape == given.shape
    assert first.isfinite().all()
    assert not torch.equal(first, given)
    assert not torch.equal(first, augmentation(given, FLOOR, generator(2)))


@pytest.mark.parametrize("augmentation", ALL, ids=lambda augmentation: type(augmentation).__name__)
def test_nothing_falls_below_digital_silence(augmentation: Augmentation) -> None:
    assert (augmentation(hops(), FLOOR, generator()) >= FLOOR - 1e-3).all()


def test_gain_on_features_equals_gain_on_sound() -> None:
    mel = LogMel(
        sample_rate_hz=16_000,
        n_mels=80,
        hop_length=160,
        window_length=400,
        f_min_hz=60.0,
        f_max_hz=7600.0,
        log_floor=1e-5,
    )
    sound = (0.1 * np.random.default_rng(0).normal(size=8_000)).astype(np.float32)
    quiet = torch.from_numpy(mel.extract(sound))[None]
    changed = GainAndTilt(gain_db=20, tilt_db=0)(quiet, FLOOR, generator(3))
    gain = float((changed - quiet).mean()) / 2  # natural log of amplitude
    expected = mel.extract((sound * math.exp(gain)).astype(np.float32))
    assert abs(gain) > 0.1
    np.testing.assert_allclose(changed[0], expected, atol=0.01)


def test_gain_leaves_silence_silent() -> None:
    silence = torch.full((3, 5, 80), FLOOR)
    torch.testing.assert_close(
        GainAndTilt(gain_db=30, tilt_db=20)(silence, FLOOR, generator()), silence, atol=1e-3, rtol=0
    )


def test_a_shift_moves_a_band_pattern_as_a_whole() -> None:
    ramp = torch.arange(80.0).expand(2, 3, 80)
    shifted = MelShift(max_bands=4)(ramp, FLOOR, generator())
    change = (shifted - ramp)[:, :, 10:70]
    torch.testing.assert_close(change, change[:, :1, :1].expand_as(change), rtol=0, atol=1e-4)
    assert 0.01 < change.abs().max() <= 4


@pytest.mark.parametrize(
    ("mask", "axis"), [(BandMask(num_masks=1, max_bands=10), 2), (TimeMask(num_masks=1, max_hops=10), 1)]
)
def test_masks_cover_whole_runs_and_nothing_else(mask: Augmentation, axis: int) -> None:
    given = hops(batch=50)
    changed = (mask(given, FLOOR, generator()) != given).any(dim=3 - axis)  # (B, bands or hops)
    widths = changed.sum(dim=1)
    starts = (changed[:, 1:] & ~changed[:, :-1]).sum(dim=1) + changed[:, 0]
    assert widths.max() == 10
    assert (starts <= 1).all()
    assert torch.equal((mask(given, FLOOR, generator()) != given).all(dim=3 - axis), changed)


def test_sometimes_leaves_the_other_rows_alone() -> None:
    given = hops(batch=200)
    changed = Sometimes(share=0.3, augmentation=MelShift(max_bands=4))(given, FLOOR, generator())
    share = (changed != given).flatten(1).any(dim=1).float().mean()
    assert share == pytest.approx(0.3, abs=0.1)
    with pytest.raises(ConfigError, match="share is 2"):
        Sometimes(share=2, augmentation=MelShift(max_bands=1))
