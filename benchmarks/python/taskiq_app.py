"""The task in TaskIQ, and what sends it: `python taskiq_app.py` reads a count and a text from each line."""

import asyncio
import os
import sys

from taskiq_redis import RedisStreamBroker
from told import handled

broker = RedisStreamBroker(os.environ["BENCH_PLACE"], xread_count=100)
sleep = float(os.environ.get("BENCH_SLEEP", "0"))


@broker.task(task_name="noop")
async def noop(text: str) -> None:
    if sleep > 0:
        await asyncio.sleep(sleep)
    handled(text)


async def main() -> None:
    await broker.startup()
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, text = line.rstrip("\n").split(" ", 1)
        await asyncio.gather(*(noop.kiq(text) for _ in range(int(count))))
        print("sent", flush=True)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
