"""The limits that Azure Resource Manager sets to a template, checked before any call.

Source: ARM documentation, "Best practices for ARM templates", "Template limits". The limits of 800 resources
after loops and of 24,576 characters an expression are checked where those are met.
"""

from __future__ import annotations

from typing import Any, Final

from .reader import Template
from .run import Run
from .values import find_key

MAX_BYTES: Final = 4 * 1024 * 1024
SECTIONS: Final = {"parameters": 256, "variables": 256, "outputs": 64}


def check_limits(
    run: Run, template: dict[str, Any], source: Template, path: tuple[str | int, ...] = ()
) -> None:
    """Note every limit that the template exceeds."""
    if source.text and not path and len(source.text.encode("utf-8", "replace")) > MAX_BYTES:
        run.fault("the template is larger than 4 MB, which is the limit")
    for name, most in SECTIONS.items():
        held = find_key(template, name)
        section = template[held] if held is not None else None
        if isinstance(section, dict):
            count = len(section)
            loops = section.get("copy") if name == "variables" else None
            if isinstance(loops, list):
                count += len(loops) - 1
            if count > most:
                with run.inside(held or name):
                    run.fault(f"the template has {count} {name}; the limit is {most}")
