"""Benchmarks. `python -m benchmarks [NAME…]` runs them; each is a file with a `run` that yields Figures."""
