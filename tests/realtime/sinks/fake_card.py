"""A sound library with one card that is turned by hand, in virtual time."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np


class PortAudioError(Exception):
    pass


@dataclass
class FakeStream:
    """An opened card: `turn` calls its callback for the next block."""

    library: "FakeLibrary"
    settings: dict[str, Any]
    latency: float = 0.03
    active: bool = False
    closed: bool = False
    plays: bool = False

    def start(self) -> None:
        if "does not start" in self.library.faults:
            raise PortAudioError("Unanticipated host error")
        self.active = True
        if "stalls" not in self.library.faults and "callback" in self.settings and self.plays:
            for _ in range(30):
                self.ask()

    def close(self) -> None:
        self.active, self.closed = False, True

    def __enter__(self) -> "FakeStream":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self) -> np.ndarray:
        """The next block of an output, (s, channels)."""
        size = self.settings["blocksize"]
        out = bytearray(4 * size * self.settings["channels"])
        times = SimpleNamespace(outputBufferDacTime=100.0 + self.latency, currentTime=100.0)
        self.settings["callback"](out, size, times, None)
        return np.frombuffer(out, np.float32).reshape(size, -1)

    def say(self, samples: np.ndarray) -> None:
        """A block of an input, (s, channels)."""
        self.settings["callback"](samples.astype(np.float32).tobytes(), len(samples), None, None)


@dataclass
class FakeLibrary:
    """Stands in for `sounddevice`.

    `takes` says which (rate, channels) the card takes; `refusal` is raised when it is opened; with the fault `stalls`
    it never asks for sound by itself, with `does not start` it does not start.
    """

    takes: set[tuple[int, int]] = field(default_factory=lambda: {(48_000, 1), (48_000, 2), (16_000, 1)})
    own_rate_hz: int = 48_000
    refusal: Exception | None = None
    missing: bool = False
    faults: set[str] = field(default_factory=set)
    streams: list[FakeStream] = field(default_factory=list)
    PortAudioError: type[Exception] = PortAudioError

    def query_devices(self, device: object = None, kind: str | None = None) -> Any:
        entry = {"index": 3, "name": "Fake card", "default_samplerate": float(self.own_rate_hz)}
        entry |= {"max_input_channels": 1, "max_output_channels": 2}
        if kind is None:
            return [] if self.missing else [entry]
        if self.missing:
            raise PortAudioError("Error querying device -1")
        if device not in (None, 3, "Fake"):
            raise ValueError(f"No {kind} device matching {device!r}")
        return entry

    def check_output_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        if (samplerate, channels) not in self.takes:
            raise PortAudioError("Invalid sample rate\nand a long table")

    check_input_settings = check_output_settings

    def RawInputStream(self, **settings: Any) -> FakeStream:  # noqa: N802
        if self.refusal is not None:
            raise self.refusal
        self.streams.append(FakeStream(self, settings))
        return self.streams[-1]

    def RawOutputStream(self, **settings: Any) -> FakeStream:  # noqa: N802
        stream = self.RawInputStream(**settings)
        stream.plays = True
        return stream
