"""Routes: what a channel gets. Pure data."""

from __future__ import annotations

from core.cache.channel_rows import URGENT

# URGENT: a new case of priority critical or high, and the summary of a first reading
DIGEST = "digest"  # once a day the open cases
NEWS = "news"  # what happens in cases: a customer has answered, an order has come or is overdue
MAIL = "mail"  # sends mails to customers and distributors; only a mail server can

ROUTES = (URGENT, DIGEST, NEWS, MAIL)
DESK = (URGENT, DIGEST, NEWS)  # what goes to the people who work on cases

__all__ = ["DESK", "DIGEST", "KINDS", "MAIL", "NEWS", "ROUTES", "URGENT"]

KINDS = ("smtp", "apprise", "webhook")  # of channels
