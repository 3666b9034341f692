"""What a data engineer would write: CSV in, 64 calls at a time, CSV out. No ledger, no pace, no second thoughts about money.

asyncio_baseline.py INPUT OUTPUT URL KEY CONCURRENCY
"""

import asyncio
import csv
import hashlib
import sys

import aiohttp


async def main(source: str, target: str, url: str, key: str, concurrency: int) -> None:
    with open(source, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = asyncio.Semaphore(concurrency)
    connector = aiohttp.TCPConnector(limit=concurrency)

    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(row: dict) -> None:
            digest = hashlib.sha256(row["手机号"].encode()).hexdigest()
            async with places, session.post(url, data={"key": key, "mobile": digest}) as response:
                reply = await response.json(content_type=None)
            result = reply.get("result") or {}
            row["error_code"] = reply.get("error_code")
            row["reason"] = reply.get("reason")
            row["orderid"] = result.get("orderid")
            row["code"] = result.get("code")

        await asyncio.gather(*(ask(row) for row in rows))

    with open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], concurrency=int(sys.argv[5])))
