"""The tables. Times are aware UTC; JSON columns have small documents that no query searches."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
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
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.engine import Dialect

from core.bounds import bounded_text, in_bounds

metadata = MetaData()


class StoredTime(TypeDecorator[datetime]):
    """Aware UTC in Python, also if the database stores no zone (SQLite), whatever time it is."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        stored: datetime | None = value
        return stored if stored is None or stored.tzinfo else stored.replace(tzinfo=UTC)


class UtcTime(StoredTime):
    """Aware UTC; a time out of bounds (`core.bounds`), stored by an earlier version, is read as None."""

    cache_ok = True  # is not inherited

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        stored = super().process_result_value(value, dialect)
        return stored.astimezone(UTC) if stored is not None and in_bounds(stored) else None


class ShownText(TypeDecorator[str]):
    """Text that is only shown; it is cut to `length` characters when it is written.

    PostgreSQL refuses longer text and NUL, both databases refuse single surrogates. Not for keys: two names could be
    cut to the same one.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else bounded_text(value, self.length)


class DayNumber(TypeDecorator[date]):
    """A day, stored as its number (1 = 1 January of the year 1): 3 bytes instead of the 10 letters of a date."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:
        return value.toordinal() if value is not None else None

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:
        return date.fromordinal(value) if value is not None else None


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
    Column("list_item_id", String(20)),  # id of that row, when it was last read
    Column("missing_since", UtcTime),  # time since which its row is missing; the last switches count
    Column("enabled", Boolean, nullable=False, default=True),
    Column("monitored", Boolean, nullable=False, default=True),
    Column("last_read_at", UtcTime),
    Column("last_attempt_at", UtcTime),
    Column("failing_since", UtcTime),
    Column("problem", Text),
    Column("subscriptions_read_at", UtcTime),
    Column("subscriptions_problem", Text),
    Column("level", String(100), nullable=False, default="standard", server_default="standard"),  # key of a level
)

# When work is done: hours, holidays and own days. `name_key` is that of core.name_key.
calendars = Table(
    "calendars",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("zone", String(64), nullable=False),
    Column("region", String(20), nullable=False),  # canton, Land or country whose holidays are free; "" for none
    Column("week", JSON, nullable=False),  # hours of each weekday, Monday first: [from, to] in minutes since midnight
    Column("half_day_until", Integer, nullable=False),  # minutes since midnight
    Column("own_days", JSON, nullable=False),  # [day, kind, name]
    Column("version", Integer, nullable=False),  # counts the changes
)

# Levels of service. There is no foreign key from `tenants`, whose column was added later: a level with tenants is not
# deleted, and a tenant whose level does not exist has the standard one.
levels = Table(
    "levels",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("refresh_minutes", Integer),  # NULL: that of the setting
    Column("threshold", Integer),
    Column("warn", Integer),
    Column("reaction_hours", JSON, nullable=False),  # priority of a case -> hours of working time
    Column("solution_hours", JSON, nullable=False),
    Column("follow_orders", Boolean, nullable=False),
    Column("needs_consent", Boolean, nullable=False, server_default=true()),  # the customer is asked before an order
    Column("recipients", JSON, nullable=False),  # addresses of e-mail
    Column("monthly_report", Boolean, nullable=False),
    Column("calendar", ForeignKey("calendars.key"), nullable=False),
    Column("version", Integer, nullable=False),  # counts the changes
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
    Column("stage", String(10)),  # of core.licenses.judge at the last reading; NULL: stored before there were stages
)

# What happened to a licence, and when. Append-only; the key keeps a repeated write from doubling an event.
license_events = Table(
    "license_events",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("what", String(10), primary_key=True),  # a stage that was reached, "told" or "taken_over"
    Column("before", String(10)),  # the stage until then
    Column("enabled", Integer),
    Column("consumed", Integer),
    Index("license_events_at", "at"),
)

