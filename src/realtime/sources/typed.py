"""Lines typed at a terminal or written by another program, each spoken as it comes."""

import logging
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

from src.errors import DataError, StreamError
from src.realtime.frame import Chunk
from src.realtime.sources.pipe import CAN_STOP, LOOK_S, piped
from src.realtime.sources.sound_queue import NOTHING, SoundQueue
from src.realtime.sources.spoken import SpokenSource, put
from src.realtime.tts import sentences

logger = logging.getLogger(__name__)

MOST_LINES = 100
"""Not spoken yet; then whoever writes waits."""


class TypedSource(SpokenSource):
    """Standard input, line by line, until it ends. An empty line interrupts: what was not heard yet is forgotten."""

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces as they are made; nothing in them while nothing is typed.

        Raises:
            StreamError: there is no standard input.
        """
        if sys.stdin is None or sys.stdin.closed:
            raise StreamError("standard input is closed. Start it from a terminal, or pipe text into it.")
        sound, lines = self._queue(), queue.Queue[tuple[int, str] | None](MOST_LINES)
        reader = threading.Thread(target=self._read, args=(sys.stdin.fileno(), sound, lines), name="typed", daemon=True)
        worker = threading.Thread(target=self._speak_lines, args=(sound, lines), name="voice", daemon=True)
        for thread in (reader, worker):
            thread.start()
        try:
            yield Chunk(NOTHING, at_s=None)  # the face is there before the first word
            while (taken := sound.take(self._chunk_samples, LOOK_S)) is not None:
                yield Chunk(taken.samples, None, ends_segment=taken.ends_segment, clears=taken.clears)
        finally:
            sound.close()
            if CAN_STOP:
                reader.join()
                worker.join()

    def _read(self, descriptor: int, sound: SoundQueue, lines: "queue.Queue[tuple[int, str] | None]") -> None:
        """The thread of the keyboard."""
        typed = b""
        for content in piped(descriptor, 4096, lambda: sound.is_closed):
            *whole, typed = (typed + content).split(b"\n")
            for line in whole:
                self._enter(line.decode("utf-8", "replace").strip(), sound, lines)
        self._enter(typed.decode("utf-8", "replace").strip(), sound, lines, interrupts=False)
        _put(None, sound, lines)

    def _enter(
        self,
        line: str,
        sound: SoundQueue,
        lines: "queue.Queue[tuple[int, str] | None]",
        *,
        interrupts: bool = True,
    ) -> None:
        if line:
            _put((sound.num_cleared, line), sound, lines)
        elif interrupts:
            sound.clear()

    def _speak_lines(self, sound: SoundQueue, lines: "queue.Queue[tuple[int, str] | None]") -> None:
        """The thread of the voice."""
        while not sound.is_closed:
            try:
                entered = lines.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if entered is None:
                break
            turn, line = entered
            for sentence in sentences(line):
                if sound.is_closed or turn != sound.num_cleared:
                    break
                try:
                    with closing(self._pieces(sentence)) as pieces:
                        put(pieces, sound, turn)
                except (StreamError, DataError) as error:  # the next line may be better
                    logger.warning("not spoken: %s", error)
        sound.finish()


def _put(item: tuple[int, str] | None, sound: SoundQueue, lines: "queue.Queue[tuple[int, str] | None]") -> None:
    while not sound.is_closed:
        try:
            lines.put(item, timeout=LOOK_S)
        except queue.Full:
            continue
        return
