"""A prepared store of a few kilobytes: a buzz whose loudness opens the jaw."""

from pathlib import Path

import numpy as np

from src.data.clip_info import ClipInfo
from src.data.store import Store, write_clip, write_manifest
from src.motion import CORE7, Motion, MotionSpec

JAW = {"core7": "jaw_open", "arkit55": "jawOpen"}


def write_tiny_store(
    folder: Path, frames_per_clip: dict[str, list[int]], seed: int = 0, specs: tuple[MotionSpec, ...] = (CORE7,)
) -> Store:
    """Write clips of the given lengths in motion frames, per speaker.

    The jaw follows the loudness of a noisy buzz, the head sways by itself; frames 3 to 5 are not valid.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for speaker, lengths in frames_per_clip.items():
        for number, frames in enumerate(lengths):
            opening = np.clip(np.sin(np.arange(frames) * generator.uniform(0.3, 0.5)), 0, 1) * 0.2
            loudness = np.repeat(opening, 640) + 0.001
            time = np.arange(len(loudness)) / 16_000
            buzz = np.sign(np.sin(2 * np.pi * generator.uniform(90, 220) * time)) + generator.normal(size=len(time))
            yaw = 5 * np.sin(np.arange(frames) / 30 + generator.uniform(0, 6))
            valid = np.ones(frames, bool)
            valid[3:6] = False
            motions = []
            for spec in specs:
                values = np.zeros((frames, spec.size), np.float32)
                values[:, spec.index(JAW[spec.name])] = opening
                values[:, spec.index("head_yaw")] = yaw
                motions.append(Motion(values, spec, valid=valid))
            info = ClipInfo(
                clip_id=f"{speaker}_{number}",
                path=f"{speaker}/{number}.mp4",
                speaker=speaker,
                language="en",
                licence="made here",
                consent="",
                split="",
                seconds=frames / 25,
                frames=frames,
                samples=len(time),
                specs="",
                fps=25.0,
                sample_rate_hz=16_000,
                valid_share=float(valid.mean()),
                segment=0,
                start_s=0.0,
                motion_start_s=0.0,
                source_seconds=frames / 25,
                offset_ms=0.0,
                offset_confidence=0.0,
                source_fps=25.0,
                width=64,
                height=64,
                face_px=32.0,
                yaw_deg=0.0,
                speech_share=1.0,
                level_db=-20.0,
                landmark_step_px=0.0,
                source_sha256="",
                config_hash="",
                audio_sha256="",
                clip_sha256="",
            )
            waveform = (0.5 * loudness * buzz).astype(np.float32)
            rows.append(write_clip(folder, info, waveform, motions, None))
    return write_manifest(folder, rows)
