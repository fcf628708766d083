"""A written text, spoken by a voice."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from src.errors import ConfigError, DataError, StreamError
from src.realtime.frame import Chunk
from src.realtime.sources.pipe import LOOK_S
from src.realtime.sources.sound_queue import SoundQueue
from src.realtime.sources.spoken import SpokenSource, put
from src.realtime.tts import Voice, sentences


class TextSource(SpokenSource):
    """A text from its first sentence to its last, with pauses between them.

    The voice works ahead: while one sentence is heard the next one is made.
    """

    def __init__(
        self,
        *,
        text: str | None,
        path: Path | str | None,
        voice: Voice,
        pause_s: float,
        chunk_ms: float,
        sample_rate_hz: int,
    ) -> None:
        """Speaks the first sentence, so that it is there when the run starts and a bad voice stops it before.

        Args:
            text: what to say; or null.
            path: a text file with it; or null.
            voice, chunk_ms, sample_rate_hz: as of `SpokenSource`.
            pause_s: between sentences, besides what the voice leaves itself.

        Raises:
            ConfigError: there is nothing to say, or it is given twice.
            DataError, StreamError: the file can't be read, or the first sentence can't be spoken.
        """
        super().__init__(voice=voice, chunk_ms=chunk_ms, sample_rate_hz=sample_rate_hz)
        if (text is None) == (path is None) or pause_s < 0:
            raise ConfigError(
                'give either text="What to say." or speech.path=<text file>, and speech.pause_s of 0 or more.'
            )
        self._sentences = sentences(_read(Path(path)) if path is not None else str(text))
        if not self._sentences:
            raise ConfigError("there are no words to speak. Write some into speech.text or the file of speech.path.")
        self._pause_s = pause_s
        self._first = list(self._pieces(self._sentences[0]))

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces, each when its last sample would have been spoken.

        Raises:
            StreamError, DataError: the voice fails.
        """
        sound = self._queue()
        worker = threading.Thread(target=self._speak_all, args=(sound,), name="voice", daemon=True)
        worker.start()
        num_given = num_ended = 0
        try:
            while (taken := sound.take(self._chunk_samples, LOOK_S)) is not None:
                num_given += len(taken.samples)
                at_s = num_given / self._rate + num_ended * self._pause_s
                yield Chunk(taken.samples, at_s, ends_segment=taken.ends_segment)
                num_ended += taken.ends_segment
        finally:
            sound.close()
            worker.join()

    def _speak_all(self, sound: SoundQueue) -> None:
        try:
            put(self._first, sound, turn=0)
            for sentence in self._sentences[1:]:
                if sound.is_closed:
                    return
                with closing(self._pieces(sentence)) as pieces:
                    put(pieces, sound, turn=0)
        except (StreamError, DataError) as error:
            sound.finish(error)
        else:
            sound.finish()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no text that can be read ({error}). Give a text file in UTF-8.") from error
