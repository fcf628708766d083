"""Augmentations of voices leave the clock alone; those of the clock move sound and motion as they say."""

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
import torch

from src.data.augment import (
    Augmentation,
    BandMask,
    FeatureDropout,
    GainAndTilt,
    MelShift,
    NoiseFloor,
    Setting,
    Silences,
    Sometimes,
    TimeMask,
)
from src.data.augment_channel import BandLimit, RoomResponse, reverberated
from src.data.augment_time import Speed, TimeShift
from src.data.features import FeatureExtractor, FeatureStream, LogMel, Mfcc
from src.data.recipe import Recipe
from src.data.windows import Windows
from src.errors import ConfigError

FLOOR = math.log(1e-5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hops(batch: int = 4, length: int = 30, bands: int = 80) -> torch.Tensor:
    torch.manual_seed(0)
    return FLOOR + 8 * torch.rand(batch, length, bands)


SETTING = Setting(
    silence=torch.full((80,), FLOOR), hop_s=0.01, hops_per_frame=4, hops_before_frame=2, lookahead_frames=2
)


def windows(size: int = 4, length: int = 30, bands: int = 80, channels: int = 3) -> Windows:
    """Random hops, motion that counts frames, all valid and known."""
    motion = torch.arange(float(length))[None, :, None].expand(size, length, channels).clone()
    valid = torch.ones(size, length, dtype=torch.bool)
    first = torch.zeros(size, dtype=torch.long)
    return Windows(hops(size, 4 * length, bands), motion, valid, first, first + length + 2)


ROOM = RoomResponse(shortest_s=0.2, longest_s=0.8, treble_ratio=0.5, direct_low_db=-3, direct_high_db=10)
ALL: dict[str, Augmentation] = {
    "gain": GainAndTilt(gain_db=10, tilt_db=10),
    "noise": NoiseFloor(low_db=0, high_db=30, tilt_db=10),
    "mel_shift": MelShift(max_bands=4),
    "band_mask": BandMask(num_masks=2, max_bands=10),
    "time_mask": TimeMask(num_masks=2, max_hops=8),
    "dropout": FeatureDropout(hop_share=0.1, band_share=0.1),
    "room": ROOM,
    "band_limit": BandLimit(lowest_bands=0.1, highest_bands=0.3, slope_db=6, noise_db=10),
    "time_shift": TimeShift(max_ms=40),
    "speed": Speed(slowest=0.9, fastest=1.1),
    "sometimes": Sometimes(share=0.5, augmentation=GainAndTilt(gain_db=10, tilt_db=0)),
    "sometimes_speed": Sometimes(share=0.5, augmentation=Speed(slowest=0.8, fastest=0.9)),
}
CLOCK = {"time_shift", "speed", "sometimes_speed"}


@pytest.mark.parametrize("name", ALL)
def test_a_seed_gives_one_result_and_the_input_is_kept(name: str) -> None:
    given, augmentation = windows(), ALL[name]
    copy = Windows(*(part.clone() for part in given))
    first, second = (augmentation.apply(given, SETTING, generator(1)) for _ in range(2))
    for one, other, kept, before in zip(first, second, given, copy, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(kept, before)
        assert one.shape == before.shape
        assert one.dtype == before.dtype
        assert one.isfinite().all()
    assert not torch.equal(first.hops, given.hops)
    assert not torch.equal(first.hops, augmentation.apply(given, SETTING, generator(2)).hops)


@pytest.mark.parametrize("name", ALL)
def test_nothing_falls_below_digital_silence(name: str) -> None:
    assert (ALL[name].apply(windows(), SETTING, generator()).hops >= FLOOR - 1e-3).all()


@pytest.mark.parametrize("name", sorted(set(ALL) - CLOCK))
def test_what_changes_sound_alone_leaves_motion_and_mask_alone(name: str) -> None:
    given = windows()
    changed = ALL[name].apply(given, SETTING, generator())
    assert all(new is old for new, old in zip(changed[1:], given[1:], strict=True))


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
    given = hops(batch=200, length=120)
    batch = windows(size=200)._replace(hops=given)
    often = Sometimes(share=0.3, augmentation=MelShift(max_bands=4))
    changed = often.apply(batch, SETTING, generator()).hops
    share = (changed != given).flatten(1).any(dim=1).float().mean()
    assert share == pytest.approx(0.3, abs=0.1)
    with pytest.raises(ConfigError, match="share is 2"):
        Sometimes(share=2, augmentation=MelShift(max_bands=1))


def sine_windows(speed_of_sound: float = 0.02) -> Windows:
    """Band energies and motion that follow the same slow curve of time: what belongs together stays so."""
    frames = 60
    frame_time, hop_time = torch.arange(frames) * 1.0, (torch.arange(4 * frames) - 2) / 4
    motion = torch.sin(speed_of_sound * 2 * math.pi * frame_time)[None, :, None].expand(8, frames, 1)
    sound = torch.sin(speed_of_sound * 2 * math.pi * hop_time)[None, :, None].expand(8, 4 * frames, 80)
    first = torch.full((8,), 5)
    return Windows(sound.clone(), motion.clone(), torch.ones(8, frames, dtype=torch.bool), first, first * 0 + frames)


def test_speed_keeps_sound_and_motion_together_and_velocities_grow_with_it() -> None:
    given = sine_windows()
    changed = Speed(slowest=1.1, fastest=1.1).apply(given, SETTING, generator())
    mask = changed.mask(lookahead_frames=2)
    sound_at_frame = changed.hops[:, 2::4, 0]
    assert (sound_at_frame - changed.motion[:, :, 0])[mask].abs().max() < 5e-3
    expected = torch.sin(0.02 * 2 * math.pi * 1.1 * torch.arange(60.0))
    assert (changed.motion[0, :, 0] - expected)[mask[0]].abs().max() < 5e-3
    velocity = changed.motion.diff(dim=1)[:, :20].abs().max() / given.motion.diff(dim=1)[:, :20].abs().max()
    assert velocity == pytest.approx(1.1, abs=0.02)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.07, 1.1])
