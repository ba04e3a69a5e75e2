"""Files over HTTP, as leanly as a crowd needs them: a connection for each, and nothing kept."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import httptools

PATIENCE_S: Final = 10.0


class Answer:
    """What a server answers, told by a parser as it comes."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.body = bytearray()
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


async def fetch(url: str, path: str, cookie: str) -> tuple[int, bytes]:
    """The status and the content of what is at `path` of the server at `url`, http or https.

    Raises OSError (TimeoutError is one) if no whole answer comes.
    """
    place = urlsplit(url)
    port = place.port or (443 if place.scheme == "https" else 80)
    answer = Answer()
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(
            place.hostname, port, ssl=place.scheme == "https" or None
        )
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            while not answer.complete and (data := await reader.read(2**16)):
                answer.parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ConnectionError(f"This is not HTTP: {error}") from None
        finally:
            writer.close()
    if not answer.complete:
        raise ConnectionResetError("The server hung up.")
    return answer.parser.get_status_code(), bytes(answer.body)
