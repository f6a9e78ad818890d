"""A new user's first hour: the page is followed word for word in an empty folder, and does what it says.

What the page's code blocks hold is what a shell gets. Only two things differ from a person's machine: the address
of the repository is this checkout, and what `make` would install is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.fences import Block, blocks
from support.repositories import IDENTITY
from support.sandbox import ROOT, Sandbox, foreign

PAGE = ROOT / "docs" / "first-environment.md"
ADDRESS = "https://github.com/OWNER/NAME.git"
END = "end of command, with"


class Shell:
    """A terminal in a folder: each command's output and exit code, in one process."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command: str) -> tuple[int, str]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f'{command}\necho "{END} $?"\n')
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(END):
                return int(line.rpartition(" ")[2]), "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(said)}")

    def write(self, block: Block, path: str, how: str) -> None:
        """Save a file where the shell stands; with `>>`, at the end of one."""
        code, said = self.run(f"mkdir -p $(dirname {path}) && cat {how} {path} <<'FILE'\n{block.text}FILE")
        assert code == 0, said

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


@contextmanager
def terminal(folder: Path, port: int | None = None) -> Iterator[Shell]:
    slow = "PYTHONDONTWRITEBYTECODE"  # a person's machine compiles each module once, not in each command
    env = {name: value for name, value in os.environ.items() if not foreign(name) and name != slow}
    env |= IDENTITY | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf"}
    env |= {"GIT_CONFIG_VALUE_0": ADDRESS, "SANDBOX_PORT": str(port or 0)}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    shell = Shell(folder, env)
    try:
        yield shell
    finally:
        shell.end()


def test_the_page_is_followed_from_an_empty_folder_to_an_environment_of_ones_own(tmp_path: Path) -> None:
    page = blocks(PAGE)
    first = next(
        number for number, block in enumerate(page) if block.attributes.get("test") == "first terminal"
    )
    with terminal(tmp_path) as shell:
        followed(shell, page[:first])
    starts_the_sandbox(page[first])
    sandbox = Sandbox.start(tmp_path / "reconciler" / ".sandbox")
    try:
        with terminal(tmp_path, sandbox.port) as shell:
            said = followed(shell, page[first + 1 :], sandbox)
    finally:
        sandbox.stop()
    written = {command: writes for command, writes in said if writes}
    assert sorted(written["reconciler tick dev"][0]) == ["deployment", "import"], "drift is two writes"
    assert written["reconciler tick dev"][1] == ["import"], "a notebook's commit is one write"
    assert len(written["reconciler apply dev --yes"]) == 1 and "reconciler plan dev" not in written
    left = [word for run in written["reconciler destroy dev --yes"] for word in run]
    assert left[-2:] == ["firstdev4711", "first-dev"], "the account, and at last its group"
    assert "firstdev4711" not in written["reconciler destroy dev --yes"][0], (
        "data stays until a commit says so"
    )


def starts_the_sandbox(block: Block) -> None:
    """What the first terminal is told is a target of the Makefile that serves the sandbox, and says what the
    second one is told."""
    assert block.text.strip() == "make -C reconciler sandbox"
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nsandbox:")[2].partition("\n\n")[0]
    assert "-m sandbox serve" in recipe
    pasted = next(each.text for each in blocks(PAGE, "sh") if "sandbox env" in each.text).strip()
    said = next(line for line in recipe.splitlines() if "sandbox env" in line)
    plain = said.replace("$$", "$").replace("$(CURDIR)", "reconciler").replace("$(BIN)", ".venv/bin")
    assert pasted.removesuffix("; cd ..") in plain, "the page pastes what make prints"


def followed(
    shell: Shell, page: list[Block], sandbox: Sandbox | None = None
) -> list[tuple[str, list[list[str]]]]:
    """Do what the blocks say; of each command, what each of its runs wrote to the clouds."""
    said, written = "", dict[str, list[list[str]]]()
    for block in page:
        if "file" in block.attributes:
            shell.write(block, block.attributes["file"], ">")
        elif "append" in block.attributes:
            shell.write(block, block.attributes["append"], ">>")
        elif block.lang == "text":
            missing = [line for line in block.text.splitlines() if line not in said]
            assert not missing, f"{block.where} shows {missing}, and what was printed is:\n{said}"
        else:
            assert block.lang == "sh", f"{block.where} is neither run nor written"
            said = ""
            *before, last = block.text.strip().splitlines()
            for command in (*before, last):
                since = len(sandbox.journal()) if sandbox else 0
                code, out = shell.run(command)
                said += out
                wanted = int(block.attributes.get("exit", 0)) if command is last else 0
                assert code == wanted, f"{block.where}: {command}: exit {code}, not {wanted}\n{out}"
                if sandbox and (writes := [entry["path"] for entry in sandbox.writes(since)]):
                    written.setdefault(command, []).append([named(path) for path in writes])
    return list(written.items())


def named(path: str) -> str:
    """What a write is about: the last part of its path; of a deployment, just that it is one."""
    return "deployment" if "/deployments/" in path else path.rpartition("/")[2]
