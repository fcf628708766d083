"""Threads that end together, and waiting that notices it."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

LOOK_S = 0.1
"""How often an idle thread looks whether another one has failed."""

NOTHING = object()
"""What `get` gives when nothing came in time; None is a message of its own: the end."""


class Crew:
    """A few threads: the first failure stops all of them, and `join` raises it in the caller's thread."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._failure: BaseException | None = None

    @property
    def stopping(self) -> bool:
        """Threads end as soon as they see it."""
        return self._stop.is_set()

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread of its own."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, whatever it is
                self._failure = self._failure or error
                self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the stop. Negative is not at all."""
        self._stop.wait(max(seconds, 0.0))

    def put(self, mailbox: "queue.Queue[Any]", item: object, timeout_s: float | None = None) -> bool:
        """Put an item into a full queue when it has room; False when stopped or out of time before that."""
        begin_s = time.monotonic()
        while not self.stopping:
            try:
                mailbox.put(item, timeout=LOOK_S)
                return True
            except queue.Full:
                if timeout_s is not None and time.monotonic() - begin_s > timeout_s:
                    return False
        return False

    def stop(self) -> None:
        """Ask all threads to end, and wait until they have."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def join(self) -> None:
        """`stop`, then raise the first failure, if any."""
        self.stop()
        if self._failure is not None:
            raise self._failure


def get(mailbox: "queue.Queue[Any]", timeout_s: float) -> Any:
    """The next item of a queue, or `NOTHING` when none came in time."""
    try:
        return mailbox.get(timeout=timeout_s) if timeout_s > 0 else mailbox.get_nowait()
    except queue.Empty:
        return NOTHING
