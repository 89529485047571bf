"""Microsoft's own part numbers and SKU ids (from its product name list), and the service plans of a SKU."""

from functools import cache
from typing import Any

from .profiles import guid

SKU_IDS = {
    "AAD_PREMIUM": "078d2b04-f1bd-4111-bbd4-b4b1b354cef4",
    "AAD_PREMIUM_P2": "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
    "ATP_ENTERPRISE": "4ef96642-f096-40de-a3e9-d83fb2f90211",
    "CCIBOTS_PRIVPREV_VIRAL": "606b54a9-78d8-4298-ad8b-df6ef4481c80",
    "DESKLESSPACK": "4b585984-651b-448a-9e53-3b10f069cf7f",
    "EMS": "efccb6f7-5641-4e0e-bd10-b4976e1bf68e",
    "ENTERPRISEPACK": "6fd2c87f-b296-42f0-b197-1e91e994b900",
    "ENTERPRISEPREMIUM": "c7df2760-2c81-4ef7-b578-5b5392b571df",
    "EXCHANGEDESKLESS": "80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82",
    "EXCHANGEENTERPRISE": "19ec0d23-8335-4cbd-94ac-6050e30712fa",
    "EXCHANGESTANDARD": "4b9405b0-7788-4568-add1-99614e613b69",
    "FLOW_FREE": "f30db892-07e9-47e9-837c-80727f46fd3d",
    "INTUNE_A": "061f9ace-7d42-4136-88ac-31dc755f143f",
    "INTUNE_EDU": "d9d89b70-a645-4c24-b041-8d3cb1884ec7",
    "M365EDU_A3_FACULTY": "4b590615-0888-425a-a965-b3bf7789848d",
    "M365EDU_A3_STUDENT": "7cfd9a2b-e110-4c39-bf20-c6a3f36a3121",
    "M365EDU_A3_STUUSEBNFT": "18250162-5d87-4436-a834-d795c15c80f3",
    "M365EDU_A5_FACULTY": "e97c048c-37a4-45fb-ab50-922fbf07a370",
    "M365EDU_A5_STUDENT": "46c119d4-0379-4a9d-85e4-97c66d3f909e",
    "M365EDU_A5_STUUSEBNFT": "31d57bc7-3a05-4867-ab53-97a17835a411",
    "MCOEV": "e43b5b99-8dfb-405f-9987-dc307f34bcbd",
    "MCOEV_FACULTY": "d979703c-028d-4de5-acbf-7955566b69b9",
    "MCOMEETADV": "0c266dff-15dd-4b49-8397-2bb16070ed52",
    "MEETING_ROOM": "6070a4c8-34c6-4937-8dfb-39bbc6397a60",
    "Microsoft_365_Copilot": "639dec6b-bb19-468b-871c-c5c441c4b0cb",
    "O365_BUSINESS": "cdd28e44-67e3-425e-be4c-737fab2899d3",
    "O365_BUSINESS_ESSENTIALS": "3b555118-da6a-4418-894f-7df1e2096870",
    "O365_BUSINESS_PREMIUM": "f245ecc8-75af-4f8e-b61f-27d8114de5f3",
    "PHONESYSTEM_VIRTUALUSER": "440eaaa8-b3e0-484b-a8be-62870b9ba70a",
    "POWERAPPS_DEV": "5b631642-bd26-49fe-bd20-1daaa972ef80",
    "POWERAPPS_VIRAL": "dcb1a3ae-b33f-4487-846a-a640262fadf4",
    "POWER_BI_PRO": "f8a1db68-be16-40ed-86d5-cb42ce701560",
    "POWER_BI_PRO_FACULTY": "de5f128b-46d7-4cfc-b915-a89ba060ea56",
    "POWER_BI_STANDARD_FACULTY": "ade29b5f-397e-4eb9-a287-0344bd46c68d",
    "POWER_BI_STANDARD": "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235",
    "PROJECTPROFESSIONAL": "53818b1b-4a27-454b-8896-0dba576410e6",
    "PROJECT_P1": "beb6439c-caad-48d3-bf46-0c82871e12be",
    "RIGHTSMANAGEMENT_ADHOC": "8c4ce438-32a7-4ac5-91a6-e22ae08d9c8b",
    "SHAREPOINTSTORAGE": "99049c9c-6011-4908-bf17-15f496e6519d",
    "SPB": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
    "SPE_E3": "05e9a617-0261-4cee-bb44-138d3ef5d965",
    "SPE_E5": "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
    "SPE_F1": "66b55226-6b4f-492c-910c-a3b7a3c9d993",
    "STANDARDPACK": "18181a46-0d4e-45cd-891e-60aabd171b4e",
    "STANDARDWOFFPACK_FACULTY": "94763226-9b3c-4e75-a931-5c89701abe66",
    "STANDARDWOFFPACK_STUDENT": "314c4481-f395-4525-be8b-2ec4bb1e9d91",
    "STREAM": "1f2f344a-700d-42c9-9427-5cea1d5d7ba6",
    "TEAMS_EXPLORATORY": "710779e8-3d4a-4c88-adb9-386c958d1fdf",
    "VISIOCLIENT": "c5928f49-12ba-48f7-ada3-0d743a3601d5",
    "VISIOONLINE_PLAN1": "4b244418-9658-4451-a2b8-b5e2b364e9bd",
    "WINDOWS_STORE": "6470687e-a428-4b7a-bef2-8a291ad947c9",
}
COMPANY_WIDE = {"SHAREPOINTSTORAGE", "WINDOWS_STORE"}
PLANS = {
    "EXCHANGE_S_FOUNDATION": ("113feb6c-3fe4-4440-bddc-54d774bf0318", "Company"),
    "EXCHANGE_S_STANDARD": ("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "User"),
    "SHAREPOINTSTANDARD": ("c7699d2e-19aa-44de-8edf-1736da088ca1", "User"),
    "TEAMS1": ("57ff2da0-773e-42df-b2af-ffb7a2317929", "User"),
}
SUITES = ("SP", "O365_", "M365EDU", "STANDARD", "ENTERPRISE", "DESKLESS")


@cache
def sku_id(part_number: str) -> str:
    """Return Microsoft's SKU id, or one derived from the part number if Microsoft has no such product."""
    return SKU_IDS.get(part_number) or guid("sku", part_number)


@cache
def service_plans(part_number: str) -> list[dict[str, Any]]:
    """Return a short list of service plans in Graph's format; suites contain mail, sites and Teams."""
    names = list(PLANS) if part_number.startswith(SUITES) else ["EXCHANGE_S_FOUNDATION"]
    plans = [(name, *PLANS[name]) for name in names]
    plans.append((f"{part_number}_SERVICE", guid("plan", part_number), "User"))
    return [
        {"servicePlanId": plan, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": applies}
        for name, plan, applies in plans
    ]
