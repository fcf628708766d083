"""The skin that a shut lid shows, on drawn eyes."""

import numpy as np
import pytest

from src.render.mesh.geometry import Array
from src.render.mesh.lid_skin import FAINTEST, LINE_SHARE, Opening, lid_skin

HALF, RIM = 20.0, 6.8
SKIN = np.array([190.0, 140.0, 110.0], np.float32)


def opening() -> Opening:
    u = np.arange(-32, 33, dtype=np.float32)[None]
    v = np.arange(-30, 25, dtype=np.float32)[:, None]
    arch = np.sqrt(np.clip(1 - (u / HALF) ** 2, 0, 1)).astype(np.float32)
    return Opening(u, v, np.float32(-7) * arch, np.float32(5) * arch, np.full_like(u, -26.0), HALF, RIM, 1)


def drawn(skin: Array = SKIN, lash: float = 30.0, slope: float = 0.0) -> Array:
    """Skin that gets lighter to one side, a white eye, dark lashes and a brow."""
    eye = opening()
    patch = np.broadcast_to(skin, (len(eye.v), eye.u.shape[1], 3)) * (1 + slope * eye.u / HALF)[..., None]
    patch = np.where(((eye.v > eye.edge) & (eye.v < eye.bottom))[..., None], 240.0, patch)
    lashes = (eye.v <= eye.edge) & (eye.v > eye.edge - 0.6 * RIM) & (np.abs(eye.u) < 1.1 * HALF)
    patch = np.where(lashes[..., None], lash, patch)
    return np.where((eye.v < eye.brow - 1)[..., None], 40.0, patch).astype(np.float32)


def under_brow(layer: Array) -> Array:
    return layer[(opening().v > opening().brow + 4)[:, 0]]


@pytest.mark.parametrize("slope", [0.0, 0.15])
def test_a_shut_lid_is_the_skin_around_the_eye_without_border(slope: float) -> None:
    eye = opening()
    shut = lid_skin(drawn(slope=slope), eye).shut
    plain = np.broadcast_to(SKIN, shut.shape) * (1 + slope * eye.u / HALF)[..., None]
    assert np.abs(under_brow(shut - plain)).max() < 1.0 + 60.0 * slope
    assert np.abs(np.diff(under_brow(shut), axis=0)).max() < 1.0 + 40.0 * slope
    assert np.abs(np.diff(under_brow(shut), axis=1)).max() < 1.0 + 40.0 * slope


def test_paint_around_the_eye_tints_the_lid() -> None:
    eye = opening()
    painted = drawn()
    near = (np.hypot(eye.u / 30, eye.v / 20) < 1)[..., None] & (np.abs(painted - SKIN) < 1)
    painted = np.where(near, painted * np.array([0.9, 0.75, 0.75], np.float32), painted)
    plain, tinted = (lid_skin(patch, eye).shut[30, 32] for patch in (drawn(), painted))
    assert 0.7 < tinted[2] / plain[2] < 0.95
    assert tinted[2] / plain[2] < tinted[0] / plain[0]


def test_open_skin_and_lashes_make_the_portrait_at_the_upper_lid() -> None:
    eye, patch = opening(), drawn()
    layers = lid_skin(patch, eye)
    lid = np.broadcast_to((eye.v < eye.bottom) & (eye.v > eye.edge - RIM), patch.shape[:2])
    assert np.abs((layers.open + layers.lashes - patch)[lid]).max() < 1e-3
    assert layers.lashes[22, 32].max() < -50


def test_the_line_is_as_dark_as_the_lashes_but_never_missing() -> None:
    dark, fair = (lid_skin(drawn(lash=lash), opening()).line[0, 32] for lash in (20.0, 150.0))
    assert dark[0] > fair[0] + 0.2
    assert fair[0] >= LINE_SHARE * FAINTEST - 1e-3
    ends = lid_skin(drawn(), opening()).line[0, [0, -1]]
    assert ends.max() < 1e-3


def test_grey_portraits_stay_grey() -> None:
    layers = lid_skin(drawn(np.full(3, 150.0, np.float32)), opening())
    for layer in (layers.open, layers.shut, layers.lashes, layers.line):
        assert np.ptp(layer, axis=-1).max() < 1e-3


def test_a_patch_of_one_colour_or_without_light_is_measured() -> None:
    for value in (0.0, 255.0):
        layers = lid_skin(np.full((55, 65, 3), value, np.float32), opening())
        assert all(np.isfinite(layer).all() for layer in vars(layers).values())
