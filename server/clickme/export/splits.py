"""Which photograph is for training, for validation, for the test: 90, 5 and 5 in a hundred.

A keyed hash of the photograph's file decides. Left to it alone, one class in three with some twenty
photographs would have none for validation. So where none of the first 19 photographs of a class that got a
map is for validation, the 20th is; and the 21st for the test, likewise. That order never changes: adding
photographs, players or rounds moves no photograph.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    func,
    literal,
    select,
)

from clickme.catalogue.models import Image

# The key keeps this order apart from any other use of the same hash. Another key would be another data set.
KEY = "clickme split 1:"

# A photograph's place is 32 bytes, evenly spread. Bytes compare as numbers do, the first byte weighing most.
TRAIN_ENDS = (90 * 2**64 // 100).to_bytes(8, "big")
VALIDATION_ENDS = (95 * 2**64 // 100).to_bytes(8, "big")

FOR_VALIDATION, FOR_TEST = 20, 21  # the photographs of a class that stand in, by nth_mapped


def place(source_sha256: SQLColumnExpression[str]) -> ColumnElement[bytes]:
    """Where a photograph stands among all photographs there could be: a keyed SHA-256 of its source's hash.

    It depends on the source file alone, so adding photographs never moves another one. Classes are well mixed
    in this order.
    """
    return func.sha256(func.convert_to(literal(KEY) + source_sha256, "UTF8"), type_=LargeBinary)


def by_hash(place: ColumnElement[bytes]) -> ColumnElement[str]:
    """The split that a place lies in."""
    return case(
        (place < literal(TRAIN_ENDS, LargeBinary), literal("train")),
        (place < literal(VALIDATION_ENDS, LargeBinary), literal("validation")),
        else_=literal("test"),
    )


def firsts() -> Subquery:
    """For each class, whether its first 19 photographs with a map have one in each of the small splits."""
    split = by_hash(place(Image.source_sha256))
    return (
        select(
            Image.class_index,
            func.bool_or(split == "validation").label("validation"),
            func.bool_or(split == "test").label("test"),
        )
        .where(Image.nth_mapped < FOR_VALIDATION)
        .group_by(Image.class_index)
        .subquery("firsts")
    )


def split(firsts: Subquery) -> ColumnElement[Any]:
    """The split of a photograph, where `firsts` is joined by class."""
    return case(
        (and_(Image.nth_mapped == FOR_VALIDATION, ~firsts.c.validation), literal("validation")),
        (and_(Image.nth_mapped == FOR_TEST, ~firsts.c.test), literal("test")),
        else_=by_hash(place(Image.source_sha256)),
    )
