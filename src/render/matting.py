"""From a coarse mask of the person to layers that can be taken apart: soft border, own colours, wall behind.

A pixel at the border of hair is a mixture `alpha * foreground + (1 - alpha) * background`. `refined_matte` finds
alpha, `foreground` the colour of the person alone, `filled_background` the wall alone. All is made once per
avatar, from one picture; no network, no MediaPipe.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import FACE_OVAL
from src.render.inpainting import COARSE_SIDE, diffused, is_busy, pieced_wall, smooth_wall, unevenness

Array = NDArray[np.float32]

CERTAIN = (0.06, 0.94)
"""Below the first value a coarse mask is taken to mean wall, above the second person, away from the border."""
BAND = 0.016
"""Half the width of the border that is decided anew, over the side of the picture: what the network blurs, and hair."""
EPSILON = 1e-5
"""Variance of colour, in a window, below which a change of alpha is not followed: the grain of a photo."""
TRUST = 0.02
"""Pull towards the coarse mask where it is uncertain; keeps alpha sane where wall and person have one colour."""
LEVELS = ((0.5, 3, 24), (1.0, 2, 8))
"""Scale, radius of the windows, rounds. The half-size picture brings alpha far, the full one sharpens it."""
CLEAN, CLEAN_BUSY = 0.012, 0.008
"""Distance from the person, over the side, from which on the wall is taken to be wall alone. Before a busy wall strands
can't be told from it, and what of it is taken for them would hang on the hair."""
BESIDE = 0.1
"""How far beside the person, over the side, missed hair is looked for."""
PLAIN, SURROUNDINGS, STANDS_OUT = 2.5, 0.05, 16.0
"""Grey values: unevenness of a plain wall at most, and how far its surroundings reach over the side; hair differs by
more from the wall."""
SMALLEST_SHARE = 0.7
"""A mask that holds less than this of the face has missed it."""


def refined_matte(image: NDArray[np.uint8], coarse: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A matte that follows the border of hair and clothes, from a mask that knows about where it runs.

    Args:
        image: (H, W, 3) RGB.
        coarse: (H, W), 255 for the person.

    Returns:
        (H, W): 255 for the person. What is not connected to the largest part is dropped, holes are filled.

    Raises:
        RenderError: the shapes don't fit.

    Reference:
        Levin, Lischinski, Weiss: A closed-form solution to natural image matting, PAMI 2008; solved without a matrix
        as in He, Sun, Tang: Fast matting using large kernel matting Laplacian matrices, CVPR 2010.
    """
    if image.ndim != 3 or image.shape[2] != 3 or coarse.shape != image.shape[:2]:
        raise RenderError(
            f"image of shape {image.shape} and mask of shape {coarse.shape}, expected (H, W, 3) and (H, W). "
            "Make the mask from the same picture."
        )
    guess = coarse.astype(np.float32) / 255
    person = _largest_part(guess > 0.5)
    reach = max(round(BAND * max(image.shape[:2])), 2)
    missed = _missed(image, person)
    guess = np.where(missed, np.float32(1), guess).astype(np.float32)
    person = _largest_part((guess > 0.5) | missed)
    near = cv2.dilate(person.astype(np.uint8), _disk(2 * reach)) > 0
    guess = np.where(near, guess, np.float32(0)).astype(np.float32)
    sure_person = _shrunk(_filled(person) & (guess > CERTAIN[1]), reach)
    sure_wall = _shrunk(guess < CERTAIN[0], reach)
    alpha = guess
    for scale, radius, rounds in LEVELS:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        pixels, wanted, start = (
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
            for plane in (image.astype(np.float32) / 255, guess, alpha)
        )
        known = cv2.resize((sure_person | sure_wall).astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        exact = cv2.resize(np.where(sure_person, np.float32(1), np.float32(0)), size, interpolation=cv2.INTER_AREA)
        solved = _solve(pixels, np.where(known, exact, start), wanted, known, radius, rounds)
        alpha = cv2.resize(solved, image.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    alpha = np.where(sure_person, np.float32(1), np.where(sure_wall, np.float32(0), alpha))
    # The solution is a little grey where it should be plain; nobody sees the difference in hair, everybody on a wall.
    alpha = np.clip((alpha - 0.04) / 0.92, 0.0, 1.0)
    alpha = np.where(_largest_part(alpha > 0.02), alpha, np.float32(0))
    return np.round(255 * alpha).astype(np.uint8)


def finds_the_face(matte: NDArray[np.uint8], landmarks: Array) -> bool:
    """Whether a matte holds the face that (478, 3) landmarks describe."""
    oval = np.zeros(matte.shape, np.uint8)
    cv2.fillConvexPoly(oval, np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32), (1,))
    inside = matte[oval > 0]
    return len(inside) > 0 and float((inside > 127).mean()) >= SMALLEST_SHARE


def matte_from_landmarks(landmarks: Array, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A head and shoulders drawn around (478, 3) landmarks, with wide soft borders.

    For drawings in which no segmentation sees a person. It takes some wall along, softly.
    """
    oval = landmarks[list(FACE_OVAL), :2]
    low, high = oval.min(axis=0), oval.max(axis=0)
    (x, y), (wide, tall) = (low + high) / 2, (high - low) / 2
    mask = np.zeros(shape, np.uint8)
    skull, neck = (round(float(x)), round(float(y - 0.22 * tall))), round(float(y + 0.8 * tall))
    cv2.ellipse(mask, skull, (round(1.3 * float(wide)), round(1.35 * float(tall))), 0, 0, 360, (255,), -1)
    body = (round(float(x)), round(float(y + 2.9 * tall)))
    cv2.ellipse(mask, body, (round(2.4 * float(wide)), round(1.5 * float(tall))), 0, 0, 360, (255,), -1)
    half = round(0.75 * float(wide))
    cv2.rectangle(mask, (skull[0] - half, neck - round(float(tall))), (skull[0] + half, body[1]), (255,), -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.1 * float(wide)), np.uint8)


