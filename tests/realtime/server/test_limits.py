"""Bounds are numbers above 0, and a rate is kept for each client alone."""

import pytest

from src.errors import ConfigError
from src.realtime.server.limits import MOST_CLIENTS, RateLimit
from tests.realtime.server.bounds import limits


@pytest.mark.parametrize("name", ["max_sessions", "max_upload_mb", "idle_timeout_s", "max_messages_per_s"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_bound_that_bounds_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"limits.{name}="):
        limits(**{name: value})


def test_a_burst_is_let_through_and_then_the_rate_holds() -> None:
    rate = RateLimit(per_second=2, burst=3)
    assert [rate.allows("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert rate.allows("a", 0.4) is False
    assert rate.allows("a", 0.5) is True
    assert rate.allows("a", 0.6) is False


def test_one_client_does_not_use_up_the_rate_of_another() -> None:
    rate = RateLimit(per_second=1, burst=1)
    assert rate.allows("a", 0.0)
    assert not rate.allows("a", 0.0)
    assert rate.allows("b", 0.0)


def test_a_quiet_client_saves_no_more_than_a_burst() -> None:
    rate = RateLimit(per_second=1, burst=2)
    assert rate.allows("a", 0.0)
    assert [rate.allows("a", 1e6) for _ in range(3)] == [True, True, False]


def test_a_million_addresses_need_the_memory_of_a_few_thousand() -> None:
    rate = RateLimit(per_second=1, burst=1)
    for number in range(MOST_CLIENTS + 100):
        rate.allows(str(number), 0.0)
    assert len(rate._levels) == MOST_CLIENTS
    assert rate.allows("0", 0.0)  # forgotten, so it begins anew
