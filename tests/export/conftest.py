"""Shards read back by other means than they were written: a CRC table, struct, and protobuf's own runtime."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Record = dict[str, list[Any]]


def crc_table() -> list[int]:
    """CRC-32C a byte at a time: the Castagnoli polynomial, reflected (RFC 3720, appendix B.4)."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


TABLE = crc_table()


def slow_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def unmasked(masked: int) -> int:
    """The CRC behind a stored one: the constant taken away, then rotated left by 15 bits."""
    rotated = (masked - 0xA282EAD8) % 2**32
    return (rotated << 15 | rotated >> 17) % 2**32


def example_class() -> Any:
    """tf.train.Example as protobuf knows it, after tensorflow/core/example/{example,feature}.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tf", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def message(name: str, *fields: tuple[str, int, int, int, str]) -> descriptor_pb2.DescriptorProto:
        made = file.message_type.add(name=name)
        for key, number, label, kind, of in fields:
            made.field.add(name=key, number=number, label=label, type=kind, type_name=of or None)
        return made

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    message("BytesList", ("value", 1, many, field.TYPE_BYTES, ""))
    message("FloatList", ("value", 1, many, field.TYPE_FLOAT, ""))
    message("Int64List", ("value", 1, many, field.TYPE_INT64, ""))
    feature = message(
        "Feature",
        ("bytes_list", 1, one, field.TYPE_MESSAGE, ".tf.BytesList"),
        ("float_list", 2, one, field.TYPE_MESSAGE, ".tf.FloatList"),
        ("int64_list", 3, one, field.TYPE_MESSAGE, ".tf.Int64List"),
    )
    feature.oneof_decl.add(name="kind")
    for choice in feature.field:
        choice.oneof_index = 0
    features = message("Features", ("feature", 1, many, field.TYPE_MESSAGE, ".tf.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=one, type=field.TYPE_STRING)
    entry.field.add(name="value", number=2, label=one, type=field.TYPE_MESSAGE, type_name=".tf.Feature")
    message("Example", ("features", 1, one, field.TYPE_MESSAGE, ".tf.Features"))

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf.Example"))


EXAMPLE = example_class()


def decoded(data: bytes) -> Record:
    example = EXAMPLE.FromString(data)
    return {
        key: list(getattr(feature, feature.WhichOneof("kind")).value)
        for key, feature in example.features.feature.items()
    }


def framed(data: bytes) -> list[bytes]:
    """Cut a file of records: every length and record has its CRC, and no byte is left over."""
    records = []
    at = 0
    while at < len(data):
        length, length_crc = struct.unpack_from("<QI", data, at)
        assert unmasked(length_crc) == slow_crc(data[at : at + 8])
        at += 12
        record = data[at : at + length]
        assert len(record) == length
        (record_crc,) = struct.unpack_from("<I", data, at + length)
        assert unmasked(record_crc) == slow_crc(record)
        records.append(record)
        at += length + 4
    return records


@pytest.fixture(scope="session")
def cut() -> Callable[[bytes], list[bytes]]:
    return framed


@pytest.fixture(scope="session")
def decode() -> Callable[[bytes], Record]:
    return decoded


@pytest.fixture(scope="session")
def read_shard() -> Callable[[Path], list[Record]]:
    """The records of a file, CRCs checked."""
    return lambda file: [decoded(record) for record in framed(file.read_bytes())]