def foreground(image: NDArray[np.uint8], matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of the person alone, without the wall that shines through its border; continued beyond it.

    Args:
        image: (H, W, 3) RGB.
        matte: (H, W), 255 for the person.

    Returns:
        (H, W, 3) RGB.
    """
    return np.round(np.clip(separated(image, matte)[0], 0, 255)).astype(np.uint8)


def filled_background(image: NDArray[np.uint8], matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The wall with nobody in front of it: the picture where it is seen, continued behind the person.

    Args:
        image: (H, W, 3) RGB.
        matte: (H, W), 255 for the person.

    Returns:
        (H, W, 3) RGB, equal to the picture from a few pixels beside the person on.
    """
    # Strands too thin for the matte lie in the pixels next to it; they must not colour what is behind the head.
    side, beside = max(matte.shape), np.asarray(matte == 0, np.bool_)
    clean = _shrunk(beside, max(round(CLEAN * side), 1))
    if not clean.any():
        return image.copy()
    pieced = None
    if is_busy(image, clean):
        clean = _shrunk(beside, max(round(CLEAN_BUSY * side), 1))
        pieced = pieced_wall(image, clean)
    wall = smooth_wall(image, clean) if pieced is None else pieced
    return np.round(np.clip(wall, 0, 255)).astype(np.uint8)


def separated(image: NDArray[np.uint8], matte: NDArray[np.uint8]) -> tuple[Array, Array]:
    """Smooth colours of person and wall which, mixed by the matte, give the picture; (H, W, 3) float32 each.

    Both are continued where they can't be seen. From the smallest version of the picture up; each level starts from
    the one below, where far away colours have already arrived.

    Reference:
        Germer, Uelwer, Conrad, Harmeling: Fast multi-level foreground estimation, ICPR 2020.
    """
    height, width = image.shape[:2]
    pixels, alphas = image.astype(np.float32), matte.astype(np.float32) / 255
    person = np.full((1, 1, 3), pixels.mean(axis=(0, 1)), np.float32)
    wall = person
    levels = int(np.ceil(np.log2(max(height, width))))
    for level in range(1, levels + 1):
        size = (max(round(width ** (level / levels)), 1), max(round(height ** (level / levels)), 1))
        picture = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
        alpha = np.asarray(cv2.resize(alphas, size, interpolation=cv2.INTER_AREA), np.float32)[..., None]
        person, wall = (
            np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.float32).reshape(size[1], size[0], 3)
            for part in (person, wall)
        )
        for _ in range(10 if max(size) <= 64 else 3):
            person, wall = _mixed_round(picture, alpha, person, wall)
    return person, wall


def _mixed_round(picture: Array, alpha: Array, person: Array, wall: Array) -> tuple[Array, Array]:
    """One round: both colours go to the mean of their neighbours', corrected so that they mix to the picture."""
    edge = np.pad(alpha, ((1, 1), (1, 1), (0, 0)), mode="edge")
    total, near, far = np.zeros_like(alpha), np.zeros_like(person), np.zeros_like(wall)
    around = [np.pad(part, ((1, 1), (1, 1), (0, 0)), mode="edge") for part in (person, wall)]
    for rows, columns in ((slice(0, -2), slice(1, -1)), (slice(2, None), slice(1, -1)),
                          (slice(1, -1), slice(0, -2)), (slice(1, -1), slice(2, None))):  # fmt: skip
        weight = np.float32(5e-3) + np.abs(alpha - edge[rows, columns])
        total = total + weight
        near, far = near + weight * around[0][rows, columns], far + weight * around[1][rows, columns]
    near, far = near / total, far / total
    residual = picture - alpha * near - (1 - alpha) * far
    share = residual / (alpha**2 + (1 - alpha) ** 2 + total * np.float32(0.1))
    return np.clip(near + alpha * share, 0, 255), np.clip(far + (1 - alpha) * share, 0, 255)


