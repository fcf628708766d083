"""The small geometry of the mesh renderer: inverses are inverses, grids meet pixels."""

import numpy as np
import pytest

from src.render.mesh.geometry import (
    Array,
    Frame2,
    block_map,
    box_around,
    extended,
    finer,
    grid_points,
    inverse_field,
    invert,
    sample_grid,
)

SIZE, STEP = 128, 4


def bump(height: float, width: float) -> Array:
    nodes = grid_points(SIZE, STEP)
    away = ((nodes - SIZE / 2) ** 2).sum(-1)
    return (height * np.exp(-away / width**2)[..., None] * np.array([1.0, 0.6])).astype(np.float32)


@pytest.mark.parametrize("height", [2.0, 8.0, 16.0])
def test_inverted_points_arrive_where_they_should(height: float) -> None:
    displacement, targets = bump(height, 24.0), grid_points(SIZE, STEP)
    sources = invert(displacement, targets, STEP, 12)
    arrived = sources + sample_grid(displacement, sources, STEP)
    assert np.abs(arrived - targets).max() < 0.3


def test_a_steep_step_is_inverted_too() -> None:
    """Beside the corner of a mouth that is open as far as it goes, five pixels per pixel."""
    nodes = grid_points(SIZE, STEP)
    across = np.clip((nodes[..., 0] - 40) / 8, 0.0, 1.0) ** 0.8
    fade = np.clip(1 - np.abs(nodes[..., 1] - SIZE / 2) / 60, 0.0, 1.0)
    way = 44 * across * fade
    displacement = np.stack([-0.05 * way, way], axis=-1).astype(np.float32)
    targets = nodes[8:24]
    sources = invert(displacement, targets, STEP, 10)
    arrived = sources + sample_grid(displacement, sources, STEP)
    assert np.median(np.abs(arrived - targets)) < 0.02
    assert np.abs(arrived - targets).max() < 0.5


def test_the_inverse_in_a_box_is_that_of_the_whole() -> None:
    displacement, nodes = bump(6.0, 10.0), grid_points(SIZE, STEP)
    displacement[np.abs(displacement).max(axis=-1) < 1e-3] = 0
    rows, columns = (np.flatnonzero(np.any(displacement, axis=(other, 2))) for other in (1, 0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    whole = invert(displacement, nodes, STEP, 10) - nodes
    assert np.allclose(inverse_field(displacement, nodes, box, STEP, 10), whole, atol=1e-4)


@pytest.mark.parametrize("step", [2, 4, 8])
def test_an_identity_field_is_the_pixels(step: int) -> None:
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
    dense = block_map(extended(grid_points(SIZE, step)), (0, 0, SIZE, SIZE), step)
    assert np.allclose(dense, pixels, atol=1e-4)


def test_a_finer_field_is_the_same_line() -> None:
    coarse, fine = extended(grid_points(SIZE, 8)), extended(grid_points(SIZE, 4))
    assert np.allclose(finer(coarse), fine, atol=1e-4)


def test_a_box_holds_its_points_and_lies_on_blocks() -> None:
    points = np.array([[10.2, 30.9], [70.0, 44.0]], np.float32)
    left, top, right, bottom = box_around(points, 3.0, SIZE, STEP)
    assert all(side % STEP == 0 for side in (left, top, right, bottom))
    assert left <= 7.2
    assert top <= 27.9
    assert right >= 73.0
    assert bottom >= 47.0


def test_a_frame_and_the_picture_are_two_views_of_one_place() -> None:
    frame = Frame2.between(np.array([10.0, 20.0], np.float32), np.array([50.0, 35.0], np.float32))
    points = np.random.default_rng(0).uniform(0, 100, (20, 2)).astype(np.float32)
    assert np.allclose(frame.to_picture(frame.to_local(points)), points, atol=1e-3)
    assert np.allclose(frame.to_local(np.array([[30.0, 27.5]], np.float32)), 0.0, atol=1e-4)
