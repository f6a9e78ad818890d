"""Names that are known only in part."""

from __future__ import annotations

import re

from .errors import Problem
from .expression import Call, Literal, Member, Node, parse_bare

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
