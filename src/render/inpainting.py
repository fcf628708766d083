"""What is behind: a wall continued where somebody stands before it.

A plain wall is continued smoothly, with the grain of the rest. Any other is put together from pieces of itself, so
that folds, flags and shelves go on behind a head and do not end in a grey smear. Pure functions of one picture; the
same picture gives the same wall.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

GRAIN_PX, LARGEST_GRAIN = 1.0, 4.0
"""Radius below which structure is grain, and how much of it, in grey values, is put on the painted wall."""
SMOOTHING_ROUNDS = 4
COARSE_SIDE, SMALLEST_WALL = 128, 0.03
"""Size at which a wall is judged, and the share of the picture that must be wall for that."""
BUSY, BUSY_SCALE = 8.0, 0.03
"""Grey values of unevenness above which a wall is put together from pieces, and how far surroundings reach."""
SIDES = (32, 64, 128)
"""Sides of the pictures in which pieces are chosen, the smallest from the border inwards."""
REACH = 2
"""Radius of a piece in those pictures."""
FEWEST_PIECES = 60
"""Fewer give nothing but repetition; then the wall is continued smoothly."""
JOINT = 0.03
"""Width of the strip, over the side, in which a pieced wall goes over into what is seen."""
NEARNESS = 0.02
"""How much worse, in squared grey values per squared pixel of the smallest picture, a piece may be for being nearer."""
DIMENSIONS = 16
"""Of pieces when they are compared in the larger pictures: what says most about them."""
AT_ONCE = 64
"""Pieces that are compared with all others in one step."""


def smooth_wall(image: NDArray[np.uint8], known: NDArray[np.bool_]) -> Array:
    """(H, W, 3) float32: the picture where it is known, elsewhere continued smoothly with the grain of the rest."""
    pixels = image.astype(np.float32)
    smooth = diffused(pixels, known.astype(np.float32))
    grain = pixels - cv2.GaussianBlur(pixels, (0, 0), GRAIN_PX)
    level = np.array([1.4826 * np.median(np.abs(grain[known][:, channel])) for channel in range(3)])
    noise = np.random.default_rng(0).normal(0.0, np.minimum(level, LARGEST_GRAIN), image.shape)
    return np.where(known[..., None], pixels, smooth + noise).astype(np.float32)


def pieced_wall(image: NDArray[np.uint8], known: NDArray[np.bool_]) -> Array | None:
    """(H, W, 3) float32: the picture where it is known, elsewhere pieces of it; None where too little is known.

    Reference:
        Wexler, Shechtman, Irani: Space-time completion of video, PAMI 2007.
    """
    sources = np.zeros((0, 0, 2), np.float32)
    for side in SIDES:
        size = (side, side)
        pixels = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
        whole = np.asarray(cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99, np.bool_)
        centres = _centres(whole)
        if len(centres) < FEWEST_PIECES:
            return None
        if side == SIDES[0]:
            sources = _peeled(pixels, whole, centres)
            continue
        sources = _matched(_voted(pixels, whole, _spread(sources, size)), pixels, whole, centres)
    pixels = image.astype(np.float32)
    pieced = _voted(pixels, known, _spread(sources, image.shape[:2]), max(image.shape[0] // SIDES[-1], 1))
    # Pieces fit only roughly. Beside what is seen the wall has the colours seen there, or its difference from the
    # pixels at the border of hair would be taken for hair.
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(JOINT * image.shape[0])
    share = np.minimum(away, np.float32(1))[..., None]
    return np.asarray((1 - share) * diffused(pixels, known.astype(np.float32)) + share * pieced, np.float32)


def is_busy(image: NDArray[np.uint8], wall: NDArray[np.bool_]) -> bool:
    """Whether what is known of a wall has structure that a smooth continuation would smear."""
    return BUSY < unevenness(image, wall, BUSY_SCALE) < np.inf


def unevenness(image: NDArray[np.uint8], wall: NDArray[np.bool_], scale: float) -> float:
    """Grey values by which 95 % of a wall differ less from their surroundings; infinite where little wall is seen.

    Args:
        image: (H, W, 3) RGB.
        wall: (H, W) what is wall for sure.
        scale: how far surroundings reach, over the side.
    """
    size = (min(COARSE_SIDE, image.shape[1]), min(COARSE_SIDE, image.shape[0]))
    small = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    free = np.asarray(cv2.resize(wall.astype(np.float32), size, interpolation=cv2.INTER_AREA) == 1, np.float32)
    if free.mean() < SMALLEST_WALL:
        return np.inf
    sigma = scale * max(size)
    share = np.maximum(cv2.GaussianBlur(free, (0, 0), sigma), 1e-3)[..., None]
    detail = np.abs(small - cv2.GaussianBlur(small * free[..., None], (0, 0), sigma) / share)
    return float(np.percentile(detail[free > 0], 95))


def diffused(picture: Array, weight: Array) -> Array:
    """The picture continued over where its weight is 0: means of what is known, from ever larger neighbourhoods."""
    if min(weight.shape) <= 2:
        total = float(weight.sum())
        middle = (picture * weight[..., None]).sum(axis=(0, 1)) / max(total, 1e-6)
        return np.where(weight[..., None] > 0, picture, middle).astype(np.float32)
    half = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
    share = np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32)
    mean = np.asarray(cv2.resize(picture * weight[..., None], half, interpolation=cv2.INTER_AREA), np.float32)
    mean = mean / np.maximum(share, np.float32(1e-6))[..., None]
    coarse = diffused(mean, np.minimum(share * 4, np.float32(1)))
    filled = np.asarray(cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    wide = weight[..., None]
    result = wide * picture + (1 - wide) * filled
    for _ in range(SMOOTHING_ROUNDS):  # takes away the squares of the coarser levels
        result = wide * picture + (1 - wide) * cv2.blur(result, (3, 3))
    return np.asarray(result, np.float32)


def _centres(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N, 2) rows and columns of the pieces of which all is known."""
    inside = np.pad(known.astype(np.uint8), REACH)  # beyond the picture nothing is known
    whole = cv2.erode(inside, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
    return np.argwhere(whole[REACH:-REACH, REACH:-REACH] > 0)


def _pieces(picture: Array, at: NDArray[np.int64]) -> Array:
    """(N, D) the pieces of a (H, W, C) picture around rows and columns; the border is reflected."""
    wide = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="reflect")
    side = 2 * REACH + 1
    windows: Any = np.lib.stride_tricks.sliding_window_view(wide, (side, side), axis=(0, 1))  # type: ignore[call-overload]
    return windows[at[:, 0], at[:, 1]].reshape(len(at), -1).astype(np.float32)


