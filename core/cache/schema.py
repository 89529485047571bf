"""The tables. Times are aware UTC; JSON columns hold small documents nobody searches in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

from core.bounds import bounded_text, in_bounds

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC in and out, also where the database keeps no zone (SQLite).

    What an older version has stored of a year that nobody means comes out as None.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        known: datetime | None = value
        if known is None or not in_bounds(known):
            return None
        return known.astimezone(UTC) if known.tzinfo else known.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text of at most `length` characters that is only ever shown, made to fit when it is written.

    PostgreSQL refuses what is too long and NUL, both databases refuse halves of surrogate pairs.
    Not for keys: two names that are cut to the same one would be one.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else bounded_text(value, self.length)


tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("slug", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("former_names", JSON, nullable=False, default=list),
    Column("has_profile", Boolean, nullable=False, default=True),
    Column("cert_expires", UtcTime),
    Column("listed", Boolean, nullable=False, default=False),  # has a row in the SharePoint tenant list
    Column("list_item_id", String(20)),  # that row, when it was last seen
    Column("missing_since", UtcTime),  # its row in the tenant list has vanished: the last switches hold
    Column("enabled", Boolean, nullable=False, default=True),
    Column("monitored", Boolean, nullable=False, default=True),
    Column("last_read_at", UtcTime),
    Column("last_attempt_at", UtcTime),
    Column("failing_since", UtcTime),
    Column("problem", Text),
    Column("subscriptions_read_at", UtcTime),
    Column("subscriptions_problem", Text),
)

licenses = Table(
    "licenses",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("sku_part_number", String(255), nullable=False),
    Column("applies_to", String(50), nullable=False, default=""),
    Column("capability_status", String(50), nullable=False, default=""),
    Column("enabled", Integer, nullable=False),
    Column("consumed", Integer, nullable=False),
    Column("warning", Integer, nullable=False, default=0),
    Column("suspended", Integer, nullable=False, default=0),
    Column("locked_out", Integer, nullable=False, default=0),
    Column("present", Boolean, nullable=False, default=True),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("short_since", UtcTime),
)

# What the SharePoint licence list says about the alarm of one SKU; apart from the numbers, which are replaced whole.
alarms = Table(
    "alarms",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("item_id", String(20)),
    Column("triggered_at", UtcTime),  # trigger set, no answer of the flow yet
    Column("retriggered", Integer, nullable=False, default=0),
    Column("told_at", UtcTime),  # technician_informed seen
    Column("short_since", UtcTime),  # of the shortage that this alarm is about
)

history = Table(
    "history",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("enabled", Integer, nullable=False),
    Column("consumed", Integer, nullable=False),
    Column("warning", Integer, nullable=False, default=0),
    Column("suspended", Integer, nullable=False, default=0),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("subscription_id", String(64), primary_key=True),
    Column("sku_id", String(36), nullable=False),
    Column("sku_part_number", String(255), nullable=False),
    Column("status", String(50), nullable=False),
    Column("total", Integer, nullable=False),
    Column("is_trial", Boolean, nullable=False),
    Column("created_at", UtcTime),
    Column("next_lifecycle_at", UtcTime),
)

profile_faults = Table(
    "profile_faults",
    metadata,
    Column("file", String(400), primary_key=True),
    Column("slug", String(100), nullable=False),
    Column("problems", JSON, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("source", String(20), nullable=False),  # schedule, page, command
    Column("requested_by", Words(100), nullable=False, default=""),
    Column("scope", JSON, nullable=False, default=list),  # tenant names; empty = all
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("state", String(20), nullable=False),  # running, done, failed, interrupted
    Column("step", String(20), nullable=False, default=""),  # profiles, lists, tenants, sharepoint
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("seconds", Float),
    Column("summary", JSON),
    Column("request_id", String(32), nullable=False, default=""),  # of the click or call that asked for it
    Index("runs_started", "started_at"),
)

# The rows of the SharePoint tenant list as last read, for the monitoring page.
tenant_list = Table(
    "tenant_list",
    metadata,
    Column("item_id", String(20), primary_key=True),
    Column("title", Words(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("monitoring", Boolean, nullable=False),
)

# The items of the SharePoint lists as last read, so that a later run asks only for what has changed since.
list_items = Table(
    "list_items",
    metadata,
    Column("kind", String(20), primary_key=True),  # tenant, license, parameter
    Column("item_id", String(20), primary_key=True),
    Column("etag", String(100), nullable=False),
    Column("modified", UtcTime),
    Column("fields", JSON, nullable=False),
)

# Where each list was left: what it was read with (site, list, columns), and the link to what comes after.
list_marks = Table(
    "list_marks",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("read_with", String(64), nullable=False),
    Column("delta_link", Text, nullable=False),
    Column("whole_read_at", UtcTime, nullable=False),
)

# Small documents: "version" (counts changes), "sharepoint" (last contact, problems, parameters).
documents = Table(
    "documents", metadata, Column("key", String(50), primary_key=True), Column("value", JSON, nullable=False)
)

sku_names = Table(
    "sku_names",
    metadata,
    Column("sku_id", String(36), primary_key=True),
    Column("sku_part_number", Words(255), nullable=False),
    Column("display_name", Words(255), nullable=False),
)

# Exceptions from the standard of alarms; "" as tenant or SKU means all. No reference to `tenants`, for the
# standard itself has none.
# The table is called "policies" since it was made; everywhere else one of its rows is a rule.
rules = Table(
    "policies",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("threshold", Integer),
    Column("warn", Integer),
    Column("mode", String(20), nullable=False, default=""),
    Column("reason", Text, nullable=False),
    Column("author", Words(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("until", Date),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(100), primary_key=True),  # lower case; "entra:<tid>:<oid>" for Microsoft sign-in
    Column("provider", String(20), nullable=False, default="local"),  # local, entra
    Column("display_name", Words(255), nullable=False, default=""),
    Column("password_hash", String(200), nullable=False, default=""),
    Column("role", String(20), nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("password_changed_at", UtcTime, nullable=False),
    Column("last_sign_in_at", UtcTime),
    Column("totp_secret", String(400), nullable=False, default=""),  # encrypted, see core/secrets/stored_secrets.py
    Column("totp_confirmed_at", UtcTime),  # before that the second factor is not asked for
    Column("totp_last_step", Integer),  # no code opens twice
    Column("device_key", String(64), nullable=False, default=""),  # signs the cookies of known devices
    Column("must_change_password", Boolean, nullable=False, default=False),  # somebody else has set it
)

# Each opens once, when the device with the second factor is lost.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account", ForeignKey("accounts.name", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
    Column("used_at", UtcTime),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256; the cookie's value itself is never stored
    Column("account", ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("address", Words(64), nullable=False, default=""),
    Column("user_agent", Words(200), nullable=False, default=""),
    Index("sessions_account", "account"),
)

# Access for programs.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256; the token itself is shown once
    Column("role", String(20), nullable=False),
    Column("created_by", ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

# Who changed what. Append-only, each row holds the hash of the one before; triggers refuse anything else.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("actor_name", String(255), nullable=False),  # as people call the actor
    Column("role", String(20), nullable=False),
    Column("source", String(20), nullable=False),  # page, api, command, schedule, sign-in
    Column("address", String(64), nullable=False),
    Column("request_id", String(32), nullable=False),
    Column("action", String(50), nullable=False),
    Column("target", String(400), nullable=False),
    Column("before", Text, nullable=False),  # JSON with sorted keys, "" for none
    Column("after", Text, nullable=False),
    Column("result", String(20), nullable=False),  # done, refused, failed
    Column("reason", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_at", "at"),
)

# What was before the oldest row that retention has left: its number and its hash.
audit_anchor = Table(
    "audit_anchor",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

# Failed sign-ins per account and address, so that a lock-out survives a restart.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Index("sign_in_failures_last", "last_at"),
)

# When the budget of attempts of a network or an account is whole again; see core/access/sign_in_budget.py.
sign_in_budgets = Table(
    "sign_in_budgets",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("whole_at", UtcTime, nullable=False),
)
