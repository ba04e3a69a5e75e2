"""Pickled state dicts, written here opcode by opcode: what must be read, and what must not."""

import io
import os
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from clickme_partner.errors import PartnerError
from clickme_partner.state_dict import read_state_dict

shapes = st_numpy.array_shapes(min_dims=0, max_dims=4, max_side=5)
tensors = st.one_of(
    st_numpy.arrays(np.float32, shapes, elements=st.floats(width=32, allow_nan=False)),
    st_numpy.arrays(np.int64, shapes),
)


def put(value: Any) -> bytes:
    """The opcodes that put a plain value onto the stack: a pickle without its first and last."""
    return pickle.dumps(value, 3)[2:-1]


def storage(values: npt.NDArray[Any], *, count: int | None = None) -> bytes:
    kind = b"FloatStorage" if values.dtype == np.float32 else b"LongStorage"
    parts = [put("storage"), b"ctorch\n" + kind + b"\n", put("0"), put("cpu"), put(values.size), put(None)]
    description = b"\x80\x03(" + b"".join(parts) + b"tQ."
    head = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    size = (values.size if count is None else count).to_bytes(8, "little")
    return b"".join([*head, description, pickle.dumps(["0"], 2), size, values.tobytes()])


def tensor(values: npt.NDArray[Any], data: bytes, *, strides: tuple[int, ...] | None = None) -> bytes:
    plain = tuple(stride // values.itemsize for stride in values.strides) if strides is None else strides
    load = b"ctorch.storage\n_load_from_bytes\n(" + put(data) + b"tR"
    rest = put(0) + put(values.shape) + put(plain) + put(False) + b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + load + rest + b"tR"


def state_dict(tensors: dict[str, bytes]) -> io.BytesIO:
    items = b"".join(put(name) + value for name, value in tensors.items())
    return io.BytesIO(b"\x80\x03ccollections\nOrderedDict\n)R(" + items + b"u.")


@given(st.dictionaries(st.text(max_size=8), tensors, max_size=3))
def test_tensors_come_back_as_they_were(arrays: dict[str, npt.NDArray[Any]]) -> None:
    read = read_state_dict(state_dict({name: tensor(a, storage(a)) for name, a in arrays.items()}))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def test_a_pickle_that_runs_a_program_is_refused() -> None:
    with pytest.raises(PartnerError) as error:
        read_state_dict(io.BytesIO(pickle.dumps({"conv1.weight": Evil()})))
    assert error.value.code == "unsafe_weights"
    assert "system" in error.value.message


def test_a_storage_that_runs_a_program_is_refused() -> None:
    values = np.zeros(2, np.float32)
    with pytest.raises(PartnerError) as error:
        read_state_dict(state_dict({"x": tensor(values, pickle.dumps(Evil()))}))
    assert error.value.code == "unsafe_weights"


@pytest.mark.parametrize("name", [b"cbuiltins\neval\n", b"ctorch\nload\n", b"ccollections\nChainMap\n"])
def test_whatever_tensors_do_not_need_is_refused(name: bytes) -> None:
    with pytest.raises(PartnerError) as error:
        read_state_dict(state_dict({"x": name}))
    assert error.value.code == "unsafe_weights"


def test_damaged_weights_are_said_to_be_so() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    whole = state_dict({"x": tensor(values, storage(values))}).getvalue()
    damaged = [
        b"",
        whole[:-40],
        state_dict({"x": tensor(values, storage(values)[:-4])}).getvalue(),
        state_dict({"x": tensor(values, storage(values, count=7))}).getvalue(),
        state_dict({"x": tensor(values, pickle.dumps(1))}).getvalue(),
        state_dict({"x": tensor(values, storage(values), strides=(1, 2))}).getvalue(),
        state_dict({"x": tensor(np.zeros(9, np.float32), storage(values))}).getvalue(),
    ]
    for data in damaged:
        with pytest.raises(PartnerError) as error:
            read_state_dict(io.BytesIO(data))
        assert error.value.code == "corrupt_weights"
