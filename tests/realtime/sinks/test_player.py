"""Pictures are seen when their sound is heard: with a loudspeaker, without one, in virtual time."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.devices import CardFormat
from src.realtime.sinks.player import Player
from src.realtime.sinks.speaker import Speaker, opened_speaker
from tests.realtime.sinks.fake_card import FakeLibrary, FakeStream
from tests.realtime.sinks.frames import LAYOUT, STEP, frame


@dataclass
class Room:
    """Time that passes by sleeping, a card that is asked in time, and what was seen and heard in it.

    Attributes:
        skew: seconds of the card per second of the machine, less 1.
        leaves_after: pictures that the viewer looks at.
    """

    latency_s: float = 0.03
    rate_hz: int = 16_000
    skew: float = 0.0
    leaves_after: int = 1_000_000
    now_s: float = 50.0
    card: FakeStream | None = None
    seen: list[tuple[float, int]] = field(default_factory=list)
    heard: list[tuple[float, np.ndarray]] = field(default_factory=list)
    next_block_s: float = 50.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.card is not None and self.next_block_s <= end_s:
            self.now_s = max(self.now_s, self.next_block_s)
            self.heard.append((self.now_s + self.latency_s, self.card.ask()[:, 0].copy()))
            self.next_block_s += 0.01 * (1 + self.skew)
        self.now_s = end_s

    def until(self, time_s: float) -> None:
        self.sleep(max(time_s - self.now_s, 0.0))

    def show_image(self, image: np.ndarray) -> bool:
        self.seen.append((self.now_s, int(image[0, 0, 0])))
        return len(self.seen) < self.leaves_after

    def player(self) -> Player:
        return Player(self.show_image, None, 25.0, self.clock, self.sleep)

    def with_speaker(self) -> tuple[Player, Speaker]:
        library = FakeLibrary()
        card = CardFormat(3, "Fake card", self.rate_hz, 1)
        speaker = Speaker(card, LAYOUT, self.latency_s, self.clock)
        settings = {"blocksize": self.rate_hz // 100, "channels": 1, "callback": speaker.fill}
        self.card = FakeStream(library, settings, self.latency_s)
        return Player(self.show_image, speaker, 25.0, self.clock, self.sleep), speaker

    def heard_at(self, value: float) -> float:
        """When the loudest sample near `value` was heard."""
        for start_s, block in self.heard:
            close = np.abs(block - value) < 1e-3
            if close.any():
                return start_s + float(np.argmax(close)) / self.rate_hz
        raise AssertionError(f"{value} was never heard")


def run(player: Player, room: Room, slots: range, *, turn: int = 0, lead_s: float = 0.04) -> bool:
    """Hand frames over as an engine does; slot n is due at 51 + n / 25, its sound begins and ends with a click."""
    for slot in slots:
        deadline_s = 51.0 + slot / 25
        room.until(deadline_s - lead_s)
        audio = np.full(STEP, 0.01, np.float32)
        audio[0], audio[-1] = (slot + 10) / 100, -(slot + 10) / 100
        if not player.show(frame(slot, deadline_s=deadline_s, audio=audio, level=slot, turn=turn)):
            return False
    return True


def test_without_a_loudspeaker_pictures_are_seen_at_their_deadline() -> None:
    room = Room()
    assert run(room.player(), room, range(5))
    assert [level for _, level in room.seen] == [0, 1, 2, 3, 4]
    assert [time_s for time_s, _ in room.seen] == pytest.approx([51 + slot / 25 for slot in range(5)])


def test_pictures_that_come_late_are_shown_at_once_and_the_newest_wins() -> None:
    room = Room()
    player = room.player()
    assert player.show(frame(0, deadline_s=51.0, level=0))
    room.until(51.5)
    assert player.show(frame(1, deadline_s=51.04, level=1))
    assert room.seen[-1] == (51.5, 1)


@pytest.mark.parametrize(("latency_s", "rate_hz"), [(0.005, 16_000), (0.03, 16_000), (0.12, 16_000), (0.03, 48_000)])
def test_pictures_are_seen_when_their_sound_is_heard(latency_s: float, rate_hz: int) -> None:
    room = Room(latency_s=latency_s, rate_hz=rate_hz)
    player, speaker = room.with_speaker()
    assert run(player, room, range(30))
    player.finish()
    for slot in range(30):
        seen_s = next(time_s for time_s, level in room.seen if level == slot)
        if rate_hz == 16_000:
            assert seen_s == pytest.approx(room.heard_at((slot + 10) / 100), abs=0.002)
        assert seen_s == pytest.approx(51 + slot / 25 + speaker.delay_s, abs=0.012)
    assert not any(speaker.counts.values())


@pytest.mark.parametrize("rate_hz", [16_000, 48_000, 44_100])
def test_every_sample_is_heard_once(rate_hz: int) -> None:
    room = Room(rate_hz=rate_hz)
    player, _ = room.with_speaker()
    run(player, room, range(25))
    player.finish()
    heard = np.concatenate([block for _, block in room.heard])
    loud = np.flatnonzero(np.abs(heard) > 0.005)
    assert loud[-1] - loud[0] + 1 == pytest.approx(25 * STEP * rate_hz / 16_000, abs=rate_hz * 0.003)
    if rate_hz == 16_000:
        assert heard.sum() == pytest.approx(0.01 * 25 * (STEP - 2), 1e-4)


def test_pictures_follow_a_card_whose_clock_is_slow() -> None:
    room = Room(skew=0.005)  # 20 times worse than any card
    player, speaker = room.with_speaker()
    run(player, room, range(80), lead_s=0.0)
    player.finish()
    for slot in (0, 40, 75):
        seen_s = next(time_s for time_s, level in room.seen if level == slot)
        assert seen_s == pytest.approx(room.heard_at((slot + 10) / 100), abs=0.012)
    assert speaker.counts["samples left out because they were late"] == 0


def test_what_is_heard_is_told_without_the_constant_delay_of_the_card() -> None:
    room = Room(latency_s=0.12)
    player, _ = room.with_speaker()
    assert player.played_s() is None
    run(player, room, range(20))
    assert player.played_s() == pytest.approx(room.now_s - 51.0, abs=0.002)
    assert room.player().played_s() is None


def test_an_interruption_forgets_pictures_and_sound_and_the_new_turn_is_on_time() -> None:
    room = Room(latency_s=0.03)
    player, _ = room.with_speaker()
    run(player, room, range(10))
    last_seen = room.seen[-1][1]
    player.flush()
    run(player, room, range(12, 20), turn=1)
    player.finish()
    seen = [level for _, level in room.seen]
    assert seen[seen.index(last_seen) + 1] == 12
    assert room.heard_at(0.23) == pytest.approx(51 + 13 / 25 + 0.02, abs=0.012)  # slot 12 begins softly
    with pytest.raises(AssertionError, match="never heard"):
        room.heard_at(-0.19)  # slot 9 had not reached the card


def test_the_viewer_who_leaves_ends_it_and_nothing_is_waited_for() -> None:
    room = Room(leaves_after=3)
    player, _ = room.with_speaker()
    assert not run(player, room, range(10))
    left_s = room.now_s
    player.finish()
    assert (len(room.seen), room.now_s) == (3, left_s)


def test_a_card_that_asks_for_nothing_any_more_is_an_error() -> None:
    room = Room()
    player, _ = room.with_speaker()
    run(player, room, range(3))
    room.card = None
    with pytest.raises(StreamError, match=r"'Fake card' has taken nothing for 3 s: it was unplugged.*sink\.device"):
        run(player, room, range(3, 200))


def test_frames_of_a_computed_clock_are_refused() -> None:
    with pytest.raises(StreamError, match="clock=wall, or write a file"):
        Room(now_s=100_000.0).player().show(frame(0, deadline_s=0.0))


def test_a_loudspeaker_is_opened_as_it_likes_it_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary(takes={(48_000, 2)})
    monkeypatch.setattr("src.realtime.sinks.speaker.sound_library", lambda: library)
    with opened_speaker(None, "low", LAYOUT, "do without", clock=lambda: 0.0) as speaker:
        (stream,) = library.streams
        assert stream.active
        speaker.play(frame(0, deadline_s=0.0, audio=np.full(STEP, 0.5, np.float32)))
        block = np.concatenate([stream.ask() for _ in range(5)])
        assert block.shape == (5 * 480, 2)
        np.testing.assert_array_equal(block[:, 0], block[:, 1])
        assert block.max() == pytest.approx(0.5, abs=0.1)
    assert stream.closed


def test_a_loudspeaker_that_does_not_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary(faults={"stalls"})
    monkeypatch.setattr("src.realtime.sinks.speaker.sound_library", lambda: library)
    monkeypatch.setattr("src.realtime.sinks.speaker.LOST_AFTER_S", 0.01)
    with (
        pytest.raises(StreamError, match="is open and plays nothing.*sink.device, or do without"),
        opened_speaker(None, "low", LAYOUT, "do without"),
    ):
        pass
    assert library.streams[0].closed


def test_a_loudspeaker_that_does_not_open_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    library.refusal = library.PortAudioError("Device unavailable")
    monkeypatch.setattr("src.realtime.sinks.speaker.sound_library", lambda: library)
    with (
        pytest.raises(StreamError, match=r"'Fake card' does not open \(Device unavailable\).*or do without"),
        opened_speaker(None, "low", LAYOUT, "do without"),
    ):
        pass
