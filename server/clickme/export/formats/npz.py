"""NPZ: raw clicks in the arrays that the ClickMe 2 pipeline's reader takes, one row for each round."""

import io
import json
import pickle
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from clickme.export.formats import Damaged
from clickme.export.formats.rows import Row, complaint, photographs, rows
from clickme.export.record import Record

# The arrays, by the names that the values have in a row.
NUMBERS = {"label": "label", "player": "user_id"}
VALUES = {
    "image_id": "file_pointer",
    "wnid": "wnid",
    "outcome": "outcome",
    "recognised_ms": "recognised_ms",
    "begun_at": "begun_at",
    "pointer": "pointer",
    "contest": "contest",
    "partner": "partner",
}
CLICKS = ("clickmap_x", "clickmap_y", "clickmap_t")

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can say
UNIX = 3  # the system that a zip says it is from


@dataclass(frozen=True)
class NPZ:
    """| array | of each round |
    |---|---|
    | `file_pointer` | the photograph's path |
    | `clickmap_x`, `clickmap_y` | lists of int: px of the 256x256 photograph |
    | `user_id` | int64: the player's number within this export, from 0 |
    | `user_catch_trial` | float64: 1.0. There are no catch trials here; the reader keeps 0.95 and more |
    | `is_mobile` | a list of one bool: whether the pointer was a touch |
    | `clickmap_t` | a list of int: ms since the round began |
    | `label`, `wnid` | the class, int64 and 0-based, and its synset |
    | `outcome`, `recognised_ms`, `begun_at`, `pointer`, `contest`, `partner` | as in NDJSON, or None |
    | `rules` | the game's, as they were for this round, in JSON |

    The first six are the reader's. Arrays are of objects where no dtype is named: `numpy.load` needs
    `allow_pickle=True`. Rows of one photograph follow each other and are read back as one record, even where
    they were written as a record for each player. A whole file is in memory at a time, some kB a round.
    """

    name: str = "npz"
    has_images: bool = False
    has_maps: bool = False

    def file_name(self, split: str, number: int, of: int) -> str:
        return f"clickme-{split}-{number:05}-of-{of:05}.npz"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in _arrays(list(rows(records))):
                member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system = UNIX
                archive.writestr(member, data)

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        return photographs(_rows(file), split)


def _arrays(members: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for key, name in NUMBERS.items():
        yield name, _numbers(np.array([row[key] for row in members], dtype="<i8"))
    yield "user_catch_trial", _numbers(np.ones(len(members), dtype="<f8"))
    yield "is_mobile", _objects([[row["pointer"] == "touch"] for row in members])
    for key, name in VALUES.items():
        yield name, _objects([row[key] for row in members])
    yield "rules", _objects([json.dumps(row["rules"], sort_keys=True) for row in members])
    for axis, name in enumerate(CLICKS):
        yield name, _objects([[bubble[axis] for bubble in row["xyt"]] for row in members])


def _numbers(values: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, values, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _objects(values: list[Any]) -> bytes:
    """A .npy file of an array of objects, [len(values)].

    NumPy would write it, but NumPy 1 does not know the module names in what NumPy 2 pickles, while both know
    the older ones. And pickle tells an object that it has met from one that is merely equal: equal values
    would not always give equal bytes.
    """
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (len(values),)})
    kind = pickle.GLOBAL + b"numpy\nndarray\n" + _put((0,)) + _put("b") + pickle.TUPLE3
    dtype = pickle.GLOBAL + b"numpy\ndtype\n" + _put(("O8", False, True)) + pickle.REDUCE
    state = _put(1) + _put((len(values),)) + dtype + _put(False) + _put(values)
    file.write(
        pickle.PROTO
        + b"\x03"
        + pickle.GLOBAL
        + b"numpy.core.multiarray\n_reconstruct\n"
        + kind
        + pickle.REDUCE
    )
    file.write(pickle.MARK + state + pickle.TUPLE + pickle.BUILD + pickle.STOP)
    return file.getvalue()


def _put(value: Any) -> bytes:
    """What puts a plain value onto the stack: its pickle without the first opcode and the last."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=3)
    pickler.fast = True  # every object for itself, as if none were met before
    pickler.dump(value)
    return file.getvalue()[2:-1]


def _rows(file: BinaryIO) -> Iterator[Row]:
    names = [*NUMBERS.values(), *VALUES.values(), "rules", *CLICKS]
    try:
        with zipfile.ZipFile(file) as archive:
            columns = [_column(archive.read(f"{name}.npy")) for name in names]
        members = list(zip(*columns, strict=True))
    except Exception as error:  # zipfile, zlib and pickle have too many kinds to name
        raise Damaged(f"the file is truncated, was changed, or is no NPZ of this layout: {error!r}") from None
    for number, values in enumerate(members):
        try:
            row = _row(*values)
        except (ValueError, TypeError) as error:
            raise Damaged(f"row {number} is not a round of this layout: {complaint(error)}") from None
        yield row


def _row(*values: Any) -> Row:
    *plain, rules, x, y, t = values
    found = dict(zip((*NUMBERS, *VALUES), plain, strict=True))
    xyt = list(zip(x, y, t, strict=True))
    return Row.model_validate({**found, "rules": json.loads(rules), "xyt": xyt})


def _column(data: bytes) -> list[Any]:
    """The values of a .npy file of one axis."""
    file = io.BytesIO(data)
    npy.read_magic(file)
    _, _, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        array = _Objects(file).load()
        values = array.values if isinstance(array, _Array) else None
    else:
        values = npy.read_array(io.BytesIO(data), allow_pickle=False).tolist()
    if not isinstance(values, list):
        raise TypeError("an array that is no array of one axis")
    return values


class _Array:
    """Stands for numpy.ndarray in a pickle: keeps the list of values and makes no array of them."""

    values: Any = None

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: Sequence[Any]) -> None:
        *_, self.values = state


class _Inert:
    """Stands for what says nothing that is needed."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


class _Objects(pickle.Unpickler):
    """Makes plain values and arrays of them, and imports nothing: a pickle can ask for any program."""

    known: ClassVar = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Inert,
        ("numpy", "dtype"): _Inert,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no list of clicks needs")
        return self.known[module, name]
