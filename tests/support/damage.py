"""Damage to valid input, as people, tools and attackers do it: in the bytes, in the text, and in the tree of a
JSON document. All of it follows from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

ODD_TEXTS = (
    "", " ", "\0", "a\0b", "\n", "a\r\nb", "\x1b[31mred", "\x7f", "\u202eevil", "\ufeff", "\ud800", "e\u0301", "𝕏" * 9,
    "..", "../../etc/passwd", "/etc/passwd", "a/../b", "a\\b", "C:\\x", "~", "*", "**/*", "-", "--yes", "%00", "%2e%2e",
    "${env:FUZZ_SECRET}", "${env:", "${}", "${azure.main.url}", "${azure.a.b.c}", "${storageKey:x}", "${secret:v/n}",
    "[parameters('absent')]", "[concat('a'", "[[", "[reference('x')]", "[copyIndex()]", "@{pipeline().x}", "@",
    "null", "true", "0", "-1", "1e999", "NaN", "2026-02-30", "0.00:00:00", "P1D", "99999d", "100%", "=1+1",
    "<script>alert(1)</script>", "{{7*7}}", "'; drop table", "x" * 300, "é" * 70, "https://user:pw@host/x", "https://",
)  # fmt: skip
ODD_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, -(2**63) - 1, 10**30, 0.1, -0.0, 1e308, float("inf"), float("nan"))
ODD_BYTES = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\t", b"\x80", b"\xed\xa0\x80", b"{", b"}", b"[", b"]", b'"', b"'", b":",
    b"- ", b"&a ", b"*a", b"<<: *a\n", b"!!python/object:os.system x", b"!!binary x", b"!x ", b"? ", b"---\n", b"...\n",
    b"%YAML 9.9\n", b"# ", b"//", b"/*", b"\\u", b"\\ud800", b"\\", b"1e999", b"-", b",", b"${", b"}", b"[", b"0x10", b"1_0",
    b"{" * 3000, b"[" * 3000, b"- " * 3000, b"a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n",
)  # fmt: skip


def odd(random: Random) -> Any:
    """A value that nobody expects at this place."""
    kind = random.randrange(8)
    if kind < 3:
        return random.choice(ODD_TEXTS)
    if kind == 3:
        return random.choice(ODD_NUMBERS)
    if kind == 4:
        return random.choice((None, True, False))
    if kind == 5:
        return random.choice(([], {}, [[]], [None], {"": {}}, [{}, {}], {"name": None}, {"copy": []}))
    if kind == 6:
        return {random.choice(ODD_TEXTS): random.choice(ODD_TEXTS)}
    deep: Any = random.choice(ODD_TEXTS)
    for _ in range(random.choice((3, 40, 400))):
        deep = [deep] if random.random() < 0.5 else {"a": deep}
    return deep


Holder = dict[str, Any] | list[Any]


def _places(tree: Any) -> list[tuple[Holder, Any]]:
    """Every value below the top, as the holder and the key or index in it."""
    found: list[tuple[Holder, Any]] = []
    todo = [tree]
    while todo:
        holder = todo.pop()
        keys = (
            list(holder)
            if isinstance(holder, dict)
            else range(len(holder))
            if isinstance(holder, list)
            else ()
        )
        for key in keys:
            found.append((holder, key))
            todo.append(holder[key])
    return found


def tree(value: Any, random: Random) -> Any:
    """A copy of a JSON value with one to three of its parts dropped, replaced, renamed, doubled or moved."""
    changed = deepcopy(value)
    for _ in range(random.randint(1, 3)):
        places = _places(changed)
        if not places:
            return odd(random)
        holder, key = random.choice(places)
        match random.randrange(7):
            case 0:
                del holder[key]
            case 1 | 2:
                holder[key] = odd(random)
            case 3 if isinstance(holder, dict):
                holder[random.choice((*ODD_TEXTS, key.upper(), f"{key}s", key[:-1]))] = holder.pop(key)
            case 4 if isinstance(holder, list):
                holder.insert(random.randrange(len(holder) + 1), deepcopy(holder[key]))
            case 5:
                other, place = random.choice(places)
                try:
                    holder[key] = deepcopy(other[place])
                except (KeyError, IndexError):  # it went with another change
                    continue
            case _:
                holder[key] = _near(holder[key], random)
    return changed


def _near(value: Any, random: Random) -> Any:
    """The same value in another kind, or a little off."""
    if isinstance(value, str):
        at = random.randrange(len(value) + 1)
        return random.choice((value + random.choice(ODD_TEXTS), value[:at], value[:at] + random.choice(ODD_TEXTS) + value[at:],
                              value.upper(), [value], {"value": value}, value * 50))  # fmt: skip
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return random.choice((str(value), -value, value * 10**12, [value], value + 0.5))
    if isinstance(value, list):
        return random.choice(
            ({str(n): item for n, item in enumerate(value)}, value * 3, value[::-1], value[:1] * 200)
        )
    return random.choice((list(value), [value], json.dumps(value)))


def raw(content: bytes, random: Random) -> bytes:
    """The bytes with one to three places cut, torn, doubled, or with odd bytes put in."""
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(content) + 1)
        to = min(len(content), at + random.choice((0, 1, 2, 5, 40)))
        match random.randrange(5):
            case 0:
                content = content[:at]
            case 1:
                content = content[:at] + content[to:]
            case 2:
                content = content[:to] + content[at:to] * random.choice((1, 2, 50)) + content[to:]
            case 3:
                content = content[:at] + bytes([random.randrange(256)]) + content[to:]
            case _:
                content = content[:at] + random.choice(ODD_BYTES) + content[to:]
    return content


def lines(content: bytes, random: Random) -> bytes:
    """The text with lines dropped, doubled, moved, or indented otherwise."""
    rows = content.split(b"\n")
    for _ in range(random.randint(1, 3)):
        at, to = random.randrange(len(rows)), random.randrange(len(rows))
        match random.randrange(5):
            case 0 if len(rows) > 1:
                del rows[at]
            case 1:
                rows.insert(to, rows[at])
            case 2:
                rows[at], rows[to] = rows[to], rows[at]
            case 3:
                rows[at] = random.choice((b"  ", b"\t", b"- ", b"")) + rows[at].strip()
            case _:
                head, colon, _ = rows[at].partition(b":")
                said = str(random.choice((*ODD_TEXTS, *ODD_NUMBERS))).encode("utf-8", "surrogatepass")
                rows[at] = head + (colon or b": ") + b" " + said
    return b"\n".join(rows)


def document(value: Any, random: Random) -> bytes:
    """A damaged JSON document, as bytes; mostly it is still JSON."""
    return (
        dumped(tree(value, random), random)
        if random.random() < 0.8
        else raw(json.dumps(value).encode(), random)
    )


def dumped(value: Any, random: Random) -> bytes:
    """JSON, also of what JSON has no word for; sometimes with a key that comes twice."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.7)
    if random.random() < 0.1 and text.startswith("{") and len(text) > 2:
        text = text[:-1] + "," + text[1:]
    return text.encode("utf-8", "surrogatepass")


def one_of(*ways: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """A way of damage that is one of these, by the seed."""
    return lambda content, random: random.choice(ways)(content, random)


def json_or_raw(content: bytes, random: Random) -> bytes:
    """Damage to a JSON document that is given as bytes."""
    return document(json.loads(content), random)


text = one_of(raw, lines, lines)