def test_at_any_speed_frames_count_only_if_all_they_hear_was_in_the_window(speed: float) -> None:
    given = sine_windows()
    given = given._replace(hops=given.hops.abs() + 1)  # silence, at the floor, is told apart
    changed = Speed(slowest=speed, fastest=speed).apply(given, SETTING, generator())
    frames = changed.mask(lookahead_frames=2)[0].nonzero().flatten()
    assert frames[0] == 5
    heard = changed.hops[0, 4 * (frames[0] - 5) : 4 * (frames[-1] + 3)]
    assert (heard > 0.5).all()
    assert frames[-1] == min(57, int((237 / speed + 3) / 4) - 3)  # the last row whose four hops are there


def test_what_follows_the_end_of_a_clip_is_known_at_a_higher_speed_and_cut_at_a_lower() -> None:
    ends = sine_windows()._replace(known=torch.full((8,), 62))
    faster = Speed(slowest=1.1, fastest=1.1).apply(ends, SETTING, generator()).mask(2)[0].nonzero().flatten()
    slower = Speed(slowest=0.9, fastest=0.9).apply(ends, SETTING, generator()).mask(2)[0].nonzero().flatten()
    assert (faster[-1], slower[-1]) == (53, 57)  # the last frame; all but the look-ahead


def test_speed_masks_frames_between_a_valid_one_and_another() -> None:
    given = sine_windows()
    given.valid[:, 30] = False
    changed = Speed(slowest=1.1, fastest=1.1).apply(given, SETTING, generator())
    assert (~changed.valid[0]).nonzero().flatten().tolist()[:3] == [27, 28, 54]  # 29.7 and 30.8 hold some of 30


def test_a_shift_by_whole_hops_is_exact_and_moves_the_sound_alone() -> None:
    given = windows(size=40)
    changed = TimeShift(max_ms=40).apply(given, SETTING, generator(4))
    assert changed.motion is given.motion
    whole = TimeShift(max_ms=0).apply(given, SETTING, generator())
    assert torch.equal(whole.hops, given.hops)
    assert torch.equal(whole.mask(2), given.mask(2))


def test_a_shift_moves_sound_by_fractions_of_a_frame_up_to_its_largest() -> None:
    ramp = torch.arange(120.0)[None, :, None].expand(200, 120, 80)
    first = torch.full((200,), 6)
    given = windows(size=200)._replace(hops=ramp, first=first, known=first * 0 + 30)
    changed = TimeShift(max_ms=35).apply(given, SETTING, generator())
    shift_ms = 10 * (changed.hops - ramp)[:, 60, 0]
    assert shift_ms.min() == pytest.approx(-35, abs=2)
    assert shift_ms.max() == pytest.approx(35, abs=2)
    assert ((shift_ms / 10).round() - shift_ms / 10).abs().max() > 0.3
    for row in range(200):
        frames = changed.mask(2)[row].nonzero().flatten()
        assert (frames[0], frames[-1]) == ((6, 26) if shift_ms[row] > 0 else (7, 27))
        heard = changed.hops[row, 4 * (frames[0] - 6) : 4 * (frames[-1] + 3), 0]
        assert (heard.diff() - 1).abs().max() < 1e-3  # neither edge nor silence


