"""Parity of the face pipeline: detector, tracks, crops, cuts; limits are those that the vectors' makers suggest."""

import re

import numpy as np
import torch

from src import seeded_weights
from src.eval.syncnet.crops import crop_face, crop_path
from src.eval.syncnet.s3fd import S3FD, network_input, suppress, suppressed_boxes
from src.eval.syncnet.scenes import change_scores, find_cuts
from src.eval.syncnet.tracks import Track, link_tracks
from src.parity_layers import compare_checksums, compared_layers
from src.parity_vectors import VectorFile

DETECTOR = 1e-5
CROP_LEVELS = 1.0
ROUNDING = 1e-12
"""For crop parameters and scene scores: float64 in any order of operations. The suggestions name no limit."""

_FIRST_CROP = 5
_DETECTOR_SCALE = 0.5
_NMS_OVERLAP = 0.1


def compare_crops(vectors: VectorFile, seed: int) -> None:
    """Tracks of made-up detections, the crops along a path, and cuts of a made-up film."""
    detections = vectors.value("track/detections")
    for shot in dict.fromkeys(name.split("/")[1] for name in vectors.names if name.startswith("track/shot_")):
        limits = re.fullmatch(r"shot_(\d+)_(\d+)", shot)
        first, end = (int(limits[1]), int(limits[2])) if limits else (0, int(detections[:, 0].max()) + 1)
        tracks = link_tracks(detections, first, end)
        vectors.compare(f"track/{shot}/count", len(tracks))
        for index, track in enumerate(tracks):
            vectors.compare(f"track/{shot}/{index}/frame", np.array([track.first_image, track.last_image]))
            vectors.compare(f"track/{shot}/{index}/bbox", track.boxes)

    images = np.stack([seeded_weights.image(f"crop/image{index}", seed, 256)[:240] for index in range(3)])
    compare_checksums(vectors, "crop/in/image_crc32", list(images))
    track = Track(_FIRST_CROP, vectors.value("crop/in/bbox"))
    path = crop_path(track.boxes)
    vectors.compare("crop/audio_start_end", np.array(track.sound_s), relative=ROUNDING)
    vectors.compare("crop/out/x", path.x, relative=ROUNDING)
    vectors.compare("crop/out/y", path.y, relative=ROUNDING)
    vectors.compare("crop/out/s", path.half_size, relative=ROUNDING)
    places = zip(path.x, path.y, path.half_size, strict=True)
    crops = [crop_face(images[image % 3], *place) for image, place in enumerate(places, start=_FIRST_CROP)]
    vectors.compare("crop/out/frames", np.stack(crops), absolute=CROP_LEVELS)

    film = [images[0 if t < 8 or 12 <= t < 30 else 1 if t < 12 else 2] for t in range(60)]
    scores = list(change_scores(image if t < 50 else image // 2 + 10 for t, image in enumerate(film)))
    vectors.compare("scene/score", np.array(scores), relative=ROUNDING)
    vectors.compare("scene/cuts", np.array(find_cuts(scores)))


def compare_detector(vectors: VectorFile, seed: int, network: S3FD) -> None:
    """The network on a picture, boxes from made-up answers, and the removal of doubles."""
    image = seeded_weights.image("s3fd/image", seed, 256)[:192]
    vectors.compare("in/image_crc32", seeded_weights.image_checksum(image))
    picture = network_input(image, _DETECTOR_SCALE)
    vectors.compare("mid/input", picture, relative=DETECTOR)
    with compared_layers(vectors, network, DETECTOR):
        found = network(picture)
    vectors.compare("out/loc", found.loc, relative=DETECTOR)
    vectors.compare("out/logit", found.logits, relative=DETECTOR)
    vectors.compare("out/priors", found.priors, relative=DETECTOR)

    places = len(found.priors)
    loc = torch.from_numpy(seeded_weights.uniform("s3fd/loc", (1, places, 4), seed, 0, 1))
    scores = torch.from_numpy(seeded_weights.uniform("s3fd/score", (1, places), seed, 0.5, 0.5))
    (boxes,) = suppressed_boxes(loc, scores, found.priors)
    vectors.compare("detect/count", len(boxes))
    vectors.compare("detect/out", boxes, relative=DETECTOR)
    vectors.compare("nms/keep", suppress(vectors.value("nms/in"), _NMS_OVERLAP))
