"""Voices speak whole sentences, whoever makes the sound."""

import io
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.tts import CommandVoice, EspeakVoice, read_wav, sentences


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50 at shop.example, today.", ["It costs 3.50 at shop.example, today."]),
        ("Wait... what?!", ["Wait...", "what?!"]),
        ("a line\nthat goes on.\n\nA paragraph", ["a line that goes on.", "A paragraph"]),
        ("你好。今天天气很好！是吗？", ["你好。", "今天天气很好！", "是吗？"]),
        (" \n\n ... ! ", []),
    ],
)
def test_a_text_is_cut_into_its_sentences(text: str, spoken: list[str]) -> None:
    assert sentences(text) == spoken


def test_a_sentence_that_is_too_long_is_cut_at_a_comma_or_between_words_and_keeps_all_of_them() -> None:
    text = "one two three, four five six seven, " * 20
    parts = sentences(text, longest=60)
    assert max(map(len, parts)) <= 60
    assert " ".join(parts).split() == text.split()
    assert all(part.endswith(",") for part in parts)
    assert [len(part) for part in sentences("x" * 130, longest=60)] == [60, 60, 10]


def wav_bytes(samples: np.ndarray, rate_hz: int, channels: int = 1) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return held.getvalue()


def test_a_wav_file_of_unknown_length_is_read_as_it_comes() -> None:
    samples = np.sin(np.arange(5001) / 20) / 2
    content = bytearray(wav_bytes(samples, 22_050))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"  # as programs write that don't know yet
    pieces = list(read_wav(io.BytesIO(bytes(content))))
    assert len(pieces) > 1
    assert {rate for _, rate in pieces} == {22_050}
    np.testing.assert_allclose(np.concatenate([piece for piece, _ in pieces]), samples, atol=1e-4)


def test_stereo_is_averaged_and_something_else_is_refused() -> None:
    stereo = np.stack([np.full(100, 0.5), np.zeros(100)], axis=1).reshape(-1)
    ((piece, rate),) = read_wav(io.BytesIO(wav_bytes(stereo, 8000, channels=2)))
    assert (len(piece), rate) == (100, 8000)
    assert piece == pytest.approx(0.25, abs=1e-3)
    with pytest.raises(StreamError, match="does not begin a WAV file"):
        list(read_wav(io.BytesIO(b"ID3 and more of an mp3")))
    with pytest.raises(StreamError, match="a WAV file of an unknown kind"):
        list(read_wav(io.BytesIO(wav_bytes(stereo, 8000)[:34] + b"\x08\x00" + wav_bytes(stereo, 8000)[36:])))


SPEAKS = """
import sys, wave
text = sys.argv[1] if len(sys.argv) > 1 else sys.stdin.read().strip()
with wave.open(sys.stdout.buffer, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(22050); file._file.seek = None
    file.setnframes(100 * len(text))
    file.writeframesraw(bytes(200 * len(text)))
    file._patchheader = lambda: None
"""


def voice(code: str, *more: str, timeout_s: float = 20) -> CommandVoice:
    return CommandVoice(command=[sys.executable, "-c", code, *more], timeout_s=timeout_s)


@pytest.mark.parametrize("arguments", [(), ("{text}",)])
def test_a_program_speaks_what_it_is_told(arguments: tuple[str, ...]) -> None:
    pieces = list(voice(SPEAKS, *arguments).speak("nine char"))
    assert (sum(len(piece) for piece, _ in pieces), pieces[0][1]) == (900, 22_050)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; sys.exit('no such model')", r"ended with code 1 for \"Hi\.\": no such model\. Try `"),
        ("print('hello')", "wrote b'hello"),
        ("pass", "wrote b'', which does not begin a WAV file"),
    ],
)
def test_a_program_that_fails_says_why(code: str, problem: str) -> None:
    with pytest.raises(StreamError, match=problem):
        list(voice(code).speak("Hi."))


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(StreamError, match=r"took longer than timeout_s=0\.2"):
        list(voice("import time; time.sleep(60)", timeout_s=0.2).speak("Hi."))


def test_closing_a_voice_ends_its_program() -> None:
    endless = (
        "import sys, struct\n"
        "sys.stdout.buffer.write(b'RIFF' + b'\\xff' * 4 + b'WAVEfmt ' + struct.pack('<IHHIIHH', 16, 1, 1, 16000, 32000,"
        " 2, 16) + b'data' + b'\\xff' * 4)\n"
        "while True: sys.stdout.buffer.write(bytes(4096))\n"
    )
    num_threads = threading.active_count()
    spoken = voice(endless, timeout_s=3600).speak("For ever.")
    for _ in range(50):
        next(spoken)
    spoken.close()
    assert threading.active_count() == num_threads


def test_a_program_that_is_not_there_says_so_at_once() -> None:
    with pytest.raises(StreamError, match="'no-such-program' is not there"):
        CommandVoice(command=["no-such-program"], timeout_s=5)
    with pytest.raises(ConfigError, match="a voice needs a program"):
        CommandVoice(command=[], timeout_s=5)


def test_espeak_speaks(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng is an extra")
    ((samples, rate_hz),) = EspeakVoice(voice="en-us", variant="", rate_wpm=170, pitch=50).speak("Hello there.")
    assert rate_hz == 16_000
    assert 0.4 < len(samples) / rate_hz < 2.0
    assert np.abs(samples).max() > 0.1
