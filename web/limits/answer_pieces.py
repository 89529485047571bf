"""Cut the body of an answer into pieces, each of which waits until the client has read the one before."""

from __future__ import annotations

from starlette.types import Message, Send

PIECE = 64 * 2**10  # bytes of an answer that are written at once; the rest waits until the client has read them


def in_pieces(send: Send) -> Send:
    """Return a `send` that cuts bodies into pieces, since uvicorn waits for the client only between two messages."""

    async def send_piece_by_piece(message: Message) -> None:
        body = message.get("body", b"")
        while len(body) > PIECE:
            await send({**message, "body": bytes(body[:PIECE]), "more_body": True})
            body = memoryview(body)[PIECE:]
        await send({**message, "body": bytes(body)} if body else message)

    return send_piece_by_piece