def _peeled(pixels: Array, known: NDArray[np.bool_], centres: NDArray[np.int64]) -> Array:
    """(H, W, 2) x, y of the source of each pixel, chosen from the border of the unknown inwards."""
    sources = _places(known.shape)
    library = _pieces(pixels, centres)
    square = library * library
    filled, done = np.where(known[..., None], pixels, np.float32(0)), known.copy()
    while not done.all():
        rim = np.argwhere((cv2.dilate(done.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~done)
        weight = _pieces(np.repeat(done[..., None], 3, axis=2).astype(np.float32), rim)
        wanted = _pieces(filled, rim) * weight
        differs = (weight @ square.T - 2 * wanted @ library.T) / np.maximum(weight.sum(axis=1), 1)[:, None]
        away = ((rim[:, None] - centres[None]) ** 2).sum(axis=2)
        best = centres[np.argmin(differs + NEARNESS * away, axis=1)]
        filled[rim[:, 0], rim[:, 1]] = pixels[best[:, 0], best[:, 1]]
        sources[rim[:, 0], rim[:, 1]] = best[:, ::-1]
        done[rim[:, 0], rim[:, 1]] = True
    return sources


def _matched(filled: Array, pixels: Array, known: NDArray[np.bool_], centres: NDArray[np.int64]) -> Array:
    """(H, W, 2) x, y of the sources of the pieces that are most like what the filled picture shows."""
    sources = _places(known.shape)
    unknown = np.argwhere(~known)
    library, wanted = _pieces(pixels, centres), _pieces(filled, unknown)
    middle = library.mean(axis=0)
    _, axes = np.linalg.eigh((library - middle).T @ (library - middle))
    basis = axes[:, -DIMENSIONS:]
    library, wanted = (library - middle) @ basis, (wanted - middle) @ basis
    square, doubled = (library * library).sum(axis=1), 2 * library.T
    # In parts that fit the cache: all differences at once are hundreds of megabytes.
    parts = [wanted[first : first + AT_ONCE] for first in range(0, len(wanted), AT_ONCE)]
    best = centres[np.concatenate([np.argmin(square - part @ doubled, axis=1) for part in parts])]
    sources[unknown[:, 0], unknown[:, 1]] = best[:, ::-1]
    return sources


def _places(shape: tuple[int, ...]) -> Array:
    """(H, W, 2) x, y of every pixel."""
    rows, columns = np.indices(shape[:2])
    return np.dstack([columns, rows]).astype(np.float32)


def _spread(sources: Array, shape: tuple[int, ...]) -> Array:
    """Sources chosen in a small picture, for all pixels of a larger one."""
    height, width = shape[:2]
    scale = np.array([width / sources.shape[1], height / sources.shape[0]], np.float32)
    ways = (sources - _places(sources.shape)) * scale
    return np.asarray(cv2.resize(ways, (width, height), interpolation=cv2.INTER_NEAREST) + _places(shape), np.float32)


def _voted(pixels: Array, known: NDArray[np.bool_], sources: Array, spacing: int = 1) -> Array:
    """The picture with each unknown pixel the mean of what the pieces around it have there."""
    here, size = _places(known.shape), known.shape[::-1]
    ways = sources - here
    total, count = np.zeros_like(pixels), 0.0
    for down in range(-1, 2):
        for right in range(-1, 2):
            shift = np.array([[1, 0, right * spacing], [0, 1, down * spacing]], np.float32)
            way = cv2.warpAffine(ways, shift, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            weight = 1 / (1 + abs(down) + abs(right))
            empty: Any = None  # all coordinates are in the first map
            piece = cv2.remap(pixels, here + way, empty, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            total += np.float32(weight) * piece
            count += weight
    return np.where(known[..., None], pixels, total / np.float32(count)).astype(np.float32)
