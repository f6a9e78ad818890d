"""Predicts how many bikes are rented in an hour, from the calendar and the weather.

The loop: `features.read` a CSV → `splitting.split` by day → `training.train` → `scoring.score` →
`evaluation.measure`. A model is saved as a plain Spark pipeline.
"""
