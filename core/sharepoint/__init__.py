"""The three SharePoint lists: read them, plan changes (pure), write them."""

from core.sharepoint.apply import Outcome, Writer
from core.sharepoint.flow_parameters import check_parameters, parameters_of
from core.sharepoint.item_names import license_name
from core.sharepoint.license_rows import Row
from core.sharepoint.list_cache import ListCache
from core.sharepoint.list_columns import ListError
from core.sharepoint.lists import Item, Lists
from core.sharepoint.pace import Pace
from core.sharepoint.plan import Change, Plan, plan_licenses
from core.sharepoint.push import GiveWay, PushResult, push
from core.sharepoint.tenant_list import TenantRow, match_tenants, plan_tenants
from core.sharepoint.trigger_table import taken_over, trigger_values
from core.sharepoint.writable import list_faults

__all__ = [
    "Change",
    "GiveWay",
    "Item",
    "ListCache",
    "ListError",
    "Lists",
    "Outcome",
    "Pace",
    "Plan",
    "PushResult",
    "Row",
    "TenantRow",
    "Writer",
    "check_parameters",
    "license_name",
    "list_faults",
    "match_tenants",
    "parameters_of",
    "plan_licenses",
    "plan_tenants",
    "push",
    "taken_over",
    "trigger_values",
]  # fmt: skip
