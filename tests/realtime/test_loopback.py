"""What only this machine can reach is told from what others can."""

import pytest

from src.realtime.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_addresses_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "", "localhost.example.org"])
def test_everything_else_is_open_to_others(host: str) -> None:
    assert not is_loopback(host)
