"""What every HTTP route shares: one request, one transaction."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from clickme.kit.house import House


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def transaction(house: Annotated[House, Depends(house_of)]) -> Iterator[Session]:
    with house.database.transaction() as session:
        yield session


# The scope makes the commit come before the answer: nobody is told of what is not kept.
Transaction = Annotated[Session, Depends(transaction, scope="function")]
