"""Onboarding: the steps from a name to a tenant that is read."""