def _solve(image: Array, alpha: Array, wanted: Array, known: NDArray[np.bool_], radius: int, rounds: int) -> Array:
    """Alpha that is, in every window, as linear in colour as it can be; conjugate gradients over what is not known."""
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(plane: Array) -> Array:
        return np.asarray(cv2.boxFilter(plane, -1, side, borderType=cv2.BORDER_REFLECT), np.float32)

    # Planes apart, and sums written out: several times as fast as matrices per pixel.
    colours = [np.ascontiguousarray(image[..., channel]) for channel in range(3)]
    middle = [mean(colour) for colour in colours]
    products = [[np.multiply(one, other, dtype=np.float32) for other in colours] for one in colours]
    moments = [[mean(products[i][j]) - middle[i] * middle[j] for j in range(3)] for i in range(3)]
    for i in range(3):
        moments[i][i] = moments[i][i] + np.float32(EPSILON)
    inverse = _inverse(moments)
    free = np.where(known, np.float32(0), np.float32(1))

    def smooth(plane: Array) -> Array:
        offset = level = mean(plane)
        shared = [mean(colour * plane) - part * level for colour, part in zip(colours, middle, strict=True)]
        fitted = np.zeros_like(plane)
        for row, colour, part in zip(inverse, colours, middle, strict=True):
            slope = row[0] * shared[0] + row[1] * shared[1] + row[2] * shared[2]
            offset = offset - slope * part
            fitted += mean(np.asarray(slope, np.float32)) * colour
        return np.asarray(free * (plane * np.float32(1 + TRUST) - fitted - mean(offset)), np.float32)

    residual = free * np.float32(TRUST) * wanted - smooth(alpha)
    direction, energy = residual, float((residual * residual).sum())
    for _ in range(rounds):
        if energy < 1e-8 * free.size:
            break
        pushed = smooth(direction)
        pace = energy / float((direction * pushed).sum())
        alpha, residual = alpha + pace * direction, residual - pace * pushed
        energy, before = float((residual * residual).sum()), energy
        direction = residual + (energy / before) * direction
    return np.clip(alpha, 0.0, 1.0).astype(np.float32)


def _inverse(matrix: list[list[Array]]) -> list[list[Array]]:
    """The inverse of a symmetric 3x3 matrix per pixel, written out: 40 times as fast as LAPACK.

    Cofactors are differences of nearly equal products where a window has one colour: they need double precision.
    """
    (a, b, c), (_, d, e), (_, _, f) = ([plane.astype(np.float64) for plane in row] for row in matrix)
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1.0 / (a * first + b * second + c * third)
    planes = (first, second, third, a * f - c * c, b * c - a * e, a * d - b * b)
    xx, xy, xz, yy, yz, zz = ((plane * scale).astype(np.float32) for plane in planes)
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


def _missed(image: NDArray[np.uint8], person: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What stands out beside the person from a plain wall, as dark hair that falls behind the neck.

    The network often takes such hair for wall. Before any other wall than a plain one nobody could tell, and nothing
    is found.
    """
    beside = cv2.dilate(person.astype(np.uint8), _disk(round(BESIDE * max(person.shape))))
    if unevenness(image, beside == 0, SURROUNDINGS) > PLAIN:
        return np.zeros(person.shape, np.bool_)
    size = (min(COARSE_SIDE, image.shape[1]), min(COARSE_SIDE, image.shape[0]))
    small = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    free = np.asarray(cv2.resize(1 - beside.astype(np.float32), size, interpolation=cv2.INTER_AREA) == 1, np.float32)
    wall = cv2.resize(diffused(small, free), person.shape[::-1], interpolation=cv2.INTER_LINEAR)
    distance = np.abs(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0) - wall).max(axis=2)
    # Only what is wider than a blurred border: that is decided better by the matting itself.
    found = ((distance > STANDS_OUT) & (beside > 0) & ~person).astype(np.uint8)
    thick = _disk(max(round(BAND * max(person.shape) / 2), 2))
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, thick) > 0, np.bool_)


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without holes; what the border of the picture closes is open."""
    wide = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    labels = cv2.connectedComponents(wide, connectivity=4)[1]
    return np.asarray((labels != labels[0, 0])[1:-1, 1:-1], np.bool_)


def _shrunk(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disk(reach)) > 0, np.bool_)


def _disk(radius: int) -> NDArray[np.uint8]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.uint8)
