"""The chaos campaign: whatever breaks, every shortage is told exactly once. `python -m tests.chaos --help`."""
