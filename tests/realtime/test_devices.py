"""Devices are found by number or name, opened as they like it, and what is missing is said."""

import builtins
from typing import Any

import pytest

from src.errors import StreamError
from src.realtime import devices
from src.realtime.devices import CardFormat, card_format, sound_library
from tests.realtime.sinks.fake_card import FakeLibrary

DO = "do without"


def test_the_wanted_rate_comes_first_then_the_devices_own_and_mono_before_stereo() -> None:
    assert card_format(FakeLibrary(), None, "output", (16_000,), DO) == CardFormat(3, "Fake card", 16_000, 1)
    assert card_format(FakeLibrary(), "Fake", "input", (22_050,), DO) == CardFormat(3, "Fake card", 48_000, 1)
    stereo = FakeLibrary(takes={(44_100, 2)}, own_rate_hz=44_100)
    assert card_format(stereo, 3, "output", (16_000,), DO) == CardFormat(3, "Fake card", 44_100, 2)


def test_a_machine_without_devices_says_so() -> None:
    with pytest.raises(
        StreamError,
        match=r"no sound output the system's own \(Error querying device -1\); there is none at all\. "
        r"`python -m sounddevice` lists them\. Connect or name one, or do without\.",
    ):
        card_format(FakeLibrary(missing=True), None, "output", (), DO)


def test_a_name_that_fits_nothing_gets_the_names_that_there_are() -> None:
    with pytest.raises(StreamError, match=r"no sound input 'Nope' \(No input device.*there are: 0 Fake card"):
        card_format(FakeLibrary(), "Nope", "input", (), DO)


def test_a_device_that_takes_nothing_says_why_in_a_line() -> None:
    with pytest.raises(StreamError, match=r"takes no mono or stereo sound \(Invalid sample rate\)\. Close the program"):
        card_format(FakeLibrary(takes=set()), None, "output", (16_000,), DO)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (ImportError("No module named 'sounddevice'"), r'pip install "audio2motion\[devices\]"'),
        (OSError("PortAudio library not found"), "apt-get install libportaudio2"),
    ],
)
def test_a_missing_library_says_what_to_install(
    failure: Exception, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing = builtins.__import__

    def refuses(name: str, *rest: Any, **more: Any) -> Any:
        if name == "sounddevice":
            raise failure
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuses)
    with pytest.raises(StreamError, match=advice):
        sound_library()


def test_the_real_library_is_found_where_it_is_installed() -> None:
    pytest.importorskip("sounddevice", reason="sound devices are an extra", exc_type=(ImportError, OSError))
    assert issubclass(devices.sound_library().PortAudioError, Exception)
