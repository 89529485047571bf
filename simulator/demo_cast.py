"""The made-up customers of the demo. None of these schools and firms exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .tenants import SkuValue

MILLION, TEN_THOUSAND = 1_000_000, 10_000


@dataclass(frozen=True)
class Customer:
    """A customer. `steady` products keep their numbers, the others change. `ends`: product -> days to its next date."""

    name: str
    skus: Mapping[str, SkuValue]
    steady: tuple[str, ...] = ()
    ends: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


CUSTOMERS = [
    Customer(
        "Schule Höri",
        {
            "M365EDU_A3_FACULTY": (46, 41),
            "M365EDU_A3_STUUSEBNFT": (480, 322),
            "STANDARDWOFFPACK_STUDENT": (MILLION, 318),
            "POWER_BI_STANDARD_FACULTY": (MILLION, 6),
            "FLOW_FREE": (TEN_THOUSAND, 12),
            "VISIOCLIENT": (4, 3),
            "MCOEV_FACULTY": (6, 4),
        },
        ends={"M365EDU_A3_FACULTY": 251},
    ),
    Customer(
        "Primarschule Wiesental",
        {
            "M365EDU_A3_FACULTY": (28, 28),
            "STANDARDWOFFPACK_FACULTY": (MILLION, 9),
            "STANDARDWOFFPACK_STUDENT": (MILLION, 241),
            "FLOW_FREE": (TEN_THOUSAND, 5),
            "INTUNE_EDU": (60, 52),
        },
        steady=("M365EDU_A3_FACULTY",),
        ends={"M365EDU_A3_FACULTY": 19},
    ),
    Customer(
        "Treuhand Emmen AG",
        {
            "SPB": (24, 24),
            "O365_BUSINESS_ESSENTIALS": (6, 4),
            "POWER_BI_PRO": (8, 7),
            "EXCHANGESTANDARD": (5, 3),
            "FLOW_FREE": (TEN_THOUSAND, 9),
            "POWER_BI_STANDARD": (MILLION, 14),
        },
        steady=("SPB",),
        ends={"SPB": 143, "POWER_BI_PRO": 27},
    ),
    Customer(
        "Bau AG Chur",
        {
            "O365_BUSINESS_PREMIUM": (35, 38),
            "SPB": (20, 17),
            "PROJECTPROFESSIONAL": (5, 4),
            "VISIOCLIENT": (3, 2),
            "EXCHANGEDESKLESS": (40, 31),
            "FLOW_FREE": (TEN_THOUSAND, 21),
            "STREAM": (MILLION, 2),
        },
        steady=("O365_BUSINESS_PREMIUM",),
    ),
    Customer(
        "Gymnasium Seeblick",
        {
            "M365EDU_A5_FACULTY": (118, 109),
            "M365EDU_A5_STUUSEBNFT": (1400, 1164),
            "STANDARDWOFFPACK_STUDENT": (MILLION, 1150),
            "MCOEV_FACULTY": (20, 20),
            "POWER_BI_PRO_FACULTY": (12, 11),
            "VISIOCLIENT": (10, 6),
            "PROJECT_P1": (15, 9),
            "MEETING_ROOM": (8, 7),
            "FLOW_FREE": (TEN_THOUSAND, 73),
            "POWERAPPS_DEV": (TEN_THOUSAND, 4),
        },
        steady=("MCOEV_FACULTY",),
        ends={"M365EDU_A5_FACULTY": 61, "MCOEV_FACULTY": 61},
    ),
    Customer(
        "Musikschule Oberland",
        {
            "STANDARDWOFFPACK_FACULTY": (MILLION, 37),
            "M365EDU_A3_FACULTY": (15, 14),
            "FLOW_FREE": (TEN_THOUSAND, 3),
            "TEAMS_EXPLORATORY": (100, 2),
        },
        options={"certificate_days": 6.5, "permissions": {"Organization.Read.All", "Application.ReadWrite.OwnedBy"}},
    ),
    Customer(
        "Metallbau Lindenhof GmbH",
        {"SPB": (18, 15), "O365_BUSINESS": (6, 6), "FLOW_FREE": (TEN_THOUSAND, 4), "POWER_BI_PRO": (2, 1)},
        options={"permissions": set()},
    ),
    Customer(
        "Kita Sternschnuppe",
        {"O365_BUSINESS_PREMIUM": (12, 10), "O365_BUSINESS_ESSENTIALS": (20, 16), "FLOW_FREE": (TEN_THOUSAND, 2)}
        | {"POWERAPPS_VIRAL": (TEN_THOUSAND, 1)},
        options={"listed": False},
    ),
    Customer(
        "Schreinerei Tannenhof",
        {"SPB": (9, 9), "EXCHANGESTANDARD": (4, 2), "FLOW_FREE": (TEN_THOUSAND, 3), "VISIOONLINE_PLAN1": (2, 1)},
        steady=("SPB",),
        options={"monitoring": False},
    ),
    Customer(
        "Logistik Rheintal AG",
        {
            "SPE_E3": (85, 79),
            "SPE_F1": (140, 126),
            "MCOEV": {"enabled": 0, "warning": 12, "consumed": 11, "capability_status": "Warning"},
            "MCOMEETADV": (20, 4),
            "POWER_BI_PRO": (15, 12),
            "AAD_PREMIUM_P2": (10, 8),
            "PHONESYSTEM_VIRTUALUSER": (25, 6),
            "SHAREPOINTSTORAGE": {"enabled": 500, "consumed": 0, "applies_to": "Company"},
            "FLOW_FREE": (TEN_THOUSAND, 44),
        },
        steady=("MCOEV", "SHAREPOINTSTORAGE"),
        ends={"MCOEV": 11, "SPE_E3": 320},
    ),
    Customer(
        "Grundschule Am Weiher",
        {
            "M365EDU_A3_FACULTY": (31, 29),
            "M365EDU_A3_STUDENT": (260, 247),
            "STANDARDWOFFPACK_STUDENT": (MILLION, 12),
            "WINDOWS_STORE": {"enabled": 25, "consumed": 0},
            "CCIBOTS_PRIVPREV_VIRAL": (TEN_THOUSAND, 1),
        },
    ),
    Customer(
        "Kanzlei Brunner & Vogt",
        {
            "SPE_E5": (14, 12),
            "Microsoft_365_Copilot": (5, 4),
            "EXCHANGEENTERPRISE": (3, 1),
            "VISIOCLIENT": {"enabled": 0, "suspended": 2, "consumed": 0, "capability_status": "Suspended"},
            "PROJECT_P1": (25, 3),
            "FLOW_FREE": (TEN_THOUSAND, 8),
        },
        steady=("VISIOCLIENT",),
        ends={"Microsoft_365_Copilot": 38},
    ),
]
ONLY_LISTED = "Gartenbau Sonnhalde AG"
TRIALS = {"PROJECT_P1", "TEAMS_EXPLORATORY"}
# Items that the older tool left in the licence list: (tenant, title, part number, days since the support team was
# informed).
LEFT_BEHIND = [
    ("Primarschule Wiesental", "M365EDU_A3_FACULTY", "M365EDU_A3_FACULTY", 12),
    ("Treuhand Emmen AG", "Microsoft 365 Business Premium (SPB)", "SPB", 3),
    ("Bau AG Chur", "Microsoft 365 Business Standard (O365_BUSINESS_PREMIUM)", "O365_BUSINESS_PREMIUM", 1),
    ("Treuhand Emmen AG", "POWER_BI_PRO", "POWER_BI_PRO", None),
    ("Schule Höri", "Microsoft 365 A3 for Faculty (M365EDU_A3_FACULTY)", "M365EDU_A3_FACULTY", None),
]
