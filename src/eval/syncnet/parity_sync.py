"""Parity of the networks, the front ends and the protocol; limits are those that the vectors' makers suggest."""

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import seeded_weights
from src.eval.syncnet import expert, front_end, protocol
from src.eval.syncnet.expert import SyncExpert
from src.eval.syncnet.network import EMBEDDING_SIZE, IMAGE_SIZE_PX, IMAGES_PER_WINDOW, SyncNet
from src.eval.syncnet.protocol import SAMPLES_PER_IMAGE, SyncScore
from src.parity_layers import compare_checksums, compared_layers
from src.parity_vectors import VectorFile

EMBEDDING = 5e-6
MFCC = 1e-10
DISTANCE = 2e-6
COLOUR = 5e-6
MEL = 1e-5

_DISTANCE_IMAGES = 48
_ROLLED_IMAGES = 2


def compare_mfcc(vectors: VectorFile, seed: int) -> None:
    """The whole waveform, its beginnings of some lengths, silence, and the mistake of dividing by 32768."""
    wave = vectors.value("in/wave")
    energies, frame_energy = front_end.filter_energies(wave)
    vectors.compare("out/mfcc", front_end.mfcc(wave), relative=MFCC)
    vectors.compare("out/fbank", energies, relative=MFCC)
    vectors.compare("out/energy", frame_energy, relative=MFCC)
    vectors.compare("out/filterbank", front_end.mel_filters(), relative=MFCC)
    vectors.compare("out/mfcc_float_div32768", front_end.mfcc(wave / 32768.0), relative=MFCC, optional=True)
    for name in vectors.names:
        if found := re.fullmatch(r"out/mfcc_(first|zeros)(\d+)", name):
            count = int(found[2])
            sound = wave[:count] if found[1] == "first" else np.zeros(count, dtype=np.int16)
            vectors.compare(name, front_end.mfcc(sound), relative=MFCC)


def compare_layers(vectors: VectorFile, seed: int, network: SyncNet) -> None:
    """Both encoders, layer by layer."""
    images = [seeded_weights.image(f"lip/frame{index}", seed, IMAGE_SIZE_PX) for index in range(IMAGES_PER_WINDOW + 1)]
    compare_checksums(vectors, "in/frame_crc32", images)
    clip = torch.from_numpy(np.stack(images)).permute(3, 0, 1, 2).float()
    windows = torch.stack([clip[:, :IMAGES_PER_WINDOW], clip[:, 1:]])
    sound = torch.from_numpy(seeded_weights.uniform("aud/mfcc", (3, 1, 13, 20), seed, 0, 20))
    signed = torch.from_numpy(
        seeded_weights.uniform("lip/signed", (1, 3, 5, IMAGE_SIZE_PX, IMAGE_SIZE_PX), seed, 0, 128)
    )
    small = torch.from_numpy(seeded_weights.uniform("aud/small", (2, 1, 13, 20), seed, 0, 1))
    _compare_inputs(vectors, {"lip": windows, "mfcc": sound, "lip_signed": signed, "aud_small": small})
    with compared_layers(vectors, network, EMBEDDING):
        vectors.compare("out/lip", network.embed_lips(windows), relative=EMBEDDING)
        vectors.compare("out/aud", network.embed_audio(sound), relative=EMBEDDING)
    vectors.compare("out/lipfeat", network.lip_features(windows), relative=EMBEDDING)
    vectors.compare("out/lip_signed", network.embed_lips(signed), relative=EMBEDDING)
    vectors.compare("out/aud_small", network.embed_audio(small), relative=EMBEDDING)


def compare_distances(vectors: VectorFile, seed: int) -> None:
    """The protocol on constructed embeddings: delays, short clips, other numbers of shifts."""
    shape = (_DISTANCE_IMAGES, EMBEDDING_SIZE)
    video = seeded_weights.uniform("dist/im", shape, seed, 0, 1)
    fill = seeded_weights.uniform("dist/fill", shape, seed, 0, 1)
    noise = seeded_weights.uniform("dist/noise", shape, seed, 0, 0.25)
    for case in _cases(vectors):
        if found := re.fullmatch(r"delay([+-]\d+)", case):
            delay = int(found[1])
            source = np.arange(_DISTANCE_IMAGES) - delay
            inside = (source >= 0) & (source < _DISTANCE_IMAGES)
            audio = np.where(inside[:, None], video[source.clip(0, _DISTANCE_IMAGES - 1)] + noise, fill)
            _compare_score(vectors, case, _score(video, audio))
        elif found := re.fullmatch(r"short(\d+)", case):
            count = int(found[1])
            _compare_score(vectors, case, _score(video[:count], fill[:count]))
        elif found := re.fullmatch(r"vshift(\d+)", case):
            _compare_score(vectors, case, _score(video, np.roll(video, _ROLLED_IMAGES, axis=0), int(found[1])))
    one = torch.from_numpy(video[:1])
    vectors.compare("identical_pair_and_padding", protocol.shift_distances(one, one, 1)[0], relative=DISTANCE)


