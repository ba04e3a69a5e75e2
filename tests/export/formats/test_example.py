"""The format, read back by an independent reader (conftest.py) and by its own."""

import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clickme.export.formats import Damaged
from clickme.export.formats.example import (
    decode_example,
    encode_example,
    masked_crc,
    read_records,
    write_record,
)

Value = bytes | list[int] | list[float]

int64s = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=32, allow_nan=False)
values: st.SearchStrategy[Value] = st.one_of(
    st.binary(max_size=300), st.lists(int64s, max_size=20), st.lists(floats, min_size=1, max_size=20)
)
features = st.dictionaries(st.text(max_size=20), values, max_size=8)


def framed(records: Iterable[bytes]) -> io.BytesIO:
    file = io.BytesIO()
    for record in records:
        write_record(file, record)
    file.seek(0)
    return file


def test_the_crc_is_castagnoli_s_masked() -> None:
    """The CRC of 32 zero bytes is 0x8a9136aa (RFC 3720, appendix B.4); masked by hand."""
    rotated = 0x8A9136AA >> 15 | 0x8A9136AA << 17 & 0xFFFFFFFF

    assert masked_crc(bytes(32)) == ((rotated + 0xA282EAD8) % 2**32).to_bytes(4, "little")


@given(records=st.lists(st.binary(max_size=500), max_size=5))
def test_records_come_back(cut: Callable[[bytes], list[bytes]], records: list[bytes]) -> None:
    assert cut(framed(records).getvalue()) == records


def test_an_example_byte_by_byte() -> None:
    """Worked out by hand from the encoding guide."""
    example = encode_example({"b": [1, 300], "a": b"xyz"})

    first = b"\x0a\x01a" + b"\x12\x07" + b"\x0a\x05" + b"\x0a\x03xyz"
    second = b"\x0a\x01b" + b"\x12\x07" + b"\x1a\x05" + b"\x0a\x03\x01\xac\x02"
    assert example == b"\x0a\x1c" + b"\x0a\x0c" + first + b"\x0a\x0c" + second


@given(features=features)
def test_protobuf_reads_every_example(
    decode: Callable[[bytes], dict[str, list[Any]]], features: dict[str, Value]
) -> None:
    expected = {key: [value] if isinstance(value, bytes) else value for key, value in features.items()}

    assert decode(encode_example(features)) == expected


@given(features)
def test_the_order_of_keys_changes_no_byte(features: dict[str, Value]) -> None:
    assert encode_example(features) == encode_example(dict(reversed(features.items())))


@given(features=features)
def test_decoding_agrees_with_protobuf(
    decode: Callable[[bytes], dict[str, list[Any]]], features: dict[str, Value]
) -> None:
    encoded = encode_example(features)

    assert decode_example(encoded) == decode(encoded)


def changed(message: bytes, at: int, byte: int) -> bytes:
    data = bytearray(message or b"\0")
    data[at % len(data)] = byte
    return bytes(data)


@given(message=st.builds(changed, features.map(encode_example), st.integers(0, 2**16), st.integers(0, 255)))
@example(message=b"\n\t\n\x07\n\x01a\x12\x02\x08\x01")  # a list that is a number
@example(message=b"\n\x0d\n\x0b\n\x01a\x12\x06\x12\x04\n\x02\0\0")  # half a float
def test_what_is_no_example_is_a_valueerror(message: bytes) -> None:
    with suppress(ValueError):
        decode_example(message)


@given(records=st.lists(st.binary(max_size=500), max_size=5))
def test_records_are_read(records: list[bytes]) -> None:
    assert list(read_records(framed(records))) == records


@given(records=st.lists(st.binary(max_size=50), min_size=1, max_size=3), at=st.integers(0, 2**16))
def test_a_changed_byte_is_found(records: list[bytes], at: int) -> None:
    data = bytearray(framed(records).getvalue())
    data[at % len(data)] ^= 0x10

    with pytest.raises(Damaged):
        list(read_records(io.BytesIO(data)))


@given(record=st.binary(max_size=50), cut=st.integers(1, 2**16))
def test_a_record_cut_short_is_found(record: bytes, cut: int) -> None:
    data = framed([record, record]).getvalue()
    records = read_records(io.BytesIO(data[: len(data) // 2 + 1 + cut % (len(data) // 2 - 1)]))

    assert next(records) == record
    with pytest.raises(Damaged, match="record 1 "):
        next(records)
