"""Rules of contests: Markdown in, HTML out that can do no harm whoever wrote it."""

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup

UNDER = 2  # levels that headings are moved down: the page's own and the contest's name stand above them


@cache
def _markdown() -> MarkdownIt:
    """CommonMark and tables. HTML is shown as it is written, and no address of a script is a link."""
    return MarkdownIt("commonmark", {"html": False, "xhtmlOut": False}).enable("table").disable("image")


def as_html(markdown: str) -> Markup:
    """Without images, which tell other sites who reads, and without styles, which the policy refuses."""
    parser = _markdown()
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + UNDER)}"
        token.attrs.pop("style", None)  # of a table's cells
        for inline in token.children or ():
            if inline.type == "link_open":
                inline.attrSet("rel", "noopener noreferrer nofollow")
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - made safe just above
