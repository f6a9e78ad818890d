"""The fenced code blocks of a Markdown page, so that a test runs what a reader would paste.

What a test must know beside the code stands in HTML comments right before the block, which no site shows:
`<!-- test: skip -->`, `<!-- file: environments/mine.yaml -->`. Several may follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

_DIRECTIVE = re.compile(r"<!--\s*([\w-]+):\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block. lang: the first word of its info string, "" without one. line: of the opening fence,
    from 1. attributes: what the comments right before it say."""

    lang: str
    text: str
    line: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    page: str = ""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path, *langs: str) -> list[Block]:
    """The page's blocks in order, those within lists and quotes without their indentation; with `langs`, of
    these languages only."""
    found: list[Block] = []
    attributes: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(path.read_text("utf-8")):
        if token.type == "fence":
            lang = (token.info.split() or [""])[0]
            line = token.map[0] + 1 if token.map else 0
            found.append(Block(lang, token.content, line, attributes, path.name))
        if token.type == "html_block":
            attributes = {**attributes, **dict(_DIRECTIVE.findall(token.content))}
        else:
            attributes = {}
    return [block for block in found if not langs or block.lang in langs]