# The alarm of one SKU, from the SharePoint licence list; not in `licenses`, whose rows are replaced as a whole.
alarms = Table(
    "alarms",
    metadata,
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("item_id", String(20)),
    Column("list_key", String(31)),  # of the licence list that has this item; numbers of another one mean nothing
    Column("triggered_at", UtcTime),  # trigger set, no answer of the flow yet
    Column("retriggered", Integer, nullable=False, default=0),
    Column("told_at", UtcTime),  # technician_informed seen
    Column("short_since", UtcTime),  # start of the shortage that this alarm is for
)

# A number for each licence that ever had a day in `history`: that table has millions of rows and repeats no long keys.
license_numbers = Table(
    "license_numbers",
    metadata,
    Column("license_number", Integer, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
    Column("sku_id", String(36), nullable=False),
    Column("last_day", DayNumber, nullable=False),  # of its rows in `history`; found here without a search there
    UniqueConstraint("tenant_id", "sku_id", name="license_numbers_key"),
)

# The units of each licence at the end of each day on which it was read, in the zone of the setting.
history = Table(
    "history",
    metadata,
    Column("license_number", ForeignKey("license_numbers.license_number", ondelete="CASCADE"), primary_key=True),
    Column("day", DayNumber, primary_key=True),
    Column("enabled", Integer, nullable=False),
    Column("consumed", Integer, nullable=False),
    Column("warning", Integer, nullable=False),
    Column("suspended", Integer, nullable=False),
    sqlite_with_rowid=False,
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

# People at a customer: who is asked for a consent, in whose place, and who is only told.
contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", String(32), primary_key=True),
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("email", String(254), nullable=False),
    Column("phone", String(40), nullable=False, default=""),
    Column("language", String(2), nullable=False),
    Column("role", String(20), nullable=False),  # approver, substitute, information
    Column("valid_from", Date),  # NULL: always
    Column("valid_until", Date),  # the last day; NULL: without end
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Index("contacts_tenant", "tenant_id"),
)

profile_faults = Table(
    "profile_faults",
    metadata,
    Column("file", String(400), primary_key=True),
    Column("slug", String(100), nullable=False),
    Column("problems", JSON, nullable=False),
)

OPEN_RUN = text("finished_at IS NULL")
runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("source", String(20), nullable=False),  # schedule, page, api, command, read-only
    Column("requested_by", ShownText(100), nullable=False, default=""),
    Column("scope", JSON, nullable=False, default=list),  # tenant names; empty = all
    Column("started_at", UtcTime),  # NULL while it waits
    Column("finished_at", UtcTime),  # NULL while it waits or runs
    Column("state", String(20), nullable=False),  # waiting, running, done, failed, interrupted
    Column("step", String(20), nullable=False, default=""),  # profiles, lists, tenants, sharepoint
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("seconds", Float),
    Column("summary", JSON),
    Column("request_id", String(32), nullable=False, default=""),  # of the click or call that requested it
    Column("requested_at", UtcTime, nullable=False),  # the order of the queue
    Column("account", String(100), nullable=False, default=""),  # that requested the run, for the log
    Column("take_over", Boolean, nullable=False, default=False),
    Column("give_way", Boolean, nullable=False, default=False),  # its push must end early
    Column("traceparent", String(55), nullable=False, default="", server_default=""),  # of who requested it, "" if off
    Index("runs_started", "started_at"),
    # A partial index, because only a few rows are open: a search for work reads no others.
    Index("runs_open", "requested_at", sqlite_where=OPEN_RUN, postgresql_where=OPEN_RUN),
)

LEFT = text("done_at IS NULL")

# The tenants of a running refresh that several processes share, in pieces, with what each piece adds to the summary.
run_chunks = Table(
    "run_chunks",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("chunk", Integer, primary_key=True),  # 0: the tenants that are not read
    Column("tenants", JSON, nullable=False),  # ids
    Column("part", JSON),
    Column("requests", Integer, nullable=False, default=0),
    Column("done_at", UtcTime),  # NULL until it is read
    Index("run_chunks_left", "run_id", "chunk", sqlite_where=LEFT, postgresql_where=LEFT),
)

