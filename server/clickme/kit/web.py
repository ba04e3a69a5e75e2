"""What every HTTP route shares: one request, one transaction."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from clickme.kit.house import House


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def names_own_page(connection: HTTPConnection) -> bool:
    """Whether a request's Origin is a page of this very server. No page can make a browser lie about it."""
    try:
        origin = urlsplit(connection.headers.get("origin", ""))
    except ValueError:
        return False
    host = connection.headers.get("host")
    return origin.scheme in ("http", "https") and origin.netloc != "" and origin.netloc == host


def transaction(house: Annotated[House, Depends(house_of)]) -> Iterator[Session]:
    with house.database.transaction() as session:
        yield session


# The scope makes the commit come before the answer: nobody is told of what is not kept.
Transaction = Annotated[Session, Depends(transaction, scope="function")]
