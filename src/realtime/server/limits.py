"""How much of the server one visitor, one session and one message may take."""

import math
from dataclasses import dataclass, fields

from src.errors import ConfigError

MOST_CLIENTS = 4096
"""Clients whose rate is remembered; above it those that were quiet for longest are forgotten."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All bounds of the server.

    Attributes:
        max_sessions: faces that talk at once, in all.
        max_sessions_per_client: of these, for one address.
        max_loaded_avatars: avatars that stay prepared; above it the one not used for longest is let go.
        max_upload_mb: size of an uploaded recording, in millions of bytes.
        max_recording_s: length of an uploaded recording, and of a spoken text.
        max_waiting: texts and recordings that may wait in a session for their turn.
        max_text_chars: length of a text to speak.
        max_message_kb: size of one message on the socket, in thousands of bytes.
        max_messages_per_s: messages on the socket of one session; above it the session ends.
        max_requests_per_min: requests of one address, pages and pictures included.
        max_session_s: a session ends after this long.
        idle_timeout_s: a session ends when nobody said anything for this long.
    """

    max_sessions: int
    max_sessions_per_client: int
    max_loaded_avatars: int
    max_upload_mb: float
    max_recording_s: float
    max_waiting: int
    max_text_chars: int
    max_message_kb: float
    max_messages_per_s: float
    max_requests_per_min: float
    max_session_s: float
    idle_timeout_s: float

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"limits.{name}={value} must be a number above 0. Correct it.")

    @property
    def max_upload_bytes(self) -> int:
        """`max_upload_mb` in bytes."""
        return round(self.max_upload_mb * 1e6)

    @property
    def max_message_bytes(self) -> int:
        """`max_message_kb` in bytes."""
        return round(self.max_message_kb * 1e3)


class RateLimit:
    """So many events a second for each client, with a reserve for bursts; the caller hands in the time.

    The bucket of a client holds `burst` events and refills at `per_second`.
    """

    def __init__(self, *, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._levels: dict[str, tuple[float, float]] = {}

    def allows(self, client: str, now_s: float) -> bool:
        """Count one event of a client; False when it is one too many."""
        level, then_s = self._levels.pop(client, (self._burst, now_s))
        level = min(level + max(now_s - then_s, 0.0) * self._per_second, self._burst)
        allowed = level >= 1
        self._levels[client] = (level - allowed, now_s)  # at the end: the dict is in the order of last use
        while len(self._levels) > MOST_CLIENTS:
            del self._levels[next(iter(self._levels))]
        return allowed
