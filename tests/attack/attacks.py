"""All attacks, each with its sizes."""

from __future__ import annotations

from collections.abc import Callable

from tests.attack import insiders, leaks, strangers
from tests.attack.finding import Finding
from tests.attack.stage import Product

Attack = Callable[[Product, int], Finding]

# attack -> size of the whole form, size of the short one that the suite runs
ATTACKS: dict[Attack, tuple[int, int]] = {
    insiders.hostile_frames: (16_000, 2_000),
    insiders.large_frames: (20, 2),
    insiders.many_tabs: (300, 30),
    insiders.many_words: (100_000, 20_000),
    insiders.many_parameters: (5_873, 1_000),
    insiders.many_exports: (400, 70),
    insiders.odd_widgets: (8, 1),
    insiders.wrong_session: (4, 2),
    strangers.half_requests: (1_200, 200),
    strangers.half_bodies: (600, 50),
    strangers.never_reading: (100, 10),
    strangers.flushed_log: (2_000, 80),
    strangers.odd_bytes: (40, 5),
    strangers.signed_out_memory: (20, 2),
    strangers.wrong_tokens: (60, 30),
    strangers.many_accounts: (40, 40),
    strangers.sign_in_flood: (24, 6),
    leaks.secrets_in_log: (1, 1),
    leaks.formulas_in_csv: (1, 1),
    leaks.secrets_in_database: (1, 1),
    leaks.nested_rules: (100_000, 100_000),
}
