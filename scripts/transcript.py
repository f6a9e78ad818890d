"""Writes docs/transcript.md: what one run of the demo printed. Run by `make transcript`."""

import os
import subprocess
import sys
from pathlib import Path

DOC = Path(__file__).resolve().parents[1] / "docs" / "transcript.md"
HEAD = """# Transcript of the demo

<!-- Written by `make transcript`; do not edit it. -->

What [`make demo`](demo.md) printed, on a machine with {cores} cores. Times are of that run.

```text
{said}
```
"""


def main() -> int:
    """0, or the demo's exit code: then nothing is written."""
    command = [sys.executable, "-m", "sandbox", "demo"]
    plain = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plain) as running:
        assert running.stdout is not None
        lines = []
        for line in running.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if running.returncode:
        return running.returncode
    said = "".join(line for line in lines if not line.startswith("  … "))  # what only tells that it goes on
    DOC.write_text(HEAD.format(cores=os.cpu_count(), said=said.strip()), "utf-8")
    print(f"wrote {DOC}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
