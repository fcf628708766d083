"""Places, and keys that open one session alone."""

import pytest

from src.realtime.server.visits import BusyError, Visits
from tests.realtime.server.bounds import limits


def test_places_are_taken_and_given_back() -> None:
    visits = Visits(limits(max_sessions=2, max_sessions_per_client=2))
    first, _ = visits.begin("a"), visits.begin("b")
    with pytest.raises(BusyError, match="The server is full: 2 of 2 sessions are open"):
        visits.begin("c")
    visits.end(first)
    visits.begin("c")
    assert len(visits) == 2


def test_one_client_has_no_more_than_its_share() -> None:
    visits = Visits(limits(max_sessions=9, max_sessions_per_client=2))
    visits.begin("a")
    visits.begin("a")
    with pytest.raises(BusyError, match="already have 2 sessions open"):
        visits.begin("a")
    visits.begin("b")


def test_keys_are_long_and_never_alike() -> None:
    visits = Visits(limits(max_sessions=50, max_sessions_per_client=50))
    keys = {visits.begin("a").key for _ in range(50)}
    assert len(keys) == 50
    assert min(map(len, keys)) >= 20
    assert visits.find("guessed") is None
