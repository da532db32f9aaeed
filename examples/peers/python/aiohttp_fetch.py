"""aiohttp: asyncio.gather over one ClientSession. URL REQUESTS IN_FLIGHT [gather|workers]"""

import asyncio
import json
import os
import ssl
import sys
import time

import aiohttp


async def fetch(session, url, tally):
    async with session.get(url) as response:
        body = await response.read()
        tally["ok"] += response.status == 200
        tally["bytes"] += len(body)


async def main(base, requests, in_flight, mode):
    began = time.perf_counter_ns()
    tally = {"ok": 0, "bytes": 0}
    authority = os.environ.get("PEERS_CA")
    tls = {"ssl": ssl.create_default_context(cafile=authority)} if authority else {}
    connector = aiohttp.TCPConnector(limit=in_flight, **tls)
    endless = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=endless) as session:
        urls = (f"{base}/{index % 100}" for index in range(requests))

        async def worker():
            for url in urls:
                await fetch(session, url, tally)

        if mode == "gather":
            await asyncio.gather(*(fetch(session, url, tally) for url in urls))
        else:
            await asyncio.gather(*(worker() for _ in range(in_flight)))
    print(json.dumps({**tally, "wall_ns": time.perf_counter_ns() - began}))


base, requests, in_flight, *mode = sys.argv[1:]
asyncio.run(main(base, int(requests), int(in_flight), mode[0] if mode else "gather"))
