"""Reads all plans of a ListRedisScheduleSource, as TaskIQ's scheduler does when it starts; says what that took."""

import asyncio
import json
import os
import resource
import sys
import time

from taskiq.serializers import JSONSerializer
from taskiq_redis import ListRedisScheduleSource


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main() -> None:
    source = ListRedisScheduleSource(sys.argv[1], prefix="schedule", serializer=JSONSerializer())
    await source.startup()
    before = resident()
    began, spent = time.perf_counter(), time.process_time()
    schedules = await source.get_schedules()
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    # Python's scheduler holds what it read until it reads again.
    print(
        json.dumps(
            {
                "plans": len(schedules),
                "wall": wall * 1000,
                "cpu": cpu * 1000,
                "memory": resident() - before,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )
    await source.shutdown()


asyncio.run(main())
