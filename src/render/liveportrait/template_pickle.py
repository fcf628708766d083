"""Reading pickles of plain numbers and arrays without executing anything.

A pickle is a small program that may call any function of Python. Here it can only build containers, numbers, texts and
numpy arrays, and even these through stand-ins of our own: numpy's functions are never called with what a file says.
"""

import io
import math
import pickle
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError

_NAMES = "numpy.core.multiarray", "numpy._core.multiarray"
_NUMBERS = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)")

_DAMAGES = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    KeyError,
    ImportError,
    MemoryError,
    OverflowError,
    RecursionError,
)
"""What `pickle` raises for files that are cut off or of another kind."""


def load_plain(content: bytes) -> Any:
    """What a pickle of plain data holds.

    Args:
        content: of the file.

    Returns:
        Containers, numbers and texts; numpy arrays of numbers.

    Raises:
        MotionError: it is damaged, or wants something else than plain data; nothing of it was executed.
    """
    try:
        return _plain(_PlainUnpickler(io.BytesIO(content)).load(), {})
    except _DAMAGES as error:
        reason = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        raise MotionError(f"not a readable pickle of numbers and arrays ({reason})") from error


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows three names."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _NAMES and name == "_reconstruct":
            return _RECONSTRUCT
        if module == "numpy" and name in ("ndarray", "dtype"):
            return _NDARRAY if name == "ndarray" else _DTYPE
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused; nothing was executed")


class _Name:
    """A name of numpy's in a pickle. It has no state that a pickle could change."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it changes a function of numpy, which is refused")


class _NDArray(_Name):
    __slots__ = ()


class _Dtype(_Name):
    __slots__ = ()

    def __call__(self, code: object, *flags: object) -> "_StoredType":
        if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
            raise pickle.UnpicklingError(f"an array of {str(code)[:20]!r}, expected numbers")
        return _StoredType(code)


class _Reconstruct(_Name):
    __slots__ = ()

    def __call__(self, kind: object, *empty: object) -> "_StoredArray":
        if kind is not _NDARRAY:
            raise pickle.UnpicklingError("an array of a kind of its own, which is refused")
        return _StoredArray()


_NDARRAY, _DTYPE, _RECONSTRUCT = _NDArray(), _Dtype(), _Reconstruct()


class _StoredType:
    """What the numbers of a stored array are; the order of their bytes comes as its state."""

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        self._code = code.lstrip("<>|=")

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("an array of unknown order of bytes")
        self._code = order + self._code

    @property
    def dtype(self) -> np.dtype[Any]:
        """As numpy knows it."""
        return np.dtype(self._code)


class _StoredArray:
    """An array, complete once its state has come."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: NDArray[Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array without its numbers")
        _, shape, kind, is_fortran, raw = state
        if (
            not isinstance(kind, _StoredType)
            or not isinstance(raw, bytes)
            or not isinstance(shape, tuple)
            or not all(type(side) is int and side >= 0 for side in shape)
            or len(raw) != math.prod(shape) * kind.dtype.itemsize
        ):
            raise pickle.UnpicklingError("an array whose shape and numbers don't fit")
        self.values = np.frombuffer(raw, kind.dtype).reshape(shape, order="F" if is_fortran else "C").copy()


def _plain(content: Any, done: dict[int, Any]) -> Any:
    """Containers with arrays in place of their stand-ins.

    Args:
        content: as it was read.
        done: by identity, so that a file whose containers hold each other many times stays as small as it is.
    """
    if id(content) in done:
        return done[id(content)]
    if isinstance(content, _StoredArray):
        if content.values is None:
            raise pickle.UnpicklingError("an array without its numbers")
        return content.values
    if isinstance(content, dict):
        done[id(content)] = {key: _plain(value, done) for key, value in content.items()}
    elif isinstance(content, list | tuple):
        done[id(content)] = [_plain(value, done) for value in content]
    else:
        return content
    return done[id(content)]
