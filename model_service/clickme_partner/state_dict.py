"""Reads a pickled PyTorch state dict without PyTorch, and without running whatever else a pickle may ask for.

The format: a pickle of an OrderedDict of tensors; the storage of each is a byte string in the older of
torch.save's two formats: a magic number, a version, the writer's system, the storage's description and a
list of keys, each pickled; then, for each key, the number of values and the values (torch/serialization.py,
`_legacy_save`).
"""

import io
import math
import pickle
from collections import OrderedDict
from typing import IO, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from clickme_partner.errors import PartnerError

StateDict = dict[str, npt.NDArray[Any]]

MAGIC: Final = 0x1950A86A20F9469CFC6C
VERSION: Final = 1001


def read_state_dict(file: IO[bytes]) -> StateDict:
    """Every tensor by its name, in its own shape and type (float32, int64).

    Raises PartnerError `unsafe_weights` for a pickle that asks for anything that tensors do not need, and
    `corrupt_weights` for one that cannot be read.
    """
    try:
        return dict(_Tensors(file).load())
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, AttributeError) as error:
        message = "These weights cannot be read as a PyTorch state dict."
        raise PartnerError("corrupt_weights", message) from error


class _Restricted(pickle.Unpickler):
    """Knows only the names in `known`, and imports none of them."""

    known: ClassVar[dict[tuple[str, str], Any]]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            message = f"These weights ask for {module}.{name}, which no tensor needs: they are not read."
            raise PartnerError("unsafe_weights", message)
        return self.known[module, name]


class _Storage(_Restricted):
    """The description of one storage: its type and its number of values."""

    known: ClassVar = {("torch", "FloatStorage"): np.dtype("<f4"), ("torch", "LongStorage"): np.dtype("<i8")}

    def persistent_load(self, pid: Any) -> Any:
        return pid


def _load_storage(data: bytes) -> npt.NDArray[Any]:
    stream = io.BytesIO(data)

    def read() -> Any:
        return _Storage(stream).load()

    if read() != MAGIC or read() != VERSION:
        raise ValueError("not a storage of torch.save")
    read()  # the writer's system: the values are little-endian on every one
    _, dtype, _, _, count, _ = read()
    read()  # the keys: a storage saved by itself has one
    written = int.from_bytes(stream.read(8), "little")
    values = np.frombuffer(data, dtype, offset=stream.tell())
    if not count == written == len(values):
        raise ValueError("a storage of another length than it says")
    return values


def _rebuild_tensor(
    storage: npt.NDArray[Any], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> npt.NDArray[Any]:
    if stride != tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))):
        raise ValueError("a tensor that does not lie in one piece")
    return storage[offset : offset + math.prod(shape)].reshape(shape)


class _Tensors(_Restricted):
    known: ClassVar = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch.storage", "_load_from_bytes"): _load_storage,
    }
