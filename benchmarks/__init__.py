"""Benchmarks. `python -m benchmarks [NAME…]` runs them; each one is a file with a `run` that yields Figures."""
