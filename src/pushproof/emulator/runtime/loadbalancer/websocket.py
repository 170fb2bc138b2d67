"""WebSocket through the load balancer: both sides shake hands, then messages pass both ways until one side closes."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from pushproof.emulator.runtime.loadbalancer import pages


def is_upgrade(request: web.BaseRequest) -> bool:
    """Return whether the request asks to become a WebSocket."""
    upgrades = [part.strip().lower() for part in request.headers.get("Upgrade", "").split(",")]
    return "websocket" in upgrades and "upgrade" in request.headers.get("Connection", "").lower()


async def relay(
    request: web.BaseRequest, url: URL, headers: CIMultiDict[str], session: aiohttp.ClientSession
) -> tuple[web.StreamResponse, int | None]:
    """Relay a WebSocket. Return the answer and the target's status (101 once it agreed)."""
    protocols = [part.strip() for part in headers.get("Sec-WebSocket-Protocol", "").split(",") if part.strip()]
    for name in list(headers):
        if name.lower().startswith("sec-websocket-"):
            headers.popall(name, None)
    try:
        target = await session.ws_connect(url, headers=headers, protocols=protocols, autoping=False, max_msg_size=0)
    except aiohttp.WSServerHandshakeError as refusal:
        return web.Response(status=refusal.status, headers={"Server": pages.SERVER}), refusal.status
    except (aiohttp.ClientError, TimeoutError):
        return pages.page(502), None
    chosen = (target.protocol,) if target.protocol else ()
    client = web.WebSocketResponse(protocols=chosen, autoping=False, compress=False, max_msg_size=0)
    try:
        await client.prepare(request)
        directions = [asyncio.ensure_future(_pump(client, target)), asyncio.ensure_future(_pump(target, client))]
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        # Each direction passes the close on; the rest of the other one has no recipient.
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        code = target.close_code or client.close_code or 1000
        await client.close(code=code if code != 1006 else 1001)
    finally:
        await target.close()
    return client, 101


Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in source:
        match message.type:
            case WSMsgType.TEXT:
                await sink.send_str(message.data)
            case WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            case WSMsgType.PING:
                await sink.ping(message.data)
            case WSMsgType.PONG:
                await sink.pong(message.data)
            case _:
                break
    code = source.close_code or 1000
    await sink.close(code=code if code != 1006 else 1001)
