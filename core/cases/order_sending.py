"""How an order goes out: by the outbox, as a mail or through a webhook; a file is fetched by a person."""

from __future__ import annotations

from datetime import datetime

from core.cache.channel_rows import channels_in
from core.cache.distributor_rows import Distributor
from core.cache.order_rows import Order
from core.cache.sql import Transaction
from core.cases.order_texts import OrderContent, data_of, file_bytes, file_name
from core.messages.outbox import Attachment, Draft, mail_channel, queue
from core.problems import Problem

KIND = "order"


def way_fault(connection: Transaction, distributor: Distributor) -> Problem | None:
    """Return why no order can go to the distributor just now, None if it can."""
    if distributor.how == "mail" and not distributor.address:
        return Problem("order.no_address", {"distributor": distributor.name})
    if distributor.how == "mail" and mail_channel(connection) is None:
        return Problem("order.no_mail_channel", {"distributor": distributor.name})
    if distributor.how == "webhook" and _webhook(connection, distributor) is None:
        return Problem("order.no_webhook", {"distributor": distributor.name})
    return None


def _webhook(connection: Transaction, distributor: Distributor) -> str | None:
    """Return the id of the distributor's webhook, None if it is gone or switched off."""
    of_distributor = (
        channel.channel_id
        for channel in channels_in(connection)
        if channel.channel_id == distributor.channel_id and channel.kind == "webhook" and channel.active
    )
    return next(of_distributor, None)


def queue_order(
    connection: Transaction, order: Order, content: OrderContent, distributor: Distributor, now: datetime
) -> None:
    """Write the message of the order, if its distributor gets one. Its id is the key of the order.

    The key of the message is that of the order alone, so it exists once whatever the distributor's address is by then.
    """
    mail = mail_channel(connection) if order.how == "mail" else None
    channel_id = mail.channel_id if mail else distributor.channel_id
    if not order.is_sent or not channel_id:
        return
    attachments = [Attachment(file_name(order.order_key), "text/csv", file_bytes(order.csv))] if order.csv else []
    draft = Draft(
        KIND, f"{KIND}:{order.order_key}", channel_id, order.recipient, distributor.language, order.subject, order.body,
        tenant_id=order.tenant_id, data=data_of(content), attachments=attachments, message_id=order.order_key,
    )  # fmt: skip
    queue(connection, draft, now)
