"""The HTTP API under /api/v1 for programs, each with its own token."""
