"""The format, read back by an independent reader (conftest.py)."""

import io
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clickme.export.tfrecord import encode_example, masked_crc, write_record

int64s = st.integers(-(2**63), 2**63 - 1)
features = st.dictionaries(
    st.text(max_size=20), st.binary(max_size=300) | st.lists(int64s, max_size=20), max_size=8
)


def test_the_crc_is_castagnoli_s_masked() -> None:
    """The CRC of 32 zero bytes is 0x8a9136aa (RFC 3720, appendix B.4); masked by hand."""
    rotated = 0x8A9136AA >> 15 | 0x8A9136AA << 17 & 0xFFFFFFFF

    assert masked_crc(bytes(32)) == ((rotated + 0xA282EAD8) % 2**32).to_bytes(4, "little")


@given(records=st.lists(st.binary(max_size=500), max_size=5))
def test_records_come_back(cut: Callable[[bytes], list[bytes]], records: list[bytes]) -> None:
    file = io.BytesIO()
    for record in records:
        write_record(file, record)

    assert cut(file.getvalue()) == records


def test_an_example_byte_by_byte() -> None:
    """Worked out by hand from the encoding guide."""
    example = encode_example({"b": [1, 300], "a": b"xyz"})

    first = b"\x0a\x01a" + b"\x12\x07" + b"\x0a\x05" + b"\x0a\x03xyz"
    second = b"\x0a\x01b" + b"\x12\x07" + b"\x1a\x05" + b"\x0a\x03\x01\xac\x02"
    assert example == b"\x0a\x1c" + b"\x0a\x0c" + first + b"\x0a\x0c" + second


@given(features=features)
def test_protobuf_reads_every_example(
    decode: Callable[[bytes], dict[str, list[Any]]], features: dict[str, bytes | list[int]]
) -> None:
    expected = {key: [value] if isinstance(value, bytes) else value for key, value in features.items()}

    assert decode(encode_example(features)) == expected


@given(features)
def test_the_order_of_keys_changes_no_byte(features: dict[str, bytes | list[int]]) -> None:
    assert encode_example(features) == encode_example(dict(reversed(features.items())))
