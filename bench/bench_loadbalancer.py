"""Requests per second through the load balancer's data plane: clients and targets in processes of their own.

Run with `python bench/bench_loadbalancer.py [seconds] [clients]`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection

import aiohttp
from aiohttp import web

from pushproof.emulator.runtime.loadbalancer import ListenerSpec, Target, TargetGroupSpec
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.engines.loadbalancing import Forward, Rule, WeightedTargetGroup

ADDRESS, PORT = "127.77.1.1", 18080


def serve(pipe: Connection) -> None:
    """Serve two targets in one process."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="ok")

    async def main() -> None:
        ports = []
        for _ in range(2):
            runner = web.ServerRunner(web.Server(answer, access_log=None))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            ports.append(runner.addresses[0][1])
        pipe.send(ports)
        await asyncio.Event().wait()

    asyncio.run(main())


def load(seconds: float, clients: int, pipe: Connection) -> None:
    """Send requests without pause for a while; report their number, and the number of failures."""
    done = failed = 0

    async def client(session: aiohttp.ClientSession, end: float) -> None:
        nonlocal done, failed
        while time.monotonic() < end:
            async with session.get(f"http://{ADDRESS}:{PORT}/") as answer:
                await answer.read()
                done += 1
                failed += answer.status != 200

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            end = time.monotonic() + seconds
            await asyncio.gather(*(client(session, end) for _ in range(clients)))

    asyncio.run(main())
    pipe.send((done, failed))


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    targets = context.Process(target=serve, args=(there,), daemon=True)
    targets.start()
    ports: list[int] = here.recv()
    runtime = LoadBalancerRuntime()
    runtime.start()
    runtime.put_target_group(
        TargetGroupSpec("group", tuple(Target("127.0.0.1", port, "127.0.0.1", port) for port in ports))
    )
    rules = (Rule("default", None, (), Forward((WeightedTargetGroup("group"),))),)
    runtime.put_listener(ListenerSpec("listener", ADDRESS, PORT, "HTTP", rules))
    loader = context.Process(target=load, args=(seconds, clients, there))
    loader.start()
    done, failed = here.recv()
    loader.join()
    durations = sorted(entry.duration for entry in runtime.access_log())
    runtime.close()
    targets.terminate()
    targets.join()
    middle, slow = (durations[len(durations) * share // 100] * 1000 for share in (50, 99))
    print(
        f"load balancer: {done / seconds:,.0f} requests/s, {clients} clients, {failed} failed, "
        f"median {middle:.1f} ms, 99th percentile {slow:.1f} ms"
    )


if __name__ == "__main__":
    main()
