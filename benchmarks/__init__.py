"""Measurements of the product, each against a floor or a naive way in the same run: `python -m benchmarks`."""
