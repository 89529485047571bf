"""History for the demo: the readings of the weeks before it was first opened, written into the product's database."""

import datetime as dt
import random
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from core.cache.catalogue import SKU_MAPPINGS
from core.cache.database import open_database
from core.cache.event_rows import begin_record
from core.cache.readings import Reading, save_readings, stored_licenses
from core.cache.sql import transaction
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.alarm_rules import Rules
from core.licenses.judge import Stage, judge
from core.licenses.sku_mappings import read_catalogue
from core.licenses.skus import Catalogue
from core.licenses.units import License

from .past_cases import write_past_cases
from .tenants import Sku, Tenant

DAYS = 75
HOUR = 7  # of each day, UTC


def write_past_readings(
    url: str, tenants: list[Tenant], out_since: Mapping[tuple[str, str], int], today: dt.datetime
) -> None:
    """Write DAYS daily readings of `tenants` into the product's database at `url`.

    The readings lead up to the present numbers. `out_since`: (tenant name, part number) -> for how many days the
    product has had no free seat; a product without an entry has run out since the last reading.
    """
    catalogue = read_catalogue(SKU_MAPPINGS)
    engine = open_database(url)
    read = [tenant for tenant in tenants if tenant.permissions]
    save_profiles(engine, [ProfileTenant(t.tenant_id, t.slug, t.name, t.certificate_ends) for t in tenants], {})
    for ago in range(DAYS, 0, -1):
        at = (today - dt.timedelta(days=ago)).replace(hour=HOUR, minute=12)
        readings = []
        for tenant in read:
            since = {sku.part_number: out_since.get((tenant.name, sku.part_number), 0) for sku in tenant.skus.values()}
            rows = [_numbers_of_day(sku, ago, since[sku.part_number]) for sku in tenant.skus.values()]
            readings.append(Reading(tenant.tenant_id, rows, _stages(rows, catalogue), at))
        save_readings(engine, readings, stored_licenses(engine), set(), at.date())
    with transaction(engine) as connection:
        begin_record(connection, (today - dt.timedelta(days=DAYS)).replace(hour=HOUR, minute=12))
    write_past_cases(engine, read, dt.datetime.now(dt.UTC), ZoneInfo("Europe/Zurich"))
    engine.dispose()


def _numbers_of_day(sku: Sku, ago: int, out_since: int) -> License:
    """Return the numbers of a product `ago` days ago: fewer people, and a free seat until it ran out."""
    draw = random.Random(f"{sku.sku_id}/{ago // 3}")
    joined = sku.consumed * ago * random.Random(sku.sku_id).uniform(0.0005, 0.003)
    consumed = max(0, sku.consumed - round(joined + draw.uniform(0, min(3, sku.consumed * 0.04))))
    if ago <= out_since:
        consumed = sku.consumed
    elif sku.consumed >= sku.enabled > 0:
        consumed = min(consumed, sku.enabled - draw.choice([1, 1, 2]))
    # Units that are in grace or suspended today were enabled until three weeks ago.
    ended = sku.warning + sku.suspended if sku.enabled == 0 and ago > 21 else 0
    return License(
        sku_id=sku.sku_id,
        sku_part_number=sku.part_number,
        enabled=sku.enabled + ended,
        consumed=consumed,
        warning=0 if ended else sku.warning,
        suspended=0 if ended else sku.suspended,
        capability_status=sku.status,
        applies_to=sku.applies_to,
    )


def _stages(rows: list[License], catalogue: Catalogue) -> dict[str, Stage]:
    return {row.sku_id: judge(row, catalogue, Rules(), tenant_id="", is_trial=False).stage for row in rows}
