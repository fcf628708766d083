"""Ray as all who work on a cluster come to it: without telemetry, started here or joined, and left as it was found."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from src.errors import Audio2MotionError

_CONNECT_TIMEOUT_S = 10.0


def silence_ray() -> None:
    """Set what Ray reads when it is imported, so call it before; what the environment says already stays."""
    # No telemetry: what is made here is nobody else's business. The other one only silences a warning.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


@contextmanager
def joined(
    ray: ModuleType, address: str | None, settings: dict[str, Any], *, error: type[Audio2MotionError], key: str
) -> Iterator[None]:
    """Be connected; a connection that was there before is used, and stays.

    Args:
        ray: the package.
        address: of a running cluster, `auto`, `<host>:<port>` or `ray://<host>:<port>`; None starts Ray on this
            machine, and stops it.
        settings: of `ray.init`.
        error: what it is to the caller if nobody answers.
        key: what to correct then.

    Raises:
        Audio2MotionError: as `error`; says why nobody answers, and how to start Ray.
    """
    ours = not ray.is_initialized()
    if ours:
        try:
            _check_reachable(address)
            # "local" and not None, which would join whatever cluster the environment variable RAY_ADDRESS names.
            ray.init(address=address or "local", **settings)
        except (OSError, RuntimeError, ValueError, ImportError) as reason:
            raise error(
                f"Ray at {address or 'this machine'} does not answer ({reason}). Start it with `ray start --head`, or "
                f"correct {key}."
            ) from reason
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Ask whether anybody listens at an address: Ray itself goes on trying for many minutes."""
    host, colon, port = (address or "").rpartition("://")[2].partition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT_S).close()
