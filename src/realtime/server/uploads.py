"""Recordings from strangers: taken in pieces, cut off at the limit, decoded as sound and nothing else."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import av

from src.data.audio import MediaError, Recording, TooLongError, load_recording
from src.errors import DataError

FORMATS = "wav,w64,aiff,caf,mp3,flac,ogg,aac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2"
"""Containers that hold their own sound. FFmpeg knows others, playlists among them, that name further files to open."""


class TooLargeError(DataError):
    """An upload passed its limit."""


async def save_upload(pieces: AsyncIterator[bytes], max_bytes: int, folder: Path) -> Path:
    """Write an upload to a new file in a folder, piece by piece.

    Raises:
        TooLargeError: it is larger than allowed; no more than that was read, and nothing is left.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", delete=False) as file:
        path, size = Path(file.name), 0
        try:
            async for piece in pieces:
                size += len(piece)
                if size > max_bytes:
                    raise TooLargeError(
                        f"the recording is larger than {max_bytes / 1e6:g} MB. Send a shorter one, or compress it."
                    )
                file.write(piece)
        except BaseException:
            path.unlink()
            raise
    return path


def decode_upload(path: Path, *, sample_rate_hz: int, longest_s: float) -> Recording:
    """The sound of an uploaded file.

    Raises:
        DataError: no sound in it, of a format that is not taken, or longer than `longest_s`. The message is for the
            visitor and names no path.
    """
    try:
        _check(path)
        return load_recording(path, sample_rate_hz, longest_s=longest_s)
    except TooLongError as error:
        raise DataError(f"the recording is longer than {longest_s:g} s. Cut it, or send it in parts.") from error
    except MediaError as error:
        raise DataError(error.sentence) from error


def _check(path: Path) -> None:
    """Open a file so that FFmpeg can reach nothing but it.

    Raises:
        DataError: not one of `FORMATS`.
    """
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path), options=options, metadata_errors="ignore"):
            return
    except (av.FFmpegError, OSError) as error:
        raise DataError(
            "no recording that this page understands. Send wav, mp3, m4a, ogg, flac, webm or mp4."
        ) from error
