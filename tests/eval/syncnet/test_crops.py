"""Where the crop lies, and what is beyond the image."""

import numpy as np

from src.eval.syncnet.crops import crop_face, crop_path


def test_crops_start_at_the_top_of_the_box_and_end_grey() -> None:
    path = crop_path(np.tile([40.0, 30.0, 80.0, 70.0], (30, 1)))
    assert (path.x[15], path.y[15], path.half_size[15]) == (60, 50, 20)
    assert path.half_size[0] == 20
    image = np.zeros((100, 90, 3), dtype=np.uint8)
    image[30:] = 200
    crop = crop_face(image, path.x[15], path.y[15], path.half_size[15])
    assert crop.shape == (224, 224, 3)
    assert (crop[:200] == 200).all()
    assert (crop_face(image, 80, 90, 20)[-1] == 110).all()
