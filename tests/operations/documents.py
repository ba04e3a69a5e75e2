"""What docs/operations.md says, in pieces."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"


def section(title: str) -> str:
    """What stands under a heading, up to the next one."""
    body = rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)"
    found = re.search(body, PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def table(title: str) -> list[list[str]]:
    """The rows of the section's first table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def scripts(title: str) -> str:
    """The section's shell blocks, one after another."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL))


def commands() -> list[list[str]]:
    """The words after each `clickme` that is typed on the page, up to what is an option or a value."""
    typed = re.findall(r"clickme((?: [a-z]+)+)", "\n".join(code()))
    return [words.split() for words in typed]


def code() -> list[str]:
    """All that is set as code."""
    page = PAGE.read_text()
    return re.findall(r"`[^`\n]+`|^    [^\n]*$|^```sh\n.*?^```", page, re.MULTILINE | re.DOTALL)
