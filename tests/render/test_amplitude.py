"""How far an avatar moves, channel by channel, in both vocabularies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, Motion, core7_of
from src.render.amplitude import scaled
from src.render.avatar_settings import ChannelAmplitude

ONES = np.ones(CORE7.size, np.float32)


def factors(**given: float) -> np.ndarray:
    return np.array([given.get(name, 1.0) for name in CORE7.names], np.float32)


def frames(spec_size: int) -> np.ndarray:
    spec = CORE7 if spec_size == CORE7.size else ARKIT55
    return np.random.default_rng(0).uniform(spec.minimum, spec.maximum, (20, spec.size)).astype(np.float32)


def test_the_package_has_a_factor_for_each_channel() -> None:
    assert tuple(ChannelAmplitude.model_fields) == CORE7.names


@pytest.mark.parametrize("size", [CORE7.size, ARKIT55.size])
def test_a_factor_of_one_changes_nothing(size: int) -> None:
    np.testing.assert_array_equal(scaled(frames(size), ONES), frames(size))


@settings(max_examples=50)
@given(st.lists(st.floats(0, 2, width=32), min_size=7, max_size=7))
def test_each_channel_has_its_own_factor_inside_its_range(given_factors: list[float]) -> None:
    values = frames(CORE7.size)
    wanted = np.clip(values * np.array(given_factors, np.float32), CORE7.minimum, CORE7.maximum)
    np.testing.assert_allclose(scaled(values, given_factors), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", CORE7.names)
@pytest.mark.parametrize("factor", [0.0, 0.4])
def test_blendshapes_move_what_core7_sees_of_them_by_its_factor(name: str, factor: float) -> None:
    values = frames(ARKIT55.size) * 0.3  # far from the ends, where ranges would bend the line
    if name in ("mouth_wide", "mouth_narrow"):  # halves of one movement: leave only this half
        other = "Pucker Funnel" if name == "mouth_wide" else "Smile Stretch"
        values[:, [i for i, shape in enumerate(ARKIT55.names) if any(part in shape for part in other.split())]] = 0
    before, after = (core7_of(Motion(v, ARKIT55)).values for v in (values, scaled(values, factors(**{name: factor}))))
    wanted = before * factors(**{name: factor})
    np.testing.assert_allclose(after, wanted, atol=1e-5)
    assert np.ptp(before[:, CORE7.index(name)]) > 0


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(RenderError, match=r"motion frame of shape \(9,\) .* expected 7 values of core7"):
        scaled(np.zeros(9), ONES)
