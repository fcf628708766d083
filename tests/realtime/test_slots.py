"""Each rule of what a slot shows, alone."""

from dataclasses import replace

import numpy as np
import pytest

from src.realtime.slots import Choice, SlotChooser, SlotRules
from src.realtime.spoken import Spoken
from src.realtime.voice import AlwaysOpen
from tests.realtime.fakes import RATE, STEP, Follower

RULES = SlotRules(hold_frames=2, frame_s=0.04, preparation_s=0.02, most_margin_s=0.12)


class Silent:
    """A voice that says nothing."""

    def push(self, samples: np.ndarray) -> None:
        pass

    def gain(self, index: int) -> float:
        return 0.0

    def reset(self) -> None:
        pass


def spoken_of(voice: AlwaysOpen | Silent, latency_samples: int = 800) -> Spoken:
    return Spoken(predictor=Follower(latency_samples), voice=voice, delay_s=0.15, capacity=10 * RATE, run_ahead=4)


def live(voice: AlwaysOpen | Silent, num_slots: int, late_s: float, stop_at: int = 10**6) -> list[Choice]:
    """Chunks of a frame, each `late_s` late; one slot after each, 150 ms behind the voice."""
    spoken, chooser, choices = spoken_of(voice), SlotChooser(RULES), []
    for number in range(num_slots):
        if number < stop_at:
            spoken.push(np.full(STEP, 0.1, np.float32), (number + 1) * 0.04 + late_s * (number > 0))
            spoken.listen()
        if number >= 2:  # the third slot after its sound: 120 ms, as a core would that draws at its latest
            choice = chooser.choose(spoken, (number - 2) * 0.04 + 0.15)
            choices.append(choice)
            if choice is Choice.SPEAK:
                spoken.take()
    return choices


def test_speech_that_comes_in_time_is_spoken() -> None:
    assert set(live(AlwaysOpen(), 300, 0.0)) == {Choice.SPEAK}


def test_a_segment_waits_for_its_time_and_that_is_rest() -> None:
    spoken, chooser = spoken_of(AlwaysOpen()), SlotChooser(RULES)
    assert chooser.choose(spoken, 0.0) is Choice.REST
    spoken.push(np.zeros(4 * STEP, np.float32), 1.0)
    spoken.listen()
    assert chooser.choose(spoken, 0.99) is Choice.REST
    assert chooser.choose(spoken, 1.0) is Choice.SPEAK


def test_sound_that_stops_is_an_underrun_and_silence_follows() -> None:
    choices = live(AlwaysOpen(), 12, 0.0, stop_at=6)
    assert choices[:6] == [Choice.SPEAK] * 6, "what was said is heard, its last motion held"
    assert set(choices[6:]) == {Choice.STARVE}


@pytest.mark.parametrize(("voice", "stretched"), [(Silent(), True), (AlwaysOpen(), False)])
def test_a_source_that_gets_later_is_given_silence_in_a_pause_only(voice: AlwaysOpen | Silent, stretched: bool) -> None:
    choices = live(voice, 200, 0.062)
    assert (Choice.STRETCH in choices) == stretched
    assert Choice.STARVE not in choices


def test_what_waits_too_long_is_left_out_in_a_pause_only() -> None:
    for voice, skipped in ((Silent(), True), (AlwaysOpen(), False)):
        spoken, chooser = spoken_of(voice), SlotChooser(RULES)
        for number in range(300):
            spoken.push(np.full(STEP, 0.1, np.float32), (number + 1) * 0.04)
            spoken.listen()
            if number >= 6 and chooser.choose(spoken, (number - 6) * 0.04 + 0.15 + 0.16) is Choice.SPEAK:
                spoken.take()
        assert (chooser.num_skipped > 0) == skipped


def test_speech_that_was_delivered_ahead_keeps_its_pauses() -> None:
    spoken, chooser = spoken_of(Silent()), SlotChooser(RULES)
    spoken.push(np.full(200 * STEP, 0.1, np.float32), 0.0)
    spoken.end_segment(0.0)
    for number in range(200):
        spoken.listen()
        assert chooser.choose(spoken, number * 0.04) is Choice.SPEAK
        spoken.take()
    assert chooser.num_skipped == 0
    assert chooser.choose(spoken, 8.0) is Choice.REST


def test_one_late_chunk_costs_latency_for_some_seconds_only() -> None:
    spoken, chooser, choices = spoken_of(Silent(), 1600), SlotChooser(replace(RULES, most_margin_s=0.05)), []
    shift = 0
    for number in range(600):
        for part in range(4):
            late_s = 0.035 if (number, part) == (150, 2) else 0.0
            spoken.push(np.full(STEP // 4, 0.1, np.float32), number * 0.04 + (part + 1) * 0.01 + late_s)
        spoken.listen()
        if number >= 3:  # the motion of a frame is known 110 ms after it, and drawn 130 ms after it
            skipped = chooser.num_skipped
            choices.append(chooser.choose(spoken, (number - 3) * 0.04 + 0.15))
            if choices[-1] is Choice.SPEAK:
                spoken.take()
            shift += (choices[-1] is Choice.STRETCH) - (chooser.num_skipped - skipped)
    assert choices.count(Choice.STRETCH) == 1
    assert chooser.num_skipped == 1
    assert shift == 0
