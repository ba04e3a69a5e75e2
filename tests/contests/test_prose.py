"""Markdown that may come from anybody."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.contests.prose import as_html

TAGS = set("a blockquote br code em h3 h4 h5 h6 hr li ol p pre strong table tbody td th thead tr ul".split())
ATTRIBUTES = {"href", "rel", "title", "class", "start"}


class Reader(HTMLParser):
    """What a browser would find."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.schemes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.schemes |= {urlsplit(value or "").scheme for name, value in attrs if name == "href"}


def test_rules_are_shown_under_the_pages_own_headings() -> None:
    html = as_html(
        "# Prizes\n\n1. A *cake*\n2. [Book](https://example.org/b)\n\n| a | b |\n|:-:|---|\n| 1 | 2 |\n"
    )
    assert "<h3>Prizes</h3>" in html
    assert "<em>cake</em>" in html
    assert '<a href="https://example.org/b" rel="noopener noreferrer nofollow">Book</a>' in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](&#106;avascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        '[click](https://example.org "\\" onmouseover=\\"alert(1)")',
        "![picture](https://example.org/seen.png)",
        '```"><script>\ncode\n```',
        "[click]\n\n[click]: javascript:alert(1)",
        "| a |\n|:-:|\n| <b onclick=x> |",
    ],
)
def test_nothing_of_it_runs_or_is_fetched(written: str) -> None:
    read = Reader(as_html(written))
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert read.schemes <= {"", "https"}


@given(st.text("<>[]()!\"'`|:-=#*_&;/\\ \njavscriptonehf1"))
def test_whatever_is_written_nothing_else_comes_out(written: str) -> None:
    read = Reader(as_html(written))
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert "javascript" not in read.schemes
