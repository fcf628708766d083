"""Make torchaudio importable beside a CPU build of torch: `python -m scripts.fix_torchaudio`.

torchaudio is published only with extensions that are linked against CUDA and fail to load where torch
has none. The project uses its pure-Python transforms, which work once those extensions are gone.
Running it again, or beside a CUDA build of torch, changes nothing.
"""

import importlib.util
from pathlib import Path

import torch


def extensions_to_remove() -> list[Path]:
    """The compiled extensions of the installed torchaudio that this torch can't load."""
    found = importlib.util.find_spec("torchaudio")
    if torch.version.cuda is not None or found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "lib").glob("*.so"))


if __name__ == "__main__":
    for extension in extensions_to_remove():
        extension.unlink()
        print(f"torchaudio: removed {extension.name}, which needs CUDA")
