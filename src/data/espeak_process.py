"""The other side of `src.data.speech`: a fresh process that speaks one text with espeak-ng and ends.

espeak-ng keeps its state in C globals which no call resets (position in the pitch flutter table, noise
generators, gain control), so a second utterance in one process depends on the first, down to its
length in samples. A process per utterance is the one portable way to get the same samples each time,
makes the library's lack of thread safety harmless, and keeps a GPL library out of our process. It
costs about 30 ms, because this file needs the standard library only.

Reads one JSON object on stdin (keys of `speak`), writes one line of JSON (`sample_rate_hz`, `events`:
[[sample, symbol], ..]) and then 16-bit samples to stdout. Exit code 1 and a message on stderr if the
library refuses.
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

# Numbers from espeak-ng's public header, speak_lib.h.
SYNCHRONOUS = 2
PHONEME_EVENTS, PHONEME_IPA, DONT_EXIT = 0x0001, 0x0002, 0x8000
EVENT_LIST_TERMINATED, EVENT_PHONEME = 0, 7
RATE, PITCH = 1, 3
CHARS_UTF8 = 1


class Event(ctypes.Structure):
    """`espeak_EVENT`; its last member is a union, of which phoneme events use the 8 characters.

    A longer symbol is cut at 8 bytes, perhaps inside a character. Bytes after a zero are left over
    from earlier events.
    """

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("symbol", ctypes.c_uint64),
    )

    @property
    def text(self) -> str:
        """The symbol up to its end mark, without a character that was cut."""
        raw: bytes = int(self.symbol).to_bytes(8, sys.byteorder)
        return raw.split(b"\0")[0].decode("utf-8", "ignore")


def speak(*, library: str, data: str, voice: str, rate_wpm: int, pitch: int, text: str) -> tuple[dict[str, Any], bytes]:
    """Speak `text` once; the head line and the samples. Only the first call in a process is reproducible."""
    folder = Path(data)
    # espeak-ng refuses paths beyond 160 characters, so it gets a short one.
    os.chdir(folder.parent)
    espeak = ctypes.CDLL(library)
    samples: list[bytes] = []
    events: list[tuple[int, str]] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))
    def collect(wave: int | None, count: int, happened: Any) -> int:
        if wave and count > 0:
            samples.append(ctypes.string_at(wave, 2 * count))
        index = 0
        while happened[index].type != EVENT_LIST_TERMINATED:
            if happened[index].type == EVENT_PHONEME:
                events.append((happened[index].sample, happened[index].text))
            index += 1
        return 0

    options = PHONEME_EVENTS | PHONEME_IPA | DONT_EXIT
    sample_rate_hz = espeak.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(folder.name), options)
    if sample_rate_hz <= 0:
        raise SystemExit(f"espeak-ng can't start with the voices in {data}")
    # Initialising seeds the noise of breath and hiss with the time of day.
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
    espeak.espeak_SetSynthCallback(collect)
    if espeak.espeak_SetVoiceByName(voice.encode()) != 0:
        raise SystemExit(f"espeak-ng has no voice {voice!r}")
    espeak.espeak_SetParameter(RATE, rate_wpm, 0)
    espeak.espeak_SetParameter(PITCH, pitch, 0)
    encoded = text.encode()
    arguments = (encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, CHARS_UTF8, None, None)
    if espeak.espeak_Synth(*arguments) != 0:
        raise SystemExit("espeak-ng failed to speak the text")
    espeak.espeak_Synchronize()
    return {"sample_rate_hz": sample_rate_hz, "events": events}, b"".join(samples)


if __name__ == "__main__":
    head, pcm = speak(**json.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + pcm)
