"""The TFRecord file format and the tf.train.Example message inside it.

Sources: TensorFlow's guide "TFRecord and tf.train.Example" (framing and masked CRC), its
core/example/{example,feature}.proto (the message), and the encoding guide of Protocol Buffers (the wire).
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import google_crc32c

from clickme.export.formats import Damaged

# A bytes value is a bytes list of one, floats are a float list, integers an int64 list.
Features = dict[str, bytes | Sequence[int] | Sequence[float]]

VARINT, LENGTH_DELIMITED = 0, 2  # wire types
FIXED = {1: 8, 5: 4}  # ... and those of a fixed length, in bytes
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3  # fields of the oneof in Feature


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append one record: uint64 length, its masked CRC, the data, its masked CRC; all little-endian."""
    length = struct.pack("<Q", len(data))
    file.write(length + masked_crc(length) + data + masked_crc(data))


def masked_crc(data: bytes) -> bytes:
    """The CRC-32C of `data`, rotated right by 15 bits plus a constant, as a little-endian uint32."""
    crc: int = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def read_records(file: BinaryIO) -> Iterator[bytes]:
    """The data of each record to the end of the file. `Damaged` at a wrong CRC or a record cut short."""
    number = 0
    while head := file.read(12):
        if len(head) < 12 or masked_crc(head[:8]) != head[8:]:
            raise Damaged(
                f"record {number} has no whole header: the file is truncated or is no TFRecord file"
            )
        (length,) = struct.unpack_from("<Q", head)
        data, crc = file.read(length), file.read(4)
        if len(data) < length or masked_crc(data) != crc:
            raise Damaged(
                f"record {number} is truncated or was changed: its checksum is not that of its data"
            )
        yield data
        number += 1


def encode_example(features: Mapping[str, bytes | Sequence[int] | Sequence[float]]) -> bytes:
    """A serialised tf.train.Example: bytes become a bytes list of one, numbers a packed list.

    A list is of floats if its first number is a float; they are kept as float32. Features come in the order
    of their keys, so equal features always give equal bytes, which protobuf itself does not promise.
    """
    entries = (
        _field(1, _field(1, key.encode()) + _field(2, _feature(features[key]))) for key in sorted(features)
    )
    return _field(1, b"".join(entries))


def _feature(value: bytes | Sequence[int] | Sequence[float]) -> bytes:
    if isinstance(value, bytes):
        return _field(BYTES_LIST, _field(1, value))
    if value and isinstance(value[0], float):
        return _field(FLOAT_LIST, _field(1, struct.pack(f"<{len(value)}f", *value)))
    return _field(INT64_LIST, _field(1, b"".join(_varint(int(number)) for number in value)))


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


def decode_example(data: bytes) -> dict[str, list[Any]]:
    """The values of each feature: bytes, floats or integers. `ValueError` if it is no tf.train.Example."""
    values = {}
    for features in _payloads(data, 1):
        for entry in _payloads(features, 1):
            key, feature = next(_payloads(entry, 1), b""), next(_payloads(entry, 2), b"")
            values[key.decode()] = _values(feature)
    return values


def _values(feature: bytes) -> list[Any]:
    for kind, content in _fields(feature):
        if not isinstance(content, bytes):
            raise ValueError("a feature holds a number where there should be a list")
        if kind == BYTES_LIST:
            return list(_payloads(content, 1))
        if kind == FLOAT_LIST:
            return [number for packed in _payloads(content, 1) for number in _floats(packed)]
        if kind == INT64_LIST:
            return [number for packed in _payloads(content, 1) for number in _int64s(packed)]
    return []


def _payloads(message: bytes, number: int) -> Iterator[bytes]:
    return (content for found, content in _fields(message) if found == number and isinstance(content, bytes))


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The number and the content of each field, in order."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if wire == LENGTH_DELIMITED:
            length, at = _read_varint(message, at)
        elif wire in FIXED:
            length = FIXED[wire]
        else:
            raise ValueError(f"there is no wire type {wire}")
        if at + length > len(message):
            raise ValueError("a field is longer than its message")
        yield number, message[at : at + length]
        at += length


def _floats(packed: bytes) -> Iterator[float]:
    if len(packed) % 4:
        raise ValueError("a list of floats ends within one")
    return (number for (number,) in struct.iter_unpack("<f", packed))


def _int64s(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        number, at = _read_varint(packed, at)
        yield number - (number >> 63 << 64)  # two's complement


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next thing begins."""
    number = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number does not end")
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
