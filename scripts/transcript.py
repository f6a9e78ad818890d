"""Writes what one run of the demo printed into docs/transcript.md, and its summary into README.md.

Run by `make transcript`; with a file, takes what an earlier run printed from there."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOC, README = ROOT / "docs" / "transcript.md", ROOT / "README.md"
HEAD = """# Transcript of the demo

<!-- Written by `make transcript`; do not edit it. -->

What [`make demo`](demo.md) printed, on a machine with {cores} cores. Times are of that run.

```text
{said}
```
"""
BEGIN, END = "<!-- Written by `make transcript`: -->\n", "<!-- until here -->\n"
SUMMARY = "What was shown\n"


def write(said: str) -> None:
    """said: all that the demo printed, without colours."""
    plain = "".join(
        line for line in said.splitlines(True) if not line.startswith("  … ")
    )  # "it still goes on"
    DOC.write_text(HEAD.format(cores=os.cpu_count(), said=plain.strip()), "utf-8")
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    summary = plain.partition(SUMMARY)[2].rstrip()
    README.write_text(f"{before}{BEGIN}\n```text\n{summary}\n```\n\n{END}{after}", "utf-8")
    print(f"wrote {DOC} and {README}")


def ran() -> tuple[int, str]:
    """The demo's exit code, and what it printed."""
    command = [sys.executable, "-m", "sandbox", "demo"]
    plain = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=plain) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return running.returncode, "".join(lines)


def main() -> int:
    """0, or the demo's exit code: then nothing is written."""
    code, said = (0, Path(sys.argv[1]).read_text("utf-8")) if len(sys.argv) > 1 else ran()
    if code == 0:
        write(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
