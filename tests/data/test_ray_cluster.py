"""Whoever works with Ray hears of a cluster that is not there in words of their own, and at once."""

import os

import pytest

from src.data.ray_cluster import joined, silence_ray
from src.errors import Audio2MotionError, ConfigError, DataError


@pytest.mark.parametrize(("error", "key"), [(ConfigError, "launcher.address"), (DataError, "the address")])
def test_a_cluster_that_does_not_answer_is_the_error_of_the_caller(error: type[Audio2MotionError], key: str) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'")
    with (
        pytest.raises(error, match=rf"Ray at 127.0.0.1:9 does not answer .*`ray start --head`, or correct {key}\."),
        joined(ray, "127.0.0.1:9", {}, error=error, key=key),
    ):
        raise AssertionError("nobody is there")
    assert not ray.is_initialized()


def test_there_is_no_telemetry_unless_the_environment_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    silence_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    silence_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"
