"""Parity of crops and of pasting back, on seeded pictures and stored landmarks."""

import re

import numpy as np

from src import seeded_weights
from src.parity_run import SeededNetworks
from src.parity_vectors import VectorFile
from src.render.liveportrait import crop
from src.render.liveportrait.crop import CROP_PX, cut_face, driving_rectangle, face_rectangle
from src.render.liveportrait.parity_seeds import LEVELS, MATHS, SAME
from src.render.liveportrait.paste_mask import CropPaste, soft_mask
from src.render.liveportrait.pictures import Picture

ROUNDING = 2 * CROP_PX * 2.0**-24
"""Of shifts in pixels: two roundings of float32 at the size of a crop."""


def compare_crops(vectors: VectorFile, networks: SeededNetworks) -> None:
    """Everything in the file; each part only if the file has it."""
    image, generated = (
        seeded_weights.image(f"crop/{name}", networks.seed, crop.CROP_PX) for name in ("image", "generated")
    )
    for part in dict.fromkeys(name.partition("/")[0] for name in vectors.names):
        if re.fullmatch(r"lmk\d+", part):
            _compare_landmarks(vectors, part, image)
        elif part == "driving":
            _compare_driving(vectors, image)
        elif part == "paste":
            paste = CropPaste(image, vectors.value("paste/M_c2o"))
            vectors.compare("paste/mask_template", soft_mask(), relative=SAME)
            vectors.compare("paste/mask_ori", paste.mask.astype(np.float32) / 255, absolute=LEVELS / 255)
            pasted = paste.start()
            paste.paste(generated, pasted)
            vectors.compare("paste/result", pasted, absolute=LEVELS)


def _compare_landmarks(vectors: VectorFile, part: str, image: Picture) -> None:
    """The crop of a source with these landmarks, turned and not, and that of the landmark network."""
    landmarks = vectors.value(f"{part}/in")
    rectangle = face_rectangle(landmarks, crop.SOURCE)
    vectors.compare(f"{part}/rect_center", rectangle.centre, relative=MATHS)
    vectors.compare(f"{part}/rect_size", [rectangle.side, rectangle.side], relative=MATHS)
    vectors.compare(f"{part}/rect_angle", rectangle.angle_rad, relative=MATHS)
    for place, upright in ((f"{part}/rot1", True), (f"{part}/rot0", False)):
        cut = cut_face(image, rectangle, upright=upright)
        vectors.compare(f"{place}/M_o2c", cut.to_crop, relative=MATHS, absolute=ROUNDING)
        vectors.compare(f"{place}/M_c2o", cut.to_picture, relative=MATHS, absolute=ROUNDING)
        vectors.compare(f"{place}/pt_crop", cut.points(landmarks), relative=MATHS)
        vectors.compare(f"{place}/img_crop", cut.image, absolute=LEVELS)
        vectors.compare(f"{place}/img_crop_256", crop.network_crop(cut.image), absolute=LEVELS)
    cut = cut_face(image, face_rectangle(landmarks, crop.LANDMARKS), crop.LANDMARK_NETWORK_PX)
    vectors.compare(f"{part}/landmark_net_M_c2o", cut.to_picture, relative=MATHS, absolute=ROUNDING)
    vectors.compare(f"{part}/landmark_net_crop", cut.image, absolute=LEVELS)


def _compare_driving(vectors: VectorFile, image: Picture) -> None:
    """The common square of a driving video, cut out of its first frame."""
    landmarks = vectors.value("driving/in")
    rectangle = driving_rectangle(landmarks)
    vectors.compare("driving/global_bbox", rectangle.box, relative=MATHS)
    cut = cut_face(image, rectangle)
    vectors.compare("driving/M_o2c", cut.to_crop, relative=MATHS, absolute=ROUNDING)
    vectors.compare("driving/lmk_crop", cut.points(landmarks[0]), relative=MATHS)
    vectors.compare("driving/img_crop", cut.image, absolute=LEVELS)
