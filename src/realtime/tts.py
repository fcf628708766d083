"""Text to speech: what a voice is, the one built in, and any other program as a voice."""

import json
import shutil
import struct
import subprocess
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from src.data.speech import EspeakSynthesizer
from src.errors import ConfigError, StreamError
from src.realtime.intake import AudioIntake

Spoken = tuple[NDArray[np.float32], int]
"""(s,) mono samples in [-1, 1] and their rate in Hz."""


class Voice(Protocol):
    """Speaks; not for several threads at once."""

    def speak(self, text: str) -> Generator[Spoken, None, None]:
        """A sentence as sound, in pieces of one rate, as soon as they are there.

        Closing the generator stops the voice.

        Raises:
            StreamError, DataError: it can't be spoken.
        """
        ...


class EspeakVoice:
    """espeak-ng: small, quick, in a hundred languages, and plainly a machine."""

    def __init__(self, *, voice: str, variant: str, rate_wpm: int, pitch: int) -> None:
        """Arguments as of `EspeakSynthesizer.speak`.

        Raises:
            DataError: the library is missing.
        """
        self._synthesizer = EspeakSynthesizer()
        self._voice, self._variant, self._rate_wpm, self._pitch = voice, variant, rate_wpm, pitch

    def speak(self, text: str) -> Generator[Spoken, None, None]:
        """See `Voice.speak`; one piece."""
        speech = self._synthesizer.speak(
            text, voice=self._voice, variant=self._variant, rate_wpm=self._rate_wpm, pitch=self._pitch
        )
        yield speech.waveform, speech.sample_rate_hz


