"""Augmentations change voices, never the clock: known answers and what must stay."""

import math

import numpy as np
import pytest
import torch

from src.data.augment import Augmentation, BandMask, GainAndTilt, MelShift, NoiseFloor, Silences, Sometimes, TimeMask
from src.data.features import LogMel
from src.data.windows import Batch
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


def windows(size: int = 64, length: int = 60) -> Batch:
    torch.manual_seed(1)
    return Batch(
        torch.rand(size, length, 8) + 1, torch.rand(size, length, 3), torch.ones(size, length, dtype=torch.bool)
    )


SILENCE, REST = torch.zeros(8), torch.tensor([0.0, 0.0, float("nan")])


def silenced(share: float, batch: Batch, seed: int = 0) -> Batch:
    return Silences(share=share, min_frames=15, settle_frames=6)(batch, SILENCE, REST, 2, generator(seed))


def test_where_nobody_speaks_the_mouth_rests_and_the_rest_of_the_face_goes_on() -> None:
    given = windows()
    batch = silenced(1.0, given)
    quiet = (batch.features == 0).all(dim=2)
    assert (quiet.sum(dim=1) >= 15).all()
    assert (batch.motion[quiet][:, :2] == 0).all()
    assert torch.equal(batch.motion[..., 2], given.motion[..., 2])
    assert torch.equal(batch.features[~quiet], given.features[~quiet])
    assert torch.equal(batch.motion[~quiet], given.motion[~quiet])


def test_frames_that_hear_both_speech_and_silence_do_not_count() -> None:
    batch = silenced(1.0, windows())
    quiet = (batch.features == 0).all(dim=2)
    for row in range(len(quiet)):
        frames = torch.nonzero(quiet[row])[:, 0]
        begin, end = int(frames[0]), int(frames[-1]) + 1
        assert len(frames) == end - begin  # one stretch
        assert batch.mask[row, begin] == (begin == 0)  # a stream may begin with silence: nothing to settle
        if begin > 0:
            assert not batch.mask[row, max(begin - 2, 0) : begin + 6].any()
        assert not batch.mask[row, end - 2 : end + 2].any() or end == 60
    assert (quiet[:, 0]).any()
    assert (quiet & batch.mask).any(dim=1).all()


def test_silences_come_to_their_share_of_the_windows_and_follow_the_seed() -> None:
    given = windows(size=400)
    assert torch.equal(silenced(0.0, given).features, given.features)
    quiet = (silenced(0.25, given).features == 0).all(dim=2).any(dim=1)
    assert 0.18 < quiet.float().mean() < 0.32
    assert torch.equal(silenced(0.25, given, 3).features, silenced(0.25, given, 3).features)


def test_silences_refuse_a_share_that_is_none() -> None:
    with pytest.raises(ConfigError, match="share 2"):
        Silences(share=2, min_frames=15, settle_frames=6)
