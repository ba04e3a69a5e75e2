"""The TFRecord file format and the tf.train.Example message inside it.

Sources: TensorFlow's guide "TFRecord and tf.train.Example" (framing and masked CRC), its
core/example/{example,feature}.proto (the message), and the encoding guide of Protocol Buffers (the wire).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import google_crc32c

LENGTH_DELIMITED = 2  # the wire type of strings, messages and packed lists
BYTES_LIST, INT64_LIST = 1, 3  # fields of the oneof in Feature


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append one record: uint64 length, its masked CRC, the data, its masked CRC; all little-endian."""
    length = struct.pack("<Q", len(data))
    file.write(length + masked_crc(length) + data + masked_crc(data))


def masked_crc(data: bytes) -> bytes:
    """The CRC-32C of `data`, rotated right by 15 bits plus a constant, as a little-endian uint32."""
    crc: int = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def encode_example(features: Mapping[str, bytes | Sequence[int]]) -> bytes:
    """A serialised tf.train.Example: a bytes value becomes a bytes list of one, integers a packed int64 list.

    Features come in the order of their keys, so equal features always give equal bytes, which protobuf itself
    does not promise.
    """
    entries = (
        _field(1, _field(1, key.encode()) + _field(2, _feature(features[key]))) for key in sorted(features)
    )
    return _field(1, b"".join(entries))


def _feature(value: bytes | Sequence[int]) -> bytes:
    if isinstance(value, bytes):
        return _field(BYTES_LIST, _field(1, value))
    return _field(INT64_LIST, _field(1, b"".join(_varint(number) for number in value)))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    """Seven bits to a byte, lowest first; a negative int64 as its two's complement in 64 bits."""
    rest = number & 0xFFFFFFFFFFFFFFFF
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)
