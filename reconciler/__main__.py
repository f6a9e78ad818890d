"""`python -m reconciler`: the command line without an installed entry point."""

from reconciler.cli import main

main()
