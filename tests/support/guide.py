"""Runs the commands of a guide as they stand in it: `sh` blocks in one shell, files saved where it says."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.fences import Block, blocks


@dataclass(frozen=True)
class Guide:
    """A page, and a shell whose folder and variables last from one run to the next."""

    page: Path
    folder: Path
    env: Mapping[str, str]
    kept: Path

    def blocks(self, *, test: str = "") -> list[Block]:
        """Those whose comment says `test: …`; without `test`, those that have none."""
        return [each for each in blocks(self.page) if each.attributes.get("test", "") == test]

    def run(self, found: Iterable[Block], typed: str = "") -> None:
        """typed: what a person types where a command asks. Raises AssertionError with the shell's errors."""
        lines = ["set -euo pipefail", f"[ -f {self.kept} ] && source {self.kept}"]
        for block in found:
            if "file" in block.attributes:
                lines.append(f"printf %s {shlex.quote(block.text)} > {shlex.quote(block.attributes['file'])}")
            elif block.lang == "sh":
                lines += [f"echo {shlex.quote(block.where)} >&2", _expected(block)]
        # Variables that a person sets are in capitals; what bash and its environment have stays out.
        save = (
            "declare -p | grep -E '^declare -- [A-Z]' | grep -vE ' (BASH|EPOCH|COMP|DIR|HIST|IFS|OPT|PIPE)'"
        )
        lines += [f'{{ {save}; echo cd $(printf %q "$PWD"); }} > {self.kept}']
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)],
            cwd=self.folder, env=dict(self.env), input=typed, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    def variables(self) -> dict[str, str]:
        """What the commands have set so far."""
        text = self.kept.read_text("utf-8")
        pairs = (line.removeprefix("declare -- ").partition("=") for line in text.splitlines())
        return {
            name: shlex.split(value)[0] for name, _, value in pairs if value and not name.startswith("cd ")
        }


def _expected(block: Block) -> str:
    """Commands that must end well, or the one whose comment says `exit: N` with that."""
    code = block.attributes.get("exit")
    return f"{block.text.rstrip()} && false || test $? -eq {code}" if code else block.text
