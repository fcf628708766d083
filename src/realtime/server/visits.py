"""Which sessions there are, and whether there is room for another."""

import secrets
from dataclasses import dataclass, field

from src.errors import StreamError
from src.realtime.server.limits import Limits
from src.realtime.server.live import Live


class BusyError(StreamError):
    """No room for another session now."""


@dataclass(eq=False)
class Visit:
    """A session and whose it is.

    Attributes:
        client: address of the visitor.
        is_sending: an upload is being taken; one at a time.
        key: can't be guessed, so it opens the session to its page alone.
        live: the session, once it has begun.
    """

    client: str
    is_sending: bool = False
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    live: Live | None = None


class Visits:
    """All sessions, within the limits. For one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._visits: dict[str, Visit] = {}

    def __len__(self) -> int:
        return len(self._visits)

    def begin(self, client: str) -> Visit:
        """Take a place, before anything costly is done.

        Raises:
            BusyError: there is none.
        """
        if len(self._visits) >= self._limits.max_sessions:
            raise BusyError(
                f"The server is full: {len(self._visits)} of {self._limits.max_sessions} sessions are open. Try again "
                "in a minute."
            )
        own = sum(visit.client == client for visit in self._visits.values())
        if own >= self._limits.max_sessions_per_client:
            raise BusyError(
                f"You already have {own} {'session' if own == 1 else 'sessions'} open. Close another tab of this page "
                "and try again."
            )
        visit = Visit(client)
        self._visits[visit.key] = visit
        return visit

    def find(self, key: str) -> Visit | None:
        """The visit of that key, if it has not ended."""
        return self._visits.get(key)

    def end(self, visit: Visit) -> None:
        """Give the place back."""
        del self._visits[visit.key]