def test_an_impulse_decays_by_60_db_in_the_reverberation_time() -> None:
    impulse = torch.full((1, 120, 2), FLOOR)
    impulse[:, 10] = 10.0
    fall = torch.tensor([[[-60.0, -120.0]]]) * math.log(10) / 10 / 50  # 60 dB in 50 hops, in 25 hops
    wet = reverberated(impulse, FLOOR, fall, torch.zeros(1, 1, 1))
    assert (wet[0, 11, 0] - wet[0, 61, 0]) / math.log(10) * 10 == pytest.approx(60, abs=0.1)
    assert (wet[0, 11, 1] - wet[0, 36, 1]) / math.log(10) * 10 == pytest.approx(60, abs=0.1)
    assert torch.allclose(wet[:, :10], impulse[:, :10], atol=1e-3)
    direct, echoes = wet[0, 10, 0].exp(), wet[0, 11:, 0].exp().sum()
    assert 10 * math.log10(direct / echoes) == pytest.approx(0, abs=0.1)


def test_louder_sound_has_louder_echoes_and_silence_has_none() -> None:
    given, fall, ratio = hops(), torch.full((1, 1, 80), -0.3), torch.full((1, 1, 1), 3.0)
    wet = reverberated(given, FLOOR - 30, fall, ratio)
    louder = reverberated(given + 1.5, FLOOR - 30, fall, ratio)
    torch.testing.assert_close(louder, wet + 1.5, atol=1e-3, rtol=0)
    assert (wet >= given - 1e-4).all()
    silence = torch.full((2, 50, 80), FLOOR)
    torch.testing.assert_close(
        ROOM.apply(windows(2)._replace(hops=silence), SETTING, generator()).hops, silence, atol=1e-3, rtol=0
    )


def test_a_telephone_keeps_the_middle_and_nothing_at_the_ends() -> None:
    given = windows(size=50)
    changed = BandLimit(lowest_bands=0.1, highest_bands=0.3, slope_db=20, noise_db=0).apply(given, SETTING, generator())
    middle = slice(9, 55)
    torch.testing.assert_close(changed.hops[:, :, middle], given.hops[:, :, middle], atol=1e-3, rtol=0)
    lost = (changed.hops[:, :, -1] - FLOOR).mean(dim=1)
    assert lost.min() < 0.1
    noisy = BandLimit(lowest_bands=0.1, highest_bands=0.3, slope_db=20, noise_db=20).apply(given, SETTING, generator())
    assert (noisy.hops[:, :, -1] - FLOOR).mean() > lost.mean() + 0.2


def test_dropout_replaces_shares_of_hops_and_bands_by_their_mean() -> None:
    given = hops(batch=20, length=100)
    changed = FeatureDropout(hop_share=0.2, band_share=0.0)(given, FLOOR, generator()) != given
    assert changed.any(dim=2).float().mean() == pytest.approx(0.2, abs=0.03)
    assert torch.equal(changed.any(dim=2), changed.all(dim=2))
    changed = FeatureDropout(hop_share=0.0, band_share=0.1)(given, FLOOR, generator()) != given
    assert changed.any(dim=1).float().mean() == pytest.approx(0.1, abs=0.03)


SHORT = Setting(torch.zeros(2), hop_s=0.01, hops_per_frame=4, hops_before_frame=2, lookahead_frames=2)
REST = torch.tensor([0.0, 0.0, float("nan")])


def spoken(size: int = 64, length: int = 60) -> Windows:
    torch.manual_seed(1)
    given = windows(size, length)
    return given._replace(hops=torch.rand(size, 4 * length, 2) + 1, motion=torch.rand(size, length, 3))


def silenced(share: float, batch: Windows, seed: int = 0, hold_pose: bool = False) -> Windows:
    silences = Silences(share=share, min_frames=15, settle_frames=6, hold_pose=hold_pose)
    return silences(batch, REST, SHORT, generator(seed))


def quiet_frames(batch: Windows) -> torch.Tensor:
    size, length = batch.valid.shape
    return (batch.hops.reshape(size, length, -1) == 0).all(dim=2)


def test_where_nobody_speaks_the_mouth_rests_and_the_rest_of_the_face_goes_on() -> None:
    given = spoken()
    batch = silenced(1.0, given)
    quiet = quiet_frames(batch)
    assert (quiet.sum(dim=1) >= 15).all()
    assert (batch.motion[quiet][:, :2] == 0).all()
    assert torch.equal(batch.motion[..., 2], given.motion[..., 2])
    assert torch.equal(batch.motion[~quiet], given.motion[~quiet])
    loud = ~quiet.repeat_interleave(4, dim=1)
    assert torch.equal(batch.hops[loud], given.hops[loud])