# Who may do what only one process may do at a time; times are those of the database's clock.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("term", Integer, nullable=False),  # how often it was taken
    Column("until", UtcTime, nullable=False),
)

# When something is due that one process of several does.
duties = Table(
    "duties",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("due_at", UtcTime, nullable=False),
)

# Sign-ins that have begun at one web process and go on at whichever; encrypted with a key that the browser alone has.
sign_in_steps = Table(
    "sign_in_steps",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
)

# Calls of the present minute, where several web processes count them together.
call_counts = Table(
    "call_counts",
    metadata,
    Column("who", String(200), primary_key=True),
    Column("minute", Integer, primary_key=True),  # since 1970
    Column("calls", Integer, nullable=False),
)

# The rows of the SharePoint tenant list as last read, for the monitoring page.
tenant_list = Table(
    "tenant_list",
    metadata,
    Column("item_id", String(20), primary_key=True),
    Column("title", ShownText(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("monitoring", Boolean, nullable=False),
)

# The items of the SharePoint lists as last read, so that a later run reads only changes.
list_items = Table(
    "list_items",
    metadata,
    Column("kind", String(20), primary_key=True),  # tenant, license, parameter
    Column("item_id", String(20), primary_key=True),
    Column("etag", String(100), nullable=False),
    Column("modified", UtcTime),
    Column("fields", JSON, nullable=False),
)

# The state of the last read of each list: site, list and columns, and the link to later changes.
list_marks = Table(
    "list_marks",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("read_with", String(64), nullable=False),
    Column("delta_link", Text, nullable=False),
    Column("whole_read_at", UtcTime, nullable=False),
)

# Small documents: "version" (counter of changes), "sharepoint" (last read, problems, parameters), ...
documents = Table(
    "documents", metadata, Column("key", String(50), primary_key=True), Column("value", JSON, nullable=False)
)

sku_names = Table(
    "sku_names",
    metadata,
    Column("sku_id", String(36), primary_key=True),
    Column("sku_part_number", ShownText(255), nullable=False),
    Column("display_name", ShownText(255), nullable=False),
)

# Alarm rules; "" as tenant or SKU means all, so there is no foreign key to `tenants`.
# The table has kept its first name, "policies"; a row is called a rule everywhere else.
rules = Table(
    "policies",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("sku_id", String(36), primary_key=True),
    Column("threshold", Integer),
    Column("warn", Integer),
    Column("mode", String(20), nullable=False, default=""),
    Column("reason", Text, nullable=False),
    Column("author", ShownText(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("until", Date),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(100), primary_key=True),  # lower case; "entra:<tid>:<oid>" for Microsoft sign-in
    Column("provider", String(20), nullable=False, default="local"),  # local, entra
    Column("display_name", ShownText(255), nullable=False, default=""),
    Column("password_hash", String(200), nullable=False, default=""),
    Column("role", String(20), nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("password_changed_at", UtcTime, nullable=False),
    Column("last_sign_in_at", UtcTime),
    Column("totp_secret", String(400), nullable=False, default=""),  # encrypted, see core/secrets/stored_secrets.py
    Column("totp_confirmed_at", UtcTime),  # None: no second factor is needed
    Column("totp_last_step", Integer),  # of the last used code: each is valid once
    Column("device_key", String(64), nullable=False, default=""),  # signs the cookies of known devices
    Column("must_change_password", Boolean, nullable=False, default=False),  # somebody else has set the password
)

# Recovery codes for a lost second factor, each valid once.
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
    Column("token_hash", String(64), primary_key=True),  # SHA-256; the token itself is only in the cookie
    Column("account", ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("address", ShownText(64), nullable=False, default=""),
    Column("user_agent", ShownText(200), nullable=False, default=""),
    Index("sessions_account", "account"),
)

# Filters of a page under a name. `name_key` is that of core.name_key, so an owner has no two that look alike.
saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", String(32), primary_key=True),
    Column("owner", ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("name_key", String(255), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("page", String(50), nullable=False),  # its address
    Column("params", JSON, nullable=False),  # name of each parameter of the address -> its values
    UniqueConstraint("owner", "name_key", name="saved_views_names"),
)

# What an account sees after its sign-in: a page, or a view and with it the page of the view. No row: the start page.
start_choices = Table(
    "start_choices",
    metadata,
    Column("account", ForeignKey("accounts.name", ondelete="CASCADE"), primary_key=True),
    Column("page", String(50)),
    Column("view_id", ForeignKey("saved_views.view_id", ondelete="CASCADE")),
    Index("start_choices_view", "view_id"),
)

# API tokens: access for programs.
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

# The audit. Append-only: each row has the hash of the one before, triggers refuse changes.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("actor_name", String(255), nullable=False),  # the name for people
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

# Number and hash of the last row that retention has deleted.
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

# The time at which the sign-in budget of a network or an account is full again; see core/access/sign_in_budget.py.
sign_in_budgets = Table(
    "sign_in_budgets",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("whole_at", UtcTime, nullable=False),
)

# What became of each backup, drill and restore.
backups = Table(
    "backups",
    metadata,
    Column("backup_id", String(32), primary_key=True),
    Column("kind", String(10), nullable=False),  # backup, drill, restore
    Column("started_at", UtcTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("actor", ShownText(100), nullable=False),
    Column("file", ShownText(200), nullable=False),
    Column("sha256", String(64), nullable=False),  # of the encrypted file
    Column("bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),  # of all tables in it
    Column("problem", Text),  # NULL: it went well
    Index("backups_started", "kind", "started_at"),
)

# Tenants that are being added, and how that went. There is no foreign key to `tenants`: an onboarding comes first.
OPEN_ONBOARDING = text("state = 'open'")
onboardings = Table(
    "onboardings",
    metadata,
    Column("onboarding_id", String(32), primary_key=True),
    Column("tenant_id", String(36), nullable=False),
    Column("name", String(255), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("app", String(10), nullable=False),  # own: registered in the tenant; shared: the provider's
    Column("client_id", String(36), nullable=False, default=""),
    Column("cert_path", String(400), nullable=False, default=""),  # as in the profile
    Column("made", JSON, nullable=False, default=list),  # what it has made and cancelling removes
    Column("level", ShownText(100), nullable=False, default=""),
    Column("contact", ShownText(255), nullable=False, default=""),
    Column("state", String(20), nullable=False),  # open, done, cancelled
    Column("created_by", ShownText(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("acted_at", UtcTime, nullable=False),  # when a person has last done something for it
    Column("ended_at", UtcTime),
    Column("busy_until", UtcTime),  # somebody carries out a step; a time that is over: that process has died
    Column("consent_hash", String(64), nullable=False, default=""),  # SHA-256 of the state and the browser's cookie
    Column("consent_until", UtcTime),
    Column("run_id", String(32), nullable=False, default=""),  # the refresh that reads the tenant first
    Column("summary", JSON),  # of the first reading
    Column("seen_by", ShownText(100), nullable=False, default=""),  # who has acknowledged the summary
    Column("seen_at", UtcTime),
    Index(
        "onboardings_tenant", "tenant_id", unique=True,
        sqlite_where=OPEN_ONBOARDING, postgresql_where=OPEN_ONBOARDING,
    ),
    Index("onboardings_slug", "slug", unique=True, sqlite_where=OPEN_ONBOARDING, postgresql_where=OPEN_ONBOARDING),
)  # fmt: skip

onboarding_steps = Table(
    "onboarding_steps",
    metadata,
    Column("onboarding_id", ForeignKey("onboardings.onboarding_id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(20), primary_key=True),
    Column("state", String(10), nullable=False),  # open, waiting, failed, done, skipped
    Column("tries", Integer, nullable=False, default=0),
    Column("last_try_at", UtcTime),
    Column("problem", Text),  # JSON of the problem that it waits for or failed with
)

# What happened in an onboarding. Append-only.
onboarding_log = Table(
    "onboarding_log",
    metadata,
    Column("onboarding_id", ForeignKey("onboardings.onboarding_id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", ShownText(100), nullable=False),
    Column("step", String(20), nullable=False),  # "" for the onboarding as a whole
    Column("said", Text, nullable=False),  # JSON of a code and its values
)

# Certificates that are being replaced; each has at most one successor.
OPEN_ROTATION = text("state = 'open'")
rotations = Table(
    "rotations",
    metadata,
    Column("rotation_id", String(32), primary_key=True),
    Column("kind", String(10), nullable=False),  # of the profile: tenant, sharepoint, auth
    Column("slug", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("tenant_id", String(36), nullable=False),
    Column("client_id", String(36), nullable=False),
    Column("current_path", Text, nullable=False),  # as in the profile, like `next_path`
    Column("current_thumbprint", String(40), nullable=False),
    Column("current_expires", UtcTime, nullable=False),
    Column("next_path", Text, nullable=False),
    Column("next_thumbprint", String(40), nullable=False, default=""),  # "": its file is still to be made
    Column("next_expires", UtcTime),
    Column("way", String(10), nullable=False, default=""),  # how it gets to Entra: graph, hand; "": not tried yet
    Column("uploaded_at", UtcTime),
    Column("refused_since", UtcTime),
    Column("proven_at", UtcTime),
    Column("switched_at", UtcTime),
    Column("problem", Text),  # JSON of a code and its values
    Column("state", String(10), nullable=False),  # open, done, cancelled
    Column("started_by", ShownText(100), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("busy_until", UtcTime),  # somebody carries out a step; a time that is over: that process has died
    Index(
        "rotations_certificate", "client_id", "current_thumbprint", unique=True,
        sqlite_where=OPEN_ROTATION, postgresql_where=OPEN_ROTATION,
    ),
)  # fmt: skip

# The shortage cases, each as its events make it (core.cases.fold); only for queries, the events are the truth.
OPEN_CASE = text("closed_at IS NULL")
cases = Table(
    "cases",
    metadata,
    Column("case_id", String(32), primary_key=True),
    Column("number", String(20), nullable=False, unique=True),  # for people: year and counter, 2026-0042
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
    Column("sku_id", String(36), nullable=False),
    Column("sku_part_number", String(255), nullable=False),
    Column("cause", String(20), nullable=False),  # shortage, ahead, first_reading, taken_over
    Column("state", String(20), nullable=False),  # of core.cases.transitions
    Column("resumes", String(20), nullable=False),  # the state to which a postponed case returns, else ""
    Column("outcome", String(20), nullable=False),  # delivered, recovered, gone, refused, ...; "" while it is open
    Column("priority", String(10), nullable=False),
    Column("priority_set", Boolean, nullable=False),  # by a person, so that the rule leaves it alone
    Column("owner", ShownText(100), nullable=False),  # account; "" in the common queue
    Column("owner_name", ShownText(255), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),  # people who wait for a seat
    Column("ordered", Integer, nullable=False),  # seats of all its orders
    Column("delivered", Integer, nullable=False),
    Column("wanted_at", Date),  # opened ahead of time for this day
    Column("note", Text, nullable=False),
    Column("enabled", Integer, nullable=False),  # as the newest event knows them
    Column("free", Integer, nullable=False),
    Column("missing", Integer, nullable=False),  # seats until the shortage is over
    Column("stage", String(10), nullable=False),  # of core.licenses.judge
    Column("short_since", UtcTime),  # start of the shortage, which identifies it
    Column("good_since", UtcTime),  # first reading with free seats again, since the last one without
    Column("opened_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),  # newest event
    Column("state_since", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("postponed_until", Date),
    Column("follows", String(32), nullable=False),  # the case of an earlier shortage of this licence
    Column("bundle_id", String(32), nullable=False),  # cases of one customer for one consent and one order
    Column("version", Integer, nullable=False),  # number of the newest event
    # Not of the events alone, but also by level and calendar; what is due and when, for lists.
    Column("next_action", String(20), nullable=False, default=""),
    Column("due_at", UtcTime),
    Index("cases_due", "due_at", sqlite_where=OPEN_CASE, postgresql_where=OPEN_CASE),
    Index(
        "cases_open", "tenant_id", "sku_id", unique=True, sqlite_where=OPEN_CASE, postgresql_where=OPEN_CASE
    ),
    Index("cases_license", "tenant_id", "sku_id", "opened_at"),
    Index("cases_state", "state", "opened_at"),
    Index("cases_closed", "closed_at"),
    Index("cases_opened", "opened_at", "number"),
    Index("cases_bundle", "bundle_id"),
)  # fmt: skip

# What happened in a case. Append-only, by triggers: an event goes only together with its case.
case_events = Table(
    "case_events",
    metadata,
    Column("case_id", ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("actor_name", String(255), nullable=False),  # the name for people
    Column("kind", String(20), nullable=False),
    Column("data", JSON, nullable=False),
    Index("case_events_at", "at"),
)

# How each case went that has ended, from its last event: figures read these rows and no events.
case_results = Table(
    "case_results",
    metadata,
    Column("case_id", ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
    Column("level", String(100), nullable=False),  # key and version of what it was judged by
    Column("level_version", Integer, nullable=False),
    Column("calendar", String(100), nullable=False),
    Column("calendar_version", Integer, nullable=False),
    Column("distributor", String(60), nullable=False),  # of its newest order; "" without one
    Column("reaction_seconds", Integer),  # of working time; NULL if nobody reacted, or it was opened ahead
    Column("lead_seconds", Integer, nullable=False),  # from the opening to the end
    Column("customer_seconds", Integer, nullable=False),  # of these it waited for the customer
    Column("reaction_kept", Boolean),
    Column("work_kept", Boolean),
    Column("delivery_kept", Boolean),
    Column("stars", Integer),  # 1 to 5 of the customer, if it has rated
)

# How far each account has read a case: the number of the newest event that it saw.
case_reads = Table(
    "case_reads",
    metadata,
    Column("case_id", ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
    Column("account", ShownText(100), primary_key=True),
    Column("seq", Integer, nullable=False),
)

# The last number of each year.
# Consents of customers. What was offered and decided is append-only: triggers refuse every change, and rows go only
# together with their consent.
consents = Table(
    "consents",
    metadata,
    Column("consent_id", String(32), primary_key=True),
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
    Column("state", String(10), nullable=False),  # asking, given, refused, revoked, expired
    Column("ended_why", String(20), nullable=False),  # why it was revoked: changed, case_closed, taken_back; else ""
    Column("channel", String(10), nullable=False),  # mail, link, or how the customer was asked by a person
    Column("price", ShownText(200), nullable=False),
    Column("term", ShownText(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", ShownText(100), nullable=False),
    Column("asked_by_name", ShownText(255), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("reminded", Integer, nullable=False),  # how many steps of core.cases.reminders are done
    Index("consents_tenant", "tenant_id"),
    Index("consents_state", "state", "asked_at"),
)
consent_items = Table(
    "consent_items",
    metadata,
    Column("consent_id", ForeignKey("consents.consent_id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", String(32), primary_key=True),
    Column("product", ShownText(255), nullable=False),
    Column("quantity", Integer, nullable=False),  # offered
    Index("consent_items_case", "case_id"),
)
consent_links = Table(
    "consent_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("consent_id", ForeignKey("consents.consent_id", ondelete="CASCADE"), nullable=False),
    Column("contact_id", String(32), nullable=False),
    Column("contact_name", ShownText(200), nullable=False),
    Column("contact_email", ShownText(254), nullable=False),
    Column("language", String(10), nullable=False),
    Column("purpose", String(10), nullable=False),  # ask, reminder, substitute
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),  # the offered text
    Column("made_at", UtcTime, nullable=False),
    Index("consent_links_consent", "consent_id"),
)
consent_decisions = Table(
    "consent_decisions",
    metadata,
    Column("consent_id", ForeignKey("consents.consent_id", ondelete="CASCADE"), primary_key=True),
    Column("decision", String(10), nullable=False),  # given, refused
    Column("quantities", JSON, nullable=False),  # case id -> quantity
    Column("name", ShownText(200), nullable=False),  # as the customer has typed it
    Column("comment", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("address", String(64), nullable=False),  # of the network
    Column("channel", String(10), nullable=False),  # page, phone, mail, meeting
    Column("contact_id", String(32), nullable=False),
    Column("text", Text, nullable=False),  # exactly as it was shown
    Column("recorded_by", ShownText(100), nullable=False),  # account; "" for the customer itself
    Column("recorded_by_name", ShownText(255), nullable=False),
)
consent_files = Table(
    "consent_files",
    metadata,
    Column("file_id", String(32), primary_key=True),
    Column("consent_id", ForeignKey("consents.consent_id", ondelete="CASCADE"), nullable=False),
    Column("name", ShownText(200), nullable=False),
    Column("media_type", String(40), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", Text, nullable=False),  # base64
    Column("added_by", ShownText(100), nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Index("consent_files_consent", "consent_id"),
)
# The link of a closing mail, by which a customer may rate how it went, one for each consent; the stars are in events.
rating_links = Table(
    "rating_links",
    metadata,
    Column("consent_id", ForeignKey("consents.consent_id", ondelete="CASCADE"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("contact_id", String(32), nullable=False),
    Column("contact_name", ShownText(200), nullable=False),
    Column("language", String(10), nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("rated_at", UtcTime),
)
# Templates of texts for customers and distributors that an admin has changed; the others are in core/messages/defaults.
text_templates = Table(
    "text_templates",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("language", String(10), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False),  # counts the changes
    Column("changed_by", ShownText(100), nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)
case_numbers = Table(
    "case_numbers",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

# Where licences are ordered, and how an order goes there.
distributors = Table(
    "distributors",
    metadata,
    Column("distributor_id", String(32), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("how", String(10), nullable=False),  # mail, file, webhook
    Column("address", String(254), nullable=False),  # of e-mail
    Column("channel_id", String(32), nullable=False),  # of a channel of messages that is a webhook
    Column("language", String(10), nullable=False),
    Column("subject", Text, nullable=False),  # templates
    Column("body", Text, nullable=False),
    Column("with_file", Boolean, nullable=False),  # attach the CSV file to the mail
    Column("delivery_days", Integer, nullable=False),  # after which an order is expected
    Column("cost_centre", String(60), nullable=False),
    Column("articles", JSON, nullable=False),  # part number -> [article number, package size]
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),  # counts the changes
)

# A customer's number at a distributor.
customer_numbers = Table(
    "customer_numbers",
    metadata,
    Column("distributor_id", ForeignKey("distributors.distributor_id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
    Column("customer_number", String(60), nullable=False),
    Column("cost_centre", String(60), nullable=False),
    Index("customer_numbers_tenant", "tenant_id"),
)

# Orders with exactly what went out. What became of one is in the events of its cases.
orders = Table(
    "orders",
    metadata,
    Column("order_key", String(64), primary_key=True),  # goes out with the order; message_id of its message
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
    Column("distributor_id", String(32), nullable=False),  # "" if it was ordered elsewhere
    Column("distributor", String(60), nullable=False),
    Column("how", String(10), nullable=False),  # mail, file, webhook, outside
    Column("recipient", String(254), nullable=False),
    Column("lines", JSON, nullable=False),
    Column("term", String(60), nullable=False),
    Column("cost_centre", String(60), nullable=False),
    Column("customer_number", String(60), nullable=False),
    Column("mca_accepted", Boolean, nullable=False),
    Column("subject", ShownText(250), nullable=False),
    Column("body", Text, nullable=False),
    Column("csv", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", ShownText(100), nullable=False),
    Column("created_by_name", ShownText(255), nullable=False),
    Column("reference", String(100), nullable=False),  # the distributor's number
    Column("expected_at", Date, nullable=False),  # the last day on which the delivery is in time
    Column("watched_until", Date),  # expected_at until the delay has been told, or nothing is under way
    Index("orders_tenant", "tenant_id"),
    Index("orders_watched", "watched_until"),
)

# Where messages go to: a mail server, a service that Apprise speaks, or a webhook.
channels = Table(
    "channels",
    metadata,
    Column("channel_id", String(32), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),  # smtp, apprise, webhook
    Column("config", JSON, nullable=False),  # of its kind, without what is secret
    Column("secret", Text, nullable=False),  # encrypted JSON: password, address or key
    Column("routes", JSON, nullable=False),  # what goes there, of core.messages.routes
    Column("recipients", JSON, nullable=False),  # addresses of e-mail
    Column("language", String(10), nullable=False),
    Column("digest_at", Integer, nullable=False),  # minutes since midnight
    Column("digest_day", Date),  # the last day about whose digest is decided
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),  # counts the changes
)

# The outbox: one row per channel and recipient, written in the transaction of what causes the message. There is no
# foreign key to `channels`: what was sent is kept when its channel goes.
WAITING_MESSAGE = text("state = 'waiting'")
messages = Table(
    "messages",
    metadata,
    Column("message_id", String(64), primary_key=True),  # of dedup_key unless the sender gives one; others see it
    Column("dedup_key", String(500), nullable=False, unique=True),  # what may exist once
    Column("kind", String(20), nullable=False),
    Column("tenant_id", ForeignKey("tenants.tenant_id", ondelete="CASCADE")),  # NULL: of no tenant, or of many
    Column("channel_id", String(32), nullable=False),
    Column("recipient", String(254), nullable=False),  # "" if the channel has no addresses
    Column("language", String(10), nullable=False),
    Column("subject", ShownText(250), nullable=False),
    Column("body", Text, nullable=False),
    Column("secret", Text, nullable=False),  # encrypted JSON: a mark in the body -> what stands there; "" once sent
    Column("data", JSON, nullable=False),  # the same for programs
    Column("reply_to", String(254), nullable=False),
    Column("attachments", JSON, nullable=False),  # [name, media type, content in base64]
    Column("created_at", UtcTime, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("give_up_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("state", String(10), nullable=False),  # waiting, sent, failed
    Column("error", Text),  # JSON of the problem of the last attempt
    Index(
        "messages_waiting", "channel_id", "not_before", sqlite_where=WAITING_MESSAGE, postgresql_where=WAITING_MESSAGE
    ),
    Index("messages_state", "state", "created_at"),
    Index("messages_tenant", "tenant_id"),
)  # fmt: skip

# Tenants that leave: their data stays until `due_at`, then it is removed. The row goes with the last of it.
leavings = Table(
    "leavings",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("slug", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("state", String(10), nullable=False),  # leaving: may be undone; going: is being removed
    Column("started_by", ShownText(100), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("export_file", String(200), nullable=False),  # its name in the folder of the exports
    Column("export_sha256", String(64), nullable=False),
    Column("removed", JSON, nullable=False, default=dict),  # what has gone so far -> how many
    Column("tried_at", UtcTime),
    Column("problem", Text),  # JSON of the problem that the removal waits for
)
