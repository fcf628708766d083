import numpy as np
import pytest

from src.errors import ConfigError
from src.eval.accumulators import DECIBEL, POOLED_THROUGH, ClipPool, IntensityPool
from src.eval.landmark_metrics import LVE_ROOT, lve_root
from src.eval.metrics import PEARSON_R, Measurement
from src.eval.perceptual_metrics import slcc
from src.eval.picture_metrics import PSNR

SPEAKERS = ("anna", "ben")


def of(value: float | None, reason: str = "") -> Measurement:
    return Measurement(PEARSON_R, value, reason)


def test_clips_are_pooled_by_their_weights() -> None:
    pool = ClipPool(SPEAKERS)
    pool.update(of(1.0), 1.0, "anna")
    pool.update(of(4.0), 3.0, "ben")
    pool.update(of(None, "too short"), 9.0, "ben")
    assert pool.compute().item() == pytest.approx(3.25)
    found = pool.estimate(draws=100, seed=0)
    assert found.value == pytest.approx(3.25)
    assert (found.clips, found.speakers) == (2, 2)
    assert pool.reasons == {"too short": 1}


def test_two_processes_give_what_one_gives_that_saw_all_clips() -> None:
    values = np.random.default_rng(0).normal(size=20)
    whole, halves = ClipPool(SPEAKERS), [ClipPool(SPEAKERS), ClipPool(SPEAKERS)]
    for number, value in enumerate(values):
        for pool in (whole, halves[number % 2]):
            pool.update(of(float(value)), 1.0 + number, SPEAKERS[number % 3 == 0])
    halves[0].merge_state(halves[1])
    merged, wanted = (pool.estimate(draws=200, seed=0) for pool in (halves[0], whole))
    assert halves[0].compute().item() == pytest.approx(whole.compute().item())
    assert (merged.value, merged.low, merged.high) == pytest.approx((wanted.value, wanted.low, wanted.high))


def test_without_a_value_the_commonest_reason_is_given() -> None:
    pool = ClipPool(SPEAKERS)
    for reason in ("no blinks", "too short", "no blinks"):
        pool.update(of(None, reason), 1.0, "anna")
    found = pool.estimate(draws=10, seed=0)
    assert (found.value, found.reason) == (None, "no blinks")
    assert np.isnan(pool.compute().item())


def test_the_root_of_lve_is_taken_of_all_frames_together() -> None:
    generator = np.random.default_rng(1)
    clips = [generator.normal(size=(frames, 5, 3)) for frames in (20, 60)]
    pool = ClipPool(SPEAKERS, POOLED_THROUGH[LVE_ROOT.id])
    for points, speaker in zip(clips, SPEAKERS, strict=True):
        pool.update(lve_root(points, np.zeros_like(points)), len(points), speaker)
    together = np.concatenate(clips)
    assert pool.compute().item() == pytest.approx(lve_root(together, np.zeros_like(together)).value)


def test_psnr_is_pooled_as_the_squared_error_and_its_interval_stays_in_order() -> None:
    pool = ClipPool(SPEAKERS, DECIBEL)
    for decibel, speaker in zip((20.0, 40.0), SPEAKERS, strict=True):  # squared errors of 0.01 and 0.0001
        pool.update(Measurement(PSNR, decibel), 1.0, speaker)
    found = pool.estimate(draws=500, seed=0)
    assert found.value == pytest.approx(-10.0 * np.log10(0.00505))
    assert found.low == pytest.approx(20.0)
    assert found.high == pytest.approx(40.0)


def test_slcc_of_the_pool_is_that_of_the_function_and_lies_in_its_interval() -> None:
    generator = np.random.default_rng(2)
    speakers = [f"speaker{number % 4}" for number in range(40)]
    speech = generator.normal(size=40) + 5.0
    lips = speech + generator.normal(size=40)
    pool = IntensityPool(speakers)
    for row in zip(lips, speech, speakers, strict=True):
        pool.update(*row)
    wanted = slcc(lips, speech, speakers).value
    found = pool.estimate(draws=500, seed=0)
    assert pool.compute().item() == pytest.approx(wanted)
    assert found.value == pytest.approx(wanted)
    assert (found.clips, found.speakers) == (40, 4)
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_slcc_of_too_few_clips_is_none_with_its_reason() -> None:
    pool = IntensityPool(SPEAKERS)
    for number in range(5):
        pool.update(float(number), float(number), "anna")
    found = pool.estimate(draws=10, seed=0)
    assert found.value is None
    assert "5 clips of speakers with several, 10 are needed" in found.reason


def test_a_reset_pool_has_forgotten_all_clips() -> None:
    pool = ClipPool(SPEAKERS)
    pool.update(of(1.0), 1.0, "anna")
    pool.reset()
    assert pool.estimate(draws=10, seed=0).reason == "no clips"


def test_a_speaker_who_was_not_named_is_refused() -> None:
    with pytest.raises(ConfigError, match="speaker 'eve' is none of the 2"):
        ClipPool(SPEAKERS).update(of(1.0), 1.0, "eve")
