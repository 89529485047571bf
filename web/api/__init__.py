"""The HTTP API under /api/v1: what programs read and do, each with a token of its own."""
