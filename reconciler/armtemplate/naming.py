"""Names that are known only in part."""

from __future__ import annotations

import re

from .errors import Problem
from .expression import Call, Literal, Member, Node, parse_bare
from .values import Unknown, render

_READ = re.compile(r"(?:reference|list\w*)\('([^']+)'")
_PLACE = re.compile(r"\{(\d+)\}")


def name_text(expression: str) -> str:
    """A name as text: what is known as it is, what only Azure knows as its expression in brackets.

    `concat('store/', reference(…).id)` becomes `store/[reference(…).id]`.
    """
    try:
        node = parse_bare(expression)
    except Problem:
        return f"[{expression}]"
    if not isinstance(node, Call) or node.key not in ("concat", "format") or not node.args:
        return f"[{expression}]"
    starts = [_start(arg) - 1 for arg in node.args]
    ends = [*starts[1:], len(expression)]
    sources = [expression[start:end].rstrip() for start, end in zip(starts, ends, strict=True)]
    sources = [source[:-1].rstrip() for source in sources]
    pieces = [_piece(arg, source) for arg, source in zip(node.args, sources, strict=True)]
    if node.key == "concat":
        return "".join(pieces)
    template = node.args[0]
    if not isinstance(template, Literal) or "{{" in str(template.value):
        return f"[{expression}]"
    values = pieces[1:]
    return _PLACE.sub(
        lambda match: values[int(match[1])] if int(match[1]) < len(values) else "", str(template.value)
    )


def _start(node: Node) -> int:
    while isinstance(node, Member):
        node = node.base
    return node.column


def _piece(node: Node, source: str) -> str:
    return str(node.value) if isinstance(node, Literal) else name_text(source)


def segments(name: str) -> list[str]:
    """A name's parts. What is in brackets is unknown, and its slashes separate nothing."""
    if "[" not in name:
        return name.split("/")
    parts, depth, current = [], 0, ""
    for char in name:
        depth += (char == "[") - (char == "]")
        if char == "/" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def text_value(text: str) -> str | Unknown:
    """What a text that may hold unknown parts in brackets stands for: the reverse of `name_text`."""
    if "[" not in text:
        return text
    parts, depth, current = [], 0, ""
    for char in text:
        if (char == "[" and depth == 0) or (char == "]" and depth == 1):
            parts.append(current)
            current = ""
        else:
            current += char
        depth += (char == "[") - (char == "]")
    parts.append(current)
    pieces = [render(part) if place % 2 == 0 else part for place, part in enumerate(parts) if part]
    expression = pieces[0] if len(pieces) == 1 else f"concat({', '.join(pieces)})"
    return Unknown(expression, False, tuple(dict.fromkeys(_READ.findall(expression))))
