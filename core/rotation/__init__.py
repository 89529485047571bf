"""Rotation of certificates: a successor beside the current one, proven, switched to, and the old one removed."""
