"""`format`: .NET's composite formatting with the invariant culture.

Source: .NET documentation, "Composite formatting" and "Standard numeric format strings".
"""

from __future__ import annotations

import re
from typing import Any, Final

from ..errors import Problem
from .signature import array, compact, kind, limited, shown, text

_ITEM: Final = re.compile(r"\{\{|\}\}|\{(\d{1,3})(?:,\s*(-?\d{1,4}))?(?::([^{}]*))?\}|[{}]")
_STANDARD: Final = re.compile(r"([A-Za-z])(\d{0,2})\Z")


def format_text(template: Any, *args: Any) -> str:
    """`format(template, args…)`: `{0}`, `{0,5}`, `{0:D3}`; doubled braces stand for one."""
    source = text("format", template)

    def item(match: re.Match[str]) -> str:
        token = match.group()
        if token in ("{{", "}}"):
            return token[0]
        if match.group(1) is None:
            raise Problem(
                "the text given to 'format' has a brace without its partner; write it twice to mean itself"
            )
        index = int(match.group(1))
        if index >= len(args):
            raise Problem(
                f"the text given to 'format' names {{{index}}}, but there are only {len(args)} arguments"
            )
        value = _value(args[index], match.group(3) or "")
        width = int(match.group(2) or 0)
        return value.ljust(-width) if width < 0 else value.rjust(width)

    return limited(_ITEM.sub(item, source))


def _value(value: Any, spec: str) -> str:
    if isinstance(value, dict | list):
        return _single_quoted(value)
    if not spec or isinstance(value, str | bool) or value is None:
        return shown(value)
    if not isinstance(value, int | float):
        raise Problem(f"the function 'format' cannot write {kind(value)}")
    return _number(value, spec)


def _single_quoted(value: Any) -> str:
    """Objects and arrays come out as JSON with single quotes."""
    if isinstance(value, dict):
        inner = ",".join(f"{_literal(key)}:{_single_quoted(item)}" for key, item in value.items())
        return limited("{" + inner + "}")
    if isinstance(value, list):
        return limited("[" + ",".join(map(_single_quoted, value)) + "]")
    return _literal(value) if isinstance(value, str) else compact(value)


def _literal(value: str) -> str:
    return "'" + compact(value)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def _number(value: int | float, spec: str) -> str:
    standard = _STANDARD.match(spec)
    if not standard:
        return _custom(value, spec)
    letter, digits = standard.group(1).upper(), standard.group(2)
    places = int(digits) if digits else None
    sign = "-" if value < 0 else ""
    size = abs(value)
    if letter == "D" and isinstance(size, int):
        return sign + str(size).rjust(places or 0, "0")
    if letter == "X" and isinstance(value, int):
        written = format(value & 0xFFFFFFFFFFFFFFFF, "X").rjust(places or 0, "0")
        return written.lower() if standard.group(1) == "x" else written
    if letter == "B" and isinstance(value, int):
        return format(value & 0xFFFFFFFFFFFFFFFF, "b").rjust(places or 0, "0")
    writers = {
        "F": lambda: f"{size:.{2 if places is None else places}f}",
        "N": lambda: f"{size:,.{2 if places is None else places}f}",
        "P": lambda: f"{size * 100:,.{2 if places is None else places}f} %",
        "C": lambda: f"¤{size:,.{2 if places is None else places}f}",
        "E": lambda: _exponent(size, 6 if places is None else places, standard.group(1)),
        "G": lambda: shown(size) if not places else f"{size:.{places}g}".replace("e", "E"),
        "R": lambda: shown(size),
    }
    if letter not in writers:
        raise Problem(f"the format '{spec}' is not one for {kind(value)}")
    return sign + writers[letter]()


def _exponent(value: float, places: int, letter: str) -> str:
    mantissa, exponent = f"{value:.{places}e}".split("e")
    return f"{mantissa}{letter}{exponent[0]}{exponent[1:].rjust(3, '0')}"


def _custom(value: int | float, spec: str) -> str:
    """Patterns of `0` and `#` with `,` and `.`, and literal text around them."""
    sections = spec.split(";")
    if len(sections) > 1:
        if value < 0:
            return _custom(-value, sections[1]) if sections[1] else "-" + _custom(-value, sections[0])
        spec = sections[2] if value == 0 and len(sections) > 2 and sections[2] else sections[0]
    match = re.search(r"[0#][0#,]*(?:\.([0#]*))?|\.([0#]+)", spec)
    if not match:
        return spec
    pattern = match.group()
    whole, _, fraction = pattern.partition(".")
    percent = "%" in spec
    scaled = value * 100 if percent else value
    written = f"{abs(scaled):,.{len(fraction)}f}" if "," in whole else f"{abs(scaled):.{len(fraction)}f}"
    integer, _, decimals = written.partition(".")
    needed = whole.replace(",", "").lstrip("#").count("0") if "0" in whole else 0
    integer = "" if needed == 0 and integer == "0" else integer.rjust(needed, "0")
    keep = fraction.rfind("0") + 1
    decimals = decimals[:keep] + decimals[keep:].rstrip("0")
    number = integer + ("." + decimals if decimals else "")
    return spec[: match.start()] + ("-" if scaled < 0 else "") + number + spec[match.end() :]


def join(values: Any, delimiter: Any) -> str:
    """`join(array, delimiter)`."""
    return limited(text("join", delimiter).join(map(shown, array("join", values))))
