"""Writes docs/noise.md from the recorded traffic that RECONCILER_CORPUS names. Run by `make noise`."""

import sys

from support.noise_table import CORPUS, DOC, document, measured, recordings

if not CORPUS:
    sys.exit("RECONCILER_CORPUS names no folder of recorded traffic: there is nothing to count.")
DOC.parent.mkdir(exist_ok=True)
DOC.write_text(document(measured(), recordings()), "utf-8")
print(f"wrote {DOC}")
