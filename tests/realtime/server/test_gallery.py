"""Avatars are prepared once, when somebody asks, and only so many stay."""

import cv2
import numpy as np
import pytest

from src.realtime.server.gallery import THUMBNAIL_PX, Entry, Gallery, thumbnail
from tests.realtime.server.fakes import FakeFace


def test_an_avatar_is_prepared_once_and_let_go_when_others_were_used_later() -> None:
    prepared: list[str] = []

    def entry(key: str) -> Entry:
        def prepare() -> FakeFace:
            prepared.append(key)
            return FakeFace()

        return Entry(key, key, b"", prepare)

    gallery = Gallery([entry(key) for key in "abc"], max_loaded=2)
    assert prepared == []
    first = gallery.face("a")
    assert gallery.face("a") is first
    for key in ("b", "a", "c", "a", "b"):
        gallery.face(key)
    assert prepared == ["a", "b", "c", "b"]
    with pytest.raises(KeyError):
        gallery.face("d")


def test_a_thumbnail_is_a_small_picture_in_its_colours() -> None:
    decoded = cv2.imdecode(np.frombuffer(thumbnail(np.full((512, 512, 3), (200, 90, 30), np.uint8)), np.uint8), 1)
    assert decoded.shape == (THUMBNAIL_PX, THUMBNAIL_PX, 3)
    np.testing.assert_allclose(decoded[..., ::-1].mean((0, 1)), (200, 90, 30), atol=3)
