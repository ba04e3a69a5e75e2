"""Which photograph is for training, for validation, for the test: 90, 5 and 5 in a hundred."""

from sqlalchemy import ColumnElement, LargeBinary, SQLColumnExpression, case, func, literal

# The key keeps this order apart from any other use of the same hash. Another key would be another data set.
KEY = "clickme split 1:"

# A photograph's place is 32 bytes, evenly spread. Bytes compare as numbers do, the first byte weighing most.
TRAIN_ENDS = (90 * 2**64 // 100).to_bytes(8, "big")
VALIDATION_ENDS = (95 * 2**64 // 100).to_bytes(8, "big")


def place(source_sha256: SQLColumnExpression[str]) -> ColumnElement[bytes]:
    """Where a photograph stands among all photographs there could be: a keyed SHA-256 of its source's hash.

    It depends on the source file alone, so adding photographs never moves another one, and a home filled from
    the same files anew has the same splits. Classes are well mixed in this order.
    """
    return func.sha256(func.convert_to(literal(KEY) + source_sha256, "UTF8"), type_=LargeBinary)


def split(place: ColumnElement[bytes]) -> ColumnElement[str]:
    """The split that a place lies in: first all of train, then all of validation, then all of test."""
    return case(
        (place < literal(TRAIN_ENDS, LargeBinary), literal("train")),
        (place < literal(VALIDATION_ENDS, LargeBinary), literal("validation")),
        else_=literal("test"),
    )
