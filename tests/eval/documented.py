"""What every metric has to say about itself, where it is defined and in the docstring of its function."""

from collections.abc import Callable

from src.eval.metrics import Metric


def assert_documented(metric: Metric, function: Callable) -> None:
    """The docstring names id and version, definition and source; the metric has a definition and a source."""
    text = function.__doc__ or ""
    assert f"`{metric.id}`" in text
    assert f"version {metric.version}" in text
    assert "Definition:" in text
    assert "Source:" in text
    assert metric.definition
    assert metric.source
