"""Simulated Microsoft 365: login, Graph, SharePoint and the flow over HTTPS on loopback, for demo and tests."""

from .edge import Request
from .faults import Fault
from .flow import Message
from .lists import Item, ItemList
from .m365 import Microsoft365
from .site import SharePoint
from .tenants import Sku, Subscription, Tenant

__all__ = [
    "Fault",
    "Item",
    "ItemList",
    "Message",
    "Microsoft365",
    "Request",
    "SharePoint",
    "Sku",
    "Subscription",
    "Tenant",
]
