"""Videos with transparency: what is decoded again has the alpha and the colours that were written."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.render.alpha_video import AlphaVideoWriter, continued

SIDE, FPS, RATE = 128, 25, 16_000


def image(index: int = 0) -> np.ndarray:
    """A disc with a soft border, black where nothing is seen, as `straight` gives it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    alpha = np.clip(255 * (50 - np.hypot(x - 60 - index, y - 64)) / 8, 0, 255).astype(np.uint8)
    colours = np.stack([np.full_like(x, 200), 60 + x, 250 - x], axis=-1).astype(np.uint8)
    return np.dstack([np.where(alpha[..., None] > 0, colours, 0), alpha]).astype(np.uint8)


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        # FFmpeg's own decoder of VP9 passes alpha over.
        decoder = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        frames = [
            frame
            for packet in file.demux(stream)
            for frame in decoder.decode(packet if packet.size else None)  # type: ignore[attr-defined]
        ]
        return [(float(frame.pts * stream.time_base), frame.to_ndarray(format="rgba")) for frame in frames]


def over(rgba: np.ndarray, wall: int) -> np.ndarray:
    alpha = rgba[..., 3:] / 255.0
    return rgba[..., :3] * alpha + wall * (1 - alpha)


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_what_is_decoded_has_the_alpha_and_the_colours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with AlphaVideoWriter(path, width=SIDE, height=SIDE, fps=FPS, sample_rate_hz=RATE) as writer:
        for index in range(10):
            writer.add_image(image(index), index / FPS)
            writer.add_audio(np.sin(np.arange(RATE // FPS) * 0.3).astype(np.float32))
    frames = decoded(path)
    assert [time_s for time_s, _ in frames] == pytest.approx([index / FPS for index in range(10)], abs=1e-3)
    for index, (_, frame) in enumerate(frames):
        assert np.abs(frame[..., 3].astype(int) - image(index)[..., 3]).max() <= 16
        assert np.abs(frame[..., 3].astype(int) - image(index)[..., 3]).mean() < 1
        for wall in (0, 255):
            assert np.abs(over(frame, wall) - over(image(index), wall)).max() < 24
    with av.open(str(path)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) / file.streams.audio[0].rate == pytest.approx(
            0.4, abs=0.03
        )


def test_colours_go_on_where_nothing_is_seen() -> None:
    whole = image()
    wide = continued(whole)
    seen = whole[..., 3] > 0
    assert np.array_equal(wide[seen], whole[seen])
    assert np.array_equal(wide[..., 3], whole[..., 3])
    rim = (cv2.dilate(seen.astype(np.uint8), np.ones((5, 5))) > 0) & ~seen
    assert np.abs(wide[rim][:, 0].astype(int) - 200).max() <= 2


def test_pictures_without_alpha_and_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"written as .webm or .mov"):
        AlphaVideoWriter(tmp_path / "a.avi", width=SIDE, height=SIDE, fps=FPS, sample_rate_hz=None)
    with (
        pytest.raises(RenderError, match="set render/backdrop=transparent"),
        AlphaVideoWriter(tmp_path / "a.webm", width=SIDE, height=SIDE, fps=FPS, sample_rate_hz=None) as writer,
    ):
        writer.add_image(image()[..., :3], 0.0)
    assert not list(tmp_path.iterdir())


def test_a_rate_that_webm_can_not_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="the encoder refused to start"):
        AlphaVideoWriter(tmp_path / "a.webm", width=SIDE, height=SIDE, fps=FPS, sample_rate_hz=11_025).__enter__()
    assert not list(tmp_path.iterdir())
