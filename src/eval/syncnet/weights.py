"""The official weight files of SyncNet, its face detector and Wav2Lip's expert."""

from pathlib import Path

from src.eval.syncnet import s3fd
from src.eval.syncnet.network import SyncNet
from src.official_weights import OfficialFile, load_official

SYNCNET_V2 = OfficialFile(
    name="syncnet_v2.model",
    size="54.6 MB",
    where="Get it from http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model, as download_model.sh of "
    "github.com/joonson/syncnet_python does (no licence is stated for the file).",
    section=None,
    prefix="",
    sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
)
S3FD = OfficialFile(
    name="sfd_face.pth",
    size="89.8 MB",
    where="Get it from https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/sfd_face.pth, as download_model.sh of "
    "github.com/joonson/syncnet_python does.",
    section=None,
    prefix="",
    sha256=None,
)
WAV2LIP_EXPERT = OfficialFile(
    name="lipsync_expert.pth",
    size="197 MB",
    where="The README of github.com/Rudrabha/Wav2Lip says where to get it (research and personal use only).",
    section="state_dict",
    prefix="module.",
    sha256="9b9936c721696446eeed353032cab242a8cf0eed8c46cde540366f6ae5493be5",
)


def load_syncnet(path: Path, device: str = "cpu") -> SyncNet:
    """SyncNet with the official weights, in `eval()` mode and without gradients.

    Raises:
        CheckpointError: the file is missing, damaged or of another network; says where to get it.
    """
    network = SyncNet()
    load_official(network, path, SYNCNET_V2)
    return network.to(device).eval().requires_grad_(False)


def load_detector(path: Path, device: str = "cpu") -> s3fd.S3FD:
    """The face detector with the official weights, as `load_syncnet`."""
    network = s3fd.S3FD()
    load_official(network, path, S3FD)
    return network.to(device).eval().requires_grad_(False)
