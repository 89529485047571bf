"""Every table, and what it holds of a tenant: how it is found, what becomes of it when the tenant leaves, until when.

Export, privacy report and deletion walk TENANT_TABLES. A new table or column has its line here, in TENANT_TABLES or in
OTHER_TABLES (tests/test_tenant_data.py); one of tenants also its words in the catalogues (`data.table.<name>`: what it
is for) and its line in docs/datenschutz.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.cache.tenant_data import ByColumn, ByName, Finder, Mentioning, Through

AtLeaving = Literal["deleted", "anonymised", "kept"]
# Until when a row is kept while the tenant stays: as long as it stays, until the lists are read the next time, or as
# long as a setting says.
Kept = Literal["stays", "next_read", "history_days", "run_days", "audit_days", "message_days"]


@dataclass(frozen=True, slots=True)
class TenantTable:
    """What a table holds of a tenant.

    `columns` are all columns of the table, `hidden` those that no export and no report shows: they prove something or
    are secret. `exported` is False for records of the provider that mention other tenants, too.
    """

    name: str
    finder: Finder
    columns: str
    at_leaving: AtLeaving = "deleted"
    kept: Kept = "stays"
    hidden: str = ""
    exported: bool = True

    @property
    def shown(self) -> list[str]:
        """Return the columns that exports and reports show."""
        return [name for name in self.columns.split() if name not in self.hidden.split()]


BY_ID = ByColumn("tenant_id")

# Parents before their children; deletion goes from the last to the first.
TENANT_TABLES: tuple[TenantTable, ...] = (
    TenantTable(
        "tenants", BY_ID,
        "tenant_id slug name former_names has_profile cert_expires listed list_item_id missing_since enabled monitored "
        "last_read_at last_attempt_at failing_since problem subscriptions_read_at subscriptions_problem level",
    ),
    TenantTable(
        "licenses", BY_ID,
        "tenant_id sku_id sku_part_number applies_to capability_status enabled consumed warning suspended locked_out "
        "present first_seen_at short_since stage",
    ),
    TenantTable("license_events", BY_ID, "tenant_id sku_id at what before enabled consumed", kept="history_days"),
    TenantTable(
        "alarms", BY_ID, "tenant_id sku_id item_id list_key triggered_at retriggered told_at short_since"
    ),
    TenantTable("license_numbers", BY_ID, "license_number tenant_id sku_id last_day", kept="history_days"),
    TenantTable(
        "history", Through("license_number", "license_numbers"),
        "license_number day enabled consumed warning suspended", kept="history_days",
    ),
    TenantTable(
        "subscriptions", BY_ID,
        "tenant_id subscription_id sku_id sku_part_number status total is_trial created_at next_lifecycle_at",
    ),
    TenantTable(
        "contacts", BY_ID,
        "contact_id tenant_id name email phone language role valid_from valid_until created_at changed_at",
    ),
    TenantTable(
        "cases", BY_ID,
        "case_id number tenant_id sku_id sku_part_number cause state resumes outcome priority priority_set owner "
        "owner_name quantity waiting ordered delivered wanted_at note enabled free missing stage short_since "
        "good_since opened_at changed_at state_since closed_at postponed_until follows bundle_id version "
        "next_action due_at",
    ),
    TenantTable(
        "case_events", Through("case_id", "cases", goes_along=True), "case_id seq at actor actor_name kind data"
    ),
    TenantTable(
        "case_results", Through("case_id", "cases"),
        "case_id level level_version calendar calendar_version distributor reaction_seconds lead_seconds "
        "customer_seconds reaction_kept work_kept delivery_kept stars",
    ),
    TenantTable("case_reads", Through("case_id", "cases"), "case_id account seq"),
    TenantTable("customer_numbers", BY_ID, "distributor_id tenant_id customer_number cost_centre"),
    TenantTable(
        "orders", BY_ID,
        "order_key tenant_id distributor_id distributor how recipient lines term cost_centre customer_number "
        "mca_accepted subject body csv created_at created_by created_by_name reference expected_at watched_until",
    ),
    TenantTable(
        "consents", BY_ID,
        "consent_id tenant_id state ended_why channel price term reason asked_by asked_by_name asked_at expires_at "
        "ended_at reminded",
    ),
    TenantTable(
        "consent_items", Through("consent_id", "consents", goes_along=True), "consent_id case_id product quantity"
    ),
    TenantTable(
        "consent_links", Through("consent_id", "consents", goes_along=True),
        "token_hash consent_id contact_id contact_name contact_email language purpose subject body made_at",
        hidden="token_hash",
    ),
    TenantTable(
        "consent_decisions", Through("consent_id", "consents", goes_along=True),
        "consent_id decision quantities name comment at address channel contact_id text recorded_by recorded_by_name",
    ),
    TenantTable(
        "consent_files", Through("consent_id", "consents", goes_along=True),
        "file_id consent_id name media_type size sha256 content added_by added_at", hidden="content",
    ),
    TenantTable(
        "rating_links", Through("consent_id", "consents", goes_along=True),
        "consent_id token_hash contact_id contact_name language made_at expires_at rated_at", hidden="token_hash",
    ),
    TenantTable(
        "messages", BY_ID,
        "message_id dedup_key kind tenant_id channel_id recipient language subject body secret data reply_to "
        "attachments created_at not_before give_up_at attempts sent_at state error",
        hidden="secret", kept="message_days",
    ),
    TenantTable("policies", BY_ID, "tenant_id sku_id threshold warn mode reason author created_at until"),
    TenantTable("profile_faults", ByColumn("slug", "slug"), "file slug problems", kept="next_read"),
    TenantTable(
        "onboardings", BY_ID,
        "onboarding_id tenant_id name slug app client_id cert_path made level contact state created_by created_at "
        "acted_at ended_at busy_until consent_hash consent_until run_id summary seen_by seen_at",
        hidden="consent_hash",
    ),
    TenantTable(
        "onboarding_steps", Through("onboarding_id", "onboardings"),
        "onboarding_id step state tries last_try_at problem",
    ),
    TenantTable(
        "onboarding_log", Through("onboarding_id", "onboardings"), "onboarding_id seq at actor step said"
    ),
    TenantTable(
        "rotations", BY_ID,
        "rotation_id kind slug name tenant_id client_id current_path current_thumbprint current_expires next_path "
        "next_thumbprint next_expires way uploaded_at refused_since proven_at switched_at problem state started_by "
        "started_at ended_at busy_until",
    ),
    TenantTable(
        "leavings", BY_ID,
        "tenant_id slug name state started_by started_at due_at export_file export_sha256 removed tried_at problem",
    ),
    TenantTable("tenant_list", ByName("title"), "item_id title enabled monitoring", kept="next_read"),
    TenantTable(
        "list_items", ByName("fields", ("title", "tenant")), "kind item_id etag modified fields", kept="next_read"
    ),
    TenantTable(
        "runs", Mentioning(("scope", "summary")),
        "run_id source requested_by scope started_at finished_at state step done total seconds summary request_id "
        "requested_at account take_over give_way traceparent",
        at_leaving="anonymised", kept="run_days", exported=False,
    ),
    TenantTable(
        "run_chunks", Mentioning(("tenants", "part")), "run_id chunk tenants part requests done_at",
        at_leaving="anonymised", kept="run_days", exported=False,
    ),
    TenantTable(
        "documents", Mentioning(("value",), only=("sharepoint", "switches_seen")), "key value",
        at_leaving="anonymised", kept="next_read", exported=False,
    ),
    TenantTable(
        "saved_views", Mentioning(("name", "params")), "view_id owner name name_key shared page params", exported=False
    ),
    TenantTable(
        "audit", Mentioning(("target", "before", "after", "reason")),
        "seq at actor actor_name role source address request_id action target before after result reason previous hash",
        at_leaving="kept", kept="audit_days", exported=False,
    ),
)  # fmt: skip

# Tables that hold nothing of a tenant, with their columns: the provider's own accounts and the machine itself.
OTHER_TABLES: Mapping[str, str] = {
    "accounts": "name provider display_name password_hash role disabled created_at password_changed_at last_sign_in_at "
    "totp_secret totp_confirmed_at totp_last_step device_key must_change_password",
    "recovery_codes": "account code_hash used_at",
    "sessions": "token_hash account created_at last_seen_at revoked_at address user_agent",
    "start_choices": "account page view_id",
    "api_tokens": "token_id name token_hash role created_by created_at expires_at last_used_at revoked_at",
    "audit_anchor": "one seq hash",
    "sign_in_failures": "key count last_at",
    "sign_in_budgets": "key whole_at",
    "sign_in_steps": "key_hash value at",
    "call_counts": "who minute calls",
    "leases": "name owner term until",
    "duties": "name due_at",
    "backups": "backup_id kind started_at seconds actor file sha256 bytes rows problem",
    "case_numbers": "year last",
    "list_marks": "kind read_with delta_link whole_read_at",
    "calendars": "key name name_key zone region week half_day_until own_days version",
    "channels": "channel_id name name_key kind config secret routes recipients language digest_at digest_day active "
    "version",
    "distributors": "distributor_id name name_key how address channel_id language subject body with_file "
    "delivery_days cost_centre articles active version",
    "levels": "key name name_key refresh_minutes threshold warn reaction_hours solution_hours follow_orders "
    "needs_consent recipients monthly_report calendar version",
    "text_templates": "kind language subject body version changed_by changed_at",
    "sku_names": "sku_id sku_part_number display_name",
}