class CommandVoice:
    """Any program that writes a WAV file to its standard output, such as piper.

    It is started anew for every sentence and gets it on standard input, or in place of `{text}` in its arguments. What
    it writes is used as it comes.
    """

    def __init__(self, *, command: Sequence[str], timeout_s: float) -> None:
        """See the class.

        Args:
            command: program and arguments; no shell reads them.
            timeout_s: for one sentence.

        Raises:
            ConfigError: no command, or no time.
            StreamError: there is no such program.
        """
        if not command or timeout_s <= 0:
            raise ConfigError(
                f"command={list(command)} and timeout_s={timeout_s:g}: a voice needs a program and more than 0 s. "
                "Give both, such as speech.voice.command=[piper,--model,en.onnx,--output_file,-]."
            )
        if shutil.which(command[0]) is None:
            raise StreamError(
                f"the voice's program {command[0]!r} is not there. Install it, or give its whole path in "
                "speech.voice.command."
            )
        self._command, self._timeout_s = list(command), timeout_s

    def speak(self, text: str) -> Generator[Spoken, None, None]:
        """See `Voice.speak`."""
        in_arguments = any("{text}" in argument for argument in self._command)
        process = subprocess.Popen(
            [argument.replace("{text}", text) for argument in self._command],
            stdin=subprocess.DEVNULL if in_arguments else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        stop = threading.Timer(self._timeout_s, process.kill)
        complaints: list[bytes] = []
        helpers = [threading.Thread(target=_keep_end, args=(process.stderr, complaints), daemon=True)]
        if process.stdin is not None:
            helpers.append(threading.Thread(target=_feed, args=(process.stdin, text), daemon=True))
        for helper in (stop, *helpers):
            helper.start()
        try:
            assert process.stdout is not None
            num_pieces, problem = 0, ""
            try:
                for piece in read_wav(process.stdout):
                    num_pieces += 1
                    yield piece
            except StreamError as error:
                problem = str(error)
            in_time = stop.is_alive()
            code = process.wait()
            for helper in helpers:
                helper.join()
            if not in_time:
                problem = f"took longer than timeout_s={self._timeout_s:g}"
            elif code != 0:
                problem = f"ended with code {code}"
            elif not problem and not num_pieces:
                problem = "gave no sound"
            if problem:
                said = b"".join(complaints).decode("utf-8", "replace").strip().splitlines()
                raise StreamError(
                    f"the voice {self._command[0]!r} {problem} for {json.dumps(text, ensure_ascii=False)}"
                    f"{': ' + said[-1] if said else ''}. Try `{' '.join(self._command)}` by hand; it must write a WAV "
                    "file to standard output."
                )
        finally:
            stop.cancel()
            process.kill()
            process.wait()
            for helper in (stop, *helpers):
                helper.join()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def read_wav(stream: IO[bytes]) -> Iterator[Spoken]:
    """A WAV file while it is being written: its lengths are not believed, for nobody knows them yet.

    Raises:
        StreamError: something else, or samples of another kind than 16-bit or 32-bit numbers.
    """
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise StreamError(f"wrote {head!r}, which does not begin a WAV file")
    described: tuple[int, int, int, int] | None = None
    while True:
        name, length = struct.unpack("<4sI", _exactly(stream, 8))
        if name == b"data":
            break
        content = _exactly(stream, length + length % 2)
        if name == b"fmt ":
            kind, num_channels, rate_hz = struct.unpack_from("<HHI", content)
            if kind == _EXTENSIBLE and len(content) >= 26:
                kind = struct.unpack_from("<H", content, 24)[0]
            described = kind, num_channels, rate_hz, struct.unpack_from("<H", content, 14)[0]
    if described is None or (described[0], described[3]) not in _SAMPLES or not 1 <= described[1] <= 16:
        raise StreamError(f"wrote a WAV file of an unknown kind {described}; 16-bit and float samples are understood")
    kind, num_channels, rate_hz, bits = described
    dtype = np.dtype(_SAMPLES[kind, bits])
    intake, left, width = AudioIntake(sample_rate_hz=rate_hz), b"", dtype.itemsize * num_channels
    while pcm := stream.read(_READ_BYTES):
        pcm = left + pcm
        whole = len(pcm) // width * width
        pcm, left = pcm[:whole], pcm[whole:]
        samples = intake.take(np.frombuffer(pcm, dtype).reshape(-1, num_channels), rate_hz)
        if len(samples):
            yield samples, rate_hz


def sentences(text: str, longest: int = 300) -> list[str]:
    """A text in the pieces in which it is spoken; nothing that is said gets lost.

    Args:
        text: of any length. Lines that follow each other belong together, an empty line ends a sentence.
        longest: characters; a longer sentence is cut at a comma or between words, if it has any.
    """
    pieces: list[str] = []
    start = 0
    flat = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    for at, letter in enumerate(flat):
        after = flat[at + 1 : at + 2]
        if letter in _WIDE_ENDS or letter == "\n" or (letter in _ENDS and (not after or after.isspace())):
            pieces.append(flat[start : at + 1])
            start = at + 1
    pieces.append(flat[start:])
    return [part for piece in pieces for part in _parts(piece.strip(), longest) if any(map(str.isalnum, part))]


_ENDS, _WIDE_ENDS, _COMMAS = ".!?…", "。！？", ",;:，、；"
_EXTENSIBLE = 0xFFFE
_SAMPLES = {(1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4"}
_READ_BYTES = 4096


def _parts(sentence: str, longest: int) -> Iterator[str]:
    while len(sentence) > longest:
        cuts = [at for at in range(longest // 2, longest) if sentence[at] in _COMMAS]
        cuts = cuts or [at for at in range(longest // 2, longest) if sentence[at].isspace()] or [longest - 1]
        yield sentence[: cuts[-1] + 1].strip()
        sentence = sentence[cuts[-1] + 1 :].strip()
    yield sentence


def _exactly(stream: IO[bytes], num_bytes: int) -> bytes:
    content = stream.read(num_bytes)
    if len(content) < num_bytes:
        raise StreamError(f"wrote {len(content)} bytes where a WAV file has {num_bytes} more")
    return content


def _feed(stream: IO[bytes], text: str) -> None:
    try:
        with stream:
            stream.write(text.encode() + b"\n")
    except BrokenPipeError:
        return  # a program that ends before it has read all says why by its code


def _keep_end(stream: IO[bytes], kept: list[bytes]) -> None:
    for line in stream:
        kept[:] = [line] if line.strip() else kept
