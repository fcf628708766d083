"""Sound and pictures as WebRTC carries them, stamped with their time on the timeline of the session.

VP8 at its fastest and Opus: 1.2 ms of one core for a picture of 512 x 512 (`docs/realtime.md`). Both are encoded
here and not by aiortc, because a packet that is ready can leave exactly when it is due, and the sender reports, which
say what time a time stamp means, are taken when packets leave: the time that encoding takes would move the pictures.
"""

from fractions import Fraction

import av
import cv2
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

VIDEO_CLOCK_HZ = 90_000
PACKET_S = 0.02
KEY_PICTURE, NEXT_PICTURE = av.video.frame.PictureType.I, av.video.frame.PictureType.NONE


class PictureEncoder:
    """VP8 without look-ahead: each picture gives its packet at once.

    Args (of the constructor):
        width, height: of all pictures, even.
        fps: for the control of the bit rate.
        kbps: bit rate; may be changed later, which costs a key picture.
    """

    def __init__(self, *, width: int, height: int, fps: float, kbps: float) -> None:
        self._width, self._height, self._fps = width, height, fps
        self._codec = self._opened(kbps)
        self.kbps = kbps

    def set_kbps(self, kbps: float) -> None:
        """Begin anew with another bit rate."""
        self._codec = self._opened(kbps)
        self.kbps = kbps

    def encode(self, image: NDArray[np.uint8], time_s: float, *, key: bool) -> Packet:
        """Encode the next picture.

        Args:
            image: (H, W, 3) RGB.
            time_s: on the timeline; grows from call to call.
            key: make it readable without those before it.
        """
        planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = round(time_s * VIDEO_CLOCK_HZ), Fraction(1, VIDEO_CLOCK_HZ)
        frame.pict_type = KEY_PICTURE if key else NEXT_PICTURE
        (packet,) = self._codec.encode(frame)
        packet.pts, packet.time_base = frame.pts, frame.time_base
        return packet

    def _opened(self, kbps: float) -> VideoCodecContext:
        codec = av.CodecContext.create("libvpx", "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = self._width, self._height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, VIDEO_CLOCK_HZ), Fraction(self._fps)
        codec.bit_rate = round(kbps * 1000)
        codec.gop_size = 3000  # key pictures come when a receiver asks
        codec.qmin, codec.qmax = 2, 56
        codec.thread_count = 1  # a second one costs 15 ms a picture of waiting, measured
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "minrate": str(codec.bit_rate),
            "maxrate": str(codec.bit_rate),
            "bufsize": str(codec.bit_rate),
            "static-thresh": "1",
        }
        return codec


class SoundEncoder:
    """Opus in packets of 20 ms, straight from the sample rate of the session (8, 12, 16, 24 or 48 kHz).

    The time stamp of a packet is that of the sound that a decoder gives for it, so the delay of the codec (6.5 ms) is
    not lost on the way.
    """

    def __init__(self, *, sample_rate_hz: int, kbps: float) -> None:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate, codec.layout, codec.format = sample_rate_hz, "mono", "s16"
        codec.time_base = Fraction(1, sample_rate_hz)
        codec.bit_rate = round(kbps * 1000)
        codec.options = {"application": "audio", "frame_duration": "20"}
        self._codec, self._sample_rate_hz = codec, sample_rate_hz
        self._step = round(PACKET_S * sample_rate_hz)
        self._waiting = np.zeros(0, np.float32)
        self._next: int | None = None

    def encode(self, samples: NDArray[np.float32], first_sample: int) -> list[Packet]:
        """Encode the next sound.

        Args:
            samples: (s,) mono in [-1, 1]; what does not fill a packet waits for the next call.
            first_sample: index on the timeline of `samples[0]`. Only the first call's counts: sound has no holes.
        """
        if self._next is None:
            self._next = first_sample
        self._waiting = np.concatenate([self._waiting, samples])
        packets: list[Packet] = []
        while len(self._waiting) >= self._step:
            block, self._waiting = self._waiting[: self._step], self._waiting[self._step :]
            pcm = np.round(np.clip(block, -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._sample_rate_hz, self._next, self._codec.time_base
            packets += self._codec.encode(frame)
            self._next += self._step
        return packets
