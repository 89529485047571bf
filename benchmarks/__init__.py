"""Measurements of the product (`python -m benchmarks`), each compared with a minimal client or a naive program."""