def test_a_held_pose_stays_as_the_silence_found_it() -> None:
    given = spoken()
    given.valid[::2] = False
    batch = silenced(1.0, given, hold_pose=True)
    quiet = quiet_frames(batch)
    assert (batch.motion[quiet][:, :2] == 0).all()
    for row in range(len(quiet)):
        found = given.motion[row, quiet[row], 2]
        held = batch.motion[row, quiet[row], 2]
        assert torch.equal(held, found if row % 2 == 0 else found[:1].expand_as(found))  # no guessed pose is held
    assert torch.equal(batch.motion[~quiet], given.motion[~quiet])
    assert torch.equal(batch.valid, silenced(1.0, given).valid)


def test_frames_that_hear_both_speech_and_silence_do_not_count() -> None:
    batch = silenced(1.0, spoken())
    quiet = quiet_frames(batch)
    for row in range(len(quiet)):
        frames = torch.nonzero(quiet[row])[:, 0]
        begin, end = int(frames[0]), int(frames[-1]) + 1
        assert len(frames) == end - begin  # one stretch
        assert batch.valid[row, begin] == (begin == 0)  # a stream may begin with silence: nothing to settle
        if begin > 0:
            assert not batch.valid[row, max(begin - 2, 0) : begin + 6].any()
        assert not batch.valid[row, end - 2 : end + 2].any() or end == 60
    assert (quiet[:, 0]).any()
    assert (quiet & batch.valid).any(dim=1).all()


def test_silences_come_to_their_share_of_the_windows_and_follow_the_seed() -> None:
    given = spoken(size=400)
    assert torch.equal(silenced(0.0, given).hops, given.hops)
    quiet = quiet_frames(silenced(0.25, given)).any(dim=1)
    assert 0.18 < quiet.float().mean() < 0.32
    assert torch.equal(silenced(0.25, given, 3).hops, silenced(0.25, given, 3).hops)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Silences(share=2, min_frames=15, settle_frames=6, hold_pose=False), "Silences: share is 2"),
        (lambda: Silences(share=1, min_frames=0, settle_frames=6, hold_pose=False), "min_frames 0"),
        (lambda: FeatureDropout(hop_share=0.1, band_share=1.5), "band_share is 1.5"),
        (lambda: TimeShift(max_ms=-1), "max_ms is -1"),
        (lambda: Speed(slowest=1.1, fastest=0.9), "slowest 1.1 and fastest 0.9"),
        (lambda: BandLimit(lowest_bands=0.6, highest_bands=0.5, slope_db=6, noise_db=0), "a sum below 1"),
        (
            lambda: RoomResponse(shortest_s=0.0, longest_s=1.0, treble_ratio=1, direct_low_db=0, direct_high_db=9),
            "shortest_s 0.0",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


MEL = {
    "sample_rate_hz": 16_000,
    "n_mels": 80,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}


def recipe(features: FeatureExtractor, **augmentations: Augmentation | None) -> Recipe:
    return Recipe(
        features=features, lookahead_frames=2, silences=None, rest=torch.zeros(3), augmentations=augmentations
    )


def test_a_recipe_applies_its_parts_in_order_and_makes_final_features_last() -> None:
    mfcc = Mfcc(n_mfcc=13, keep_c0=True, **MEL)
    gain = GainAndTilt(gain_db=10, tilt_db=10)
    given = windows()
    changed = recipe(mfcc, gain=gain, noise=None, shift=MelShift(max_bands=2))(given, 7)
    draws = generator(7)
    expected = mfcc.finish_hops(MelShift(max_bands=2)(gain(given.hops, FLOOR, draws), FLOOR, draws))
    torch.testing.assert_close(changed.hops, expected, atol=1e-3, rtol=1e-3)


class NotMel(FeatureExtractor):
    sample_rate_hz, size, hop_s, lookahead_s, hops_before_frame, config_hash = 16_000, 4, 0.02, 0.0, 0, "0"
    config: ClassVar[dict] = {}
    silence_row = np.zeros(4, np.float32)

    def stream(self) -> FeatureStream:
        raise AssertionError


def test_augmentations_of_log_mel_refuse_other_features_by_name() -> None:
    with pytest.raises(ConfigError, match=r"data\.augmentations: gain, room change log-mel power, .* are NotMel\. Set"):
        recipe(NotMel(), gain=Sometimes(share=1, augmentation=GainAndTilt(gain_db=1, tilt_db=1)), room=ROOM)
    fitting = recipe(
        NotMel(), speed=Speed(slowest=0.9, fastest=1.1), dropout=FeatureDropout(hop_share=0.1, band_share=0)
    )
    given = windows(bands=4)._replace(hops=torch.rand(4, 60, 4))
    assert fitting(given, 0).hops.shape == (4, 60, 4)
