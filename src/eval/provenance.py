"""Where numbers come from: the code, the machine, the packages and the files behind a report."""

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy", "torch", "torchaudio", "onnxruntime", "av", "opencv-contrib-python", "mediapipe", "pytorch-lightning",
)  # fmt: skip
"""Those whose version can change a figure."""


@dataclass(frozen=True)
class Provenance:
    """What a figure depends on besides its inputs.

    Attributes:
        commit: of the code, `+` behind it if files differ from it; empty outside of a repository.
        cpu: model name as the system tells it.
        cores: that this process may use.
        memory_gib: of the machine; None where the system does not tell.
        system: operating system and architecture.
        python: version.
        packages: versions of `PACKAGES`, those that are installed.
    """

    commit: str
    cpu: str
    cores: int
    memory_gib: float | None
    system: str
    python: str
    packages: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


def provenance() -> Provenance:
    """Look at this process and its machine."""
    return Provenance(
        commit=commit(),
        cpu=cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=memory_gib(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages=package_versions(),
    )


def commit() -> str:
    """The commit of the code, with `+` if files differ from it; empty outside of a repository."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_model() -> str:
    """Model name of the processor, or the architecture where the system names none."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Memory of the machine; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def package_versions() -> dict[str, str]:
    """Installed versions of `PACKAGES`."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
