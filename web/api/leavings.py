"""DELETE /tenants/{tenantId}: let a tenant leave."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from core.leaving.leave import LeavingRefused, start_leaving
from core.leaving.tenant_export import ExportFailed
from core.name_key import guid_key
from core.roles import Action
from web.api.call import Caller, InProcess, ThisCall, failures, meta
from web.api.envelope import Answer, Model
from web.api.errors import ApiError, Detail, detail_of
from web.api.queries import NoParameters, Text
from web.api.tenants import TenantId, find_tenant, services_of

router = APIRouter(tags=["tenants"])
# Problem of core -> status of the answer; any other is a conflict with what is there.
STATUSES = {"leaving.wrong_name": 422, "command.tenant_unknown": 404}


class LeavingQuery(NoParameters):
    name: Text = Field(description="The name of the tenant, typed as a confirmation.", examples=["Schule Höri"])


class Leaving(Model):
    """A tenant that leaves; until `dueAt` an admin can undo it."""

    tenant_id: str
    slug: str
    name: str
    started_at: datetime
    due_at: datetime
    export_file: str = Field(description="All its data, in the folder of the exports on the server.")
    export_sha256: str


class LeavingAnswer(Answer[Leaving]):
    pass


@router.delete(
    "/tenants/{tenantId}", status_code=202, responses=failures(403, 404, 409), summary="Let a tenant leave"
)  # fmt: skip
def let_leave(
    tenant_id: TenantId, query: Annotated[LeavingQuery, Query()], context: InProcess, call: ThisCall, caller: Caller
) -> LeavingAnswer:
    """Needs the role admin. Exports its data and hides it at once; what is there of it is deleted when it is due."""
    caller.need(Action.LEAVING)
    services = services_of(context.runtime())
    wanted = guid_key(tenant_id) or find_tenant(context.figures(), tenant_id)["tenant_id"]
    try:
        leaving = start_leaving(services, wanted, query.name, caller)
    except LeavingRefused as error:
        raise _refused(error, call.language) from error
    except ExportFailed as error:
        raise ApiError(503, error.problem.text(call.language), [detail_of(error.problem, call.language)]) from error
    fields = {name: getattr(leaving, name) for name in Leaving.model_fields}
    return LeavingAnswer(data=Leaving(**fields), meta=meta(call))


def _refused(error: LeavingRefused, language: str) -> ApiError:
    status = STATUSES.get(error.problem.code, 409)
    detail = detail_of(error.problem, language)
    details = [Detail(field="name", **detail)] if status == 422 else [detail]
    return ApiError(status, error.problem.text(language), details)