def compare_shifted_sound(vectors: VectorFile, seed: int, network: SyncNet) -> None:
    """A recording against itself, delayed and advanced: the sign of the offset."""
    wave = vectors.value("in/wave")
    count = protocol.num_windows(len(wave) // SAMPLES_PER_IMAGE, len(wave))
    video = protocol.embed_audio(network, wave, count)
    vectors.compare("out/aud_embedding", video, relative=EMBEDDING)
    for case in _cases(vectors):
        if found := re.fullmatch(r"delay([+-]\d+)", case):
            delay = int(found[1]) * SAMPLES_PER_IMAGE
            shifted = np.zeros_like(wave)
            shifted[max(delay, 0) : len(wave) + min(delay, 0)] = wave[max(-delay, 0) : len(wave) - max(delay, 0)]
            audio = protocol.embed_audio(network, shifted, count)
            _compare_score(vectors, case, protocol.score_embeddings(video, audio))


def compare_clips(vectors: VectorFile, seed: int, network: SyncNet) -> None:
    """Images and sound to scores: whole, with sound that ends early, and with images of another size."""
    wave = vectors.value("in/wave")
    images = np.stack([seeded_weights.image(f"e2e/frame{index}", seed, IMAGE_SIZE_PX) for index in range(24)])
    compare_checksums(vectors, "in/frame_crc32", list(images))
    lips, audio = protocol.embed_clip(network, images, wave)
    vectors.compare("out/lip_embedding", lips, relative=EMBEDDING)
    vectors.compare("out/aud_embedding", audio, relative=EMBEDDING)
    _compare_score(vectors, "out", protocol.score_embeddings(lips, audio))

    short = wave[: 15 * SAMPLES_PER_IMAGE + SAMPLES_PER_IMAGE - 1]
    vectors.compare("short_audio/num_windows", protocol.num_windows(len(images), len(short)))
    _compare_score(vectors, "short_audio", protocol.score_clip(network, images, short))

    odd = np.stack([seeded_weights.image(f"e2e/odd{index}", seed, 160)[:, :144] for index in range(9)])
    lips, audio = protocol.embed_clip(network, odd, wave)
    vectors.compare("resized/lip_embedding", lips, relative=EMBEDDING)
    _compare_score(vectors, "resized", protocol.score_embeddings(lips, audio))


def compare_expert(vectors: VectorFile, seed: int, network: SyncExpert) -> None:
    """Wav2Lip's network block by block, and its mel spectrogram."""
    faces = torch.from_numpy(seeded_weights.uniform("color/face", (2, 15, 48, 96), seed, 0.5, 0.5))
    mel = torch.from_numpy(seeded_weights.uniform("color/mel", (2, 1, 80, 16), seed, 0, 4))
    _compare_inputs(vectors, {"face": faces, "mel": mel})
    with compared_layers(vectors, network, COLOUR):
        audio, face = network(mel, faces)
    vectors.compare("out/audio", audio, relative=COLOUR)
    vectors.compare("out/face", face, relative=COLOUR)
    vectors.compare("out/cosine", (audio * face).sum(dim=1), relative=COLOUR)
    vectors.compare("out/mel_basis", expert.mel_filters(), relative=MEL)
    waveform = vectors.value("in/wave").astype(np.float32) / 32768
    vectors.compare("out/melspectrogram", expert.mel_spectrogram(waveform), relative=MEL)


def _compare_inputs(vectors: VectorFile, inputs: dict[str, Tensor]) -> None:
    for name, tensor in inputs.items():
        vectors.compare(f"in/{name}", tensor, optional=True)


def _cases(vectors: VectorFile) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in vectors.names if "/" in name))


def _score(video: NDArray[np.float32], audio: NDArray[np.float32], shift: int = protocol.MAX_SHIFT) -> SyncScore:
    return protocol.score_embeddings(torch.from_numpy(video), torch.from_numpy(audio), shift)


def _compare_score(vectors: VectorFile, case: str, score: SyncScore) -> None:
    """All figures of a score that the file has; the three of the protocol must be there."""
    confidence = DISTANCE * float(score.distances.max())
    vectors.compare(f"{case}/offset", score.offset_frames)
    vectors.compare(f"{case}/min_dist", score.min_distance, relative=DISTANCE)
    vectors.compare(f"{case}/conf", score.confidence, absolute=confidence)
    vectors.compare(f"{case}/dists", score.distances, relative=DISTANCE, optional=True)
    vectors.compare(f"{case}/mean_dist", score.mean_distances, relative=DISTANCE, optional=True)
    vectors.compare(f"{case}/framewise_raw", score.framewise_raw, absolute=confidence, optional=True)
    vectors.compare(f"{case}/framewise_conf", score.framewise_confidence, absolute=confidence, optional=True)
    vectors.compare(f"{case}/printed", score.official_text(), optional=True)
