"""What every HTTP route shares: one request, one transaction; one form of errors."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from clickme.kit.house import House


async def house_of(request: Request) -> House:  # async: no thread is needed for it
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


class ErrorWords(BaseModel):
    """`code` for programs, stable; `message` for people."""

    code: str
    message: str


class ErrorResponse(BaseModel):
    """What every error is, whatever went wrong."""

    error: ErrorWords


MEANINGS = {
    400: "The body cannot be read.",
    401: "Nobody plays in this browser yet.",
    403: "Asked from the page of another site.",
    404: "There is none, or it is somebody else's.",
    413: "The request is too large.",
    422: "The request is not what the schema says, or not what is in force.",
    429: "Too often: wait a moment.",
    503: "It cannot be done just now: try again in a moment.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an address, for the OpenAPI document: a route's `responses`."""
    return {status: {"model": ErrorResponse, "description": MEANINGS[status]} for status in statuses}
