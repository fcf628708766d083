"""Finding microphones and loudspeakers, and saying what is missing when there are none.

PortAudio does the work, through the package `sounddevice`; both are needed only for devices.
"""

from dataclasses import dataclass
from typing import Any, Literal

from src.errors import StreamError

Kind = Literal["input", "output"]

LOST_AFTER_S = 3.0
"""A card that asks for nothing and gives nothing for so long is gone; PulseAudio takes up to two seconds to start."""


@dataclass(frozen=True)
class CardFormat:
    """How a device is opened: its number, what people call it, rate and channels that it takes."""

    index: int
    name: str
    sample_rate_hz: int
    num_channels: int


def sound_library() -> Any:
    """The module `sounddevice`.

    Raises:
        StreamError: it or PortAudio is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise StreamError(
            f'the package sounddevice is missing ({error}). Install it with `pip install "audio2motion[devices]"`.'
        ) from error
    except OSError as error:
        raise StreamError(
            f"the library PortAudio is missing ({error}). Install it: `apt-get install libportaudio2` on Debian "
            "and Ubuntu, `dnf install portaudio` on Fedora, `brew install portaudio` on macOS."
        ) from error
    return sounddevice


def card_format(
    library: Any, device: int | str | None, kind: Kind, rates_hz: tuple[int, ...], remedy: str
) -> CardFormat:
    """The device, and the first format that it takes.

    Args:
        library: as of `sound_library`.
        device: number or part of the name; None for the system's own.
        kind: what it is for.
        rates_hz: wanted sample rates, best first; the device's own comes after them.
        remedy: what else can be done, for messages.

    Raises:
        StreamError: there is no such device, or it takes none of the formats.
    """
    wanted = "the system's own" if device is None else repr(device)
    try:
        found = library.query_devices(device, kind)
    except (library.PortAudioError, ValueError) as error:
        there = ", ".join(
            f"{number} {entry['name']}"
            for number, entry in enumerate(library.query_devices())
            if entry[f"max_{kind}_channels"] > 0
        )
        raise StreamError(
            f"no sound {kind} {wanted} ({_short(error)}); there {f'are: {there}' if there else 'is none at all'}. "
            f"`python -m sounddevice` lists them. Connect or name one, or {remedy}."
        ) from error
    check = library.check_input_settings if kind == "input" else library.check_output_settings
    refusal: Exception | None = None
    for rate_hz in dict.fromkeys((*rates_hz, round(found["default_samplerate"]))):
        for num_channels in (1, 2):
            try:
                check(device=found["index"], channels=num_channels, dtype="float32", samplerate=rate_hz)
            except library.PortAudioError as error:
                refusal = refusal or error
                continue
            return CardFormat(found["index"], found["name"], rate_hz, num_channels)
    assert refusal is not None
    raise StreamError(
        f"the sound {kind} {found['name']!r} takes no mono or stereo sound ({_short(refusal)}). Close the program that "
        f"holds it, name another one, or {remedy}."
    ) from refusal


def _short(error: Exception) -> str:
    """The first line: PortAudio's messages go on with tables."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
