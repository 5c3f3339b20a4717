"""The Python side of the tests: a program of stock TaskIQ that does what it is told, line by line of JSON.

    python program.py '{"url": "redis://…", "queue": "py", …}'
"""

import asyncio
import base64
import json
import sys
import time
from datetime import datetime
from typing import Any, Optional

import taskiq
from pydantic import BaseModel
from redis.asyncio import Redis
from taskiq import Context, SimpleRetryMiddleware, TaskiqDepends
from taskiq.api import run_receiver_task
from taskiq.depends.progress_tracker import ProgressTracker
from taskiq.kicker import AsyncKicker
from taskiq.result import TaskiqResult
from taskiq.serializers import CBORSerializer, JSONSerializer, MSGPackSerializer, ORJSONSerializer, PickleSerializer
from taskiq_pipelines import Pipeline, PipelineMiddleware
from taskiq_redis import ListQueueBroker, PubSubBroker, RedisAsyncResultBackend, RedisStreamBroker

settings = json.loads(sys.argv[1])
serializers = {
    "json": JSONSerializer,
    "orjson": ORJSONSerializer,
    "msgpack": MSGPackSerializer,
    "cbor": CBORSerializer,
    "pickle": PickleSerializer,
}


def results_of(serializer: Optional[str]) -> RedisAsyncResultBackend:
    chosen = {} if serializer is None else {"serializer": serializers[serializer]()}
    return RedisAsyncResultBackend(settings["url"], prefix_str=settings.get("prefix"), **chosen)


def make_broker() -> Any:
    kind = settings.get("broker", "stream")
    url, queue = settings["url"], settings["queue"]
    if kind == "list":
        made = ListQueueBroker(url, queue_name=queue)
    elif kind == "pubsub":
        made = PubSubBroker(url, queue_name=queue)
    else:
        made = RedisStreamBroker(
            url,
            queue_name=queue,
            xread_block=50,
            idle_timeout=settings.get("idle_timeout", 600000),
            unacknowledged_lock_timeout=settings.get("lock_timeout"),
        )
    made = made.with_result_backend(results_of(settings.get("results")))
    made = made.with_middlewares(SimpleRetryMiddleware(default_retry_count=3), PipelineMiddleware())
    return made.with_serializer(serializers[settings.get("serializer", "json")]())


broker = make_broker()
redis = Redis.from_url(settings["url"])


class Page(BaseModel):
    number: int
    text: str
    at: datetime


@broker.task("py.echo")
async def echo(*args: Any, **kwargs: Any) -> Any:
    return {"args": args, "kwargs": kwargs}


@broker.task("py.typed")
async def typed(page: Page, ratio: float, at: datetime, note: Optional[str] = None) -> Any:
    kinds = [type(page).__name__, type(ratio).__name__, type(at).__name__, type(note).__name__]
    return {"kinds": kinds, "page": page, "ratio": ratio, "at": at}


@broker.task("py.labels")
async def labels(context: Context = TaskiqDepends()) -> Any:
    told = context.message.labels
    return {
        name: [type(value).__name__, base64.b64encode(value).decode() if isinstance(value, bytes) else value]
        for name, value in told.items()
    }


@broker.task("py.fail")
async def fail(text: str) -> None:
    try:
        {}["missing"]
    except KeyError as inner:
        raise ValueError(text, 5) from inner


@broker.task("py.fail_while_failing")
async def fail_while_failing() -> None:
    try:
        raise KeyError("first")
    except KeyError:
        raise RuntimeError("second")


@broker.task("py.flaky", retry_on_error=True, max_retries=3)
async def flaky(key: str, good: int) -> int:
    run = await redis.incr(key)
    if run < good:
        raise RuntimeError(f"run {run}")
    return run


@broker.task("py.slow")
async def slow(seconds: float, key: str) -> int:
    run = await redis.incr(key)
    await redis.rpush(f"{key}:begun", run)
    await asyncio.sleep(seconds)
    return run


@broker.task("py.progress")
async def progress(key: str, tracker: "ProgressTracker[Any]" = TaskiqDepends()) -> str:
    await tracker.set_progress("halfway", {"percent": 50})
    await redis.blpop([key], timeout=30)
    return "whole"


@broker.task("py.requeue")
async def requeue(key: str, context: Context = TaskiqDepends()) -> Any:
    if await redis.incr(key) < 3:
        await context.requeue()
    return context.message.labels.get("X-Taskiq-requeue")


@broker.task("py.reject")
async def reject(context: Context = TaskiqDepends()) -> None:
    context.reject()


@broker.task("py.twice")
async def twice() -> Any:
    shared = ["the same list"]
    return [shared, shared]


@broker.task("py.double")
async def double(number: int) -> int:
    return number * 2


@broker.task("py.numbers")
async def numbers(count: int) -> list[int]:
    return list(range(count))


@broker.task("both.done")
async def done(key: str, name: str) -> None:
    await asyncio.sleep(0.01)
    await redis.rpush(f"{key}:py", name)
    await redis.sadd(key, name)


@broker.task("both.slow")
async def both_slow(seconds: float, key: str) -> str:
    await redis.rpush(key, "py")
    await asyncio.sleep(seconds)
    return "py"


def value_of(given: Any) -> Any:
    if isinstance(given, dict) and set(given) == {"$bytes"}:
        return base64.b64decode(given["$bytes"])
    if isinstance(given, dict) and set(given) == {"$float"}:
        return float(given["$float"])
    return given


def error_of(error: Optional[BaseException]) -> Any:
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "args": json.loads(json.dumps(error.args, default=repr)),
        "cause": error_of(error.__cause__),
        "context": error_of(error.__context__),
    }


def result_of(result: "TaskiqResult[Any]") -> Any:
    return {
        "is_err": result.is_err,
        "return_value": result.return_value,
        "execution_time": result.execution_time,
        "labels": result.labels,
        "error": error_of(result.error),
        "log": result.log,
    }


working: Optional["asyncio.Task[None]"] = None


async def do(order: dict[str, Any]) -> Any:
    global working
    what = order["do"]
    if what == "versions":
        return [taskiq.__version__ if hasattr(taskiq, "__version__") else "", sys.version.split()[0]]
    if what == "kiq":
        told = {name: value_of(value) for name, value in order.get("labels", {}).items()}
        kicker: AsyncKicker[Any, Any] = AsyncKicker(order["task"], broker, told)
        if "task_id" in order:
            kicker = kicker.with_task_id(order["task_id"])
        sent = await kicker.kiq(*order.get("args", []), **order.get("kwargs", {}))
        return sent.task_id
    if what == "result":
        started = time.monotonic()
        while not await broker.result_backend.is_result_ready(order["task_id"]):
            if time.monotonic() - started > order.get("timeout", 20):
                raise TimeoutError(f"no result of {order['task_id']}")
            await asyncio.sleep(0.01)
        return result_of(await broker.result_backend.get_result(order["task_id"]))
    if what == "progress":
        found = await broker.result_backend.get_progress(order["task_id"])
        return None if found is None else {"state": found.state, "meta": found.meta}
    if what == "work":
        broker.is_worker_process = True
        await broker.startup()
        working = asyncio.create_task(run_receiver_task(broker, max_async_tasks=order.get("slots", 20)))
        return None
    if what == "rest" and working is not None:
        working.cancel()
        await asyncio.wait([working])
        return None
    if what == "pipeline":
        steps = order["steps"]
        pipeline: Pipeline[Any, Any] = Pipeline(broker, AsyncKicker(steps[0], broker, {}))
        for step in steps[1:]:
            kicker = AsyncKicker(step["task"], broker, step.get("labels", {}))
            if step["kind"] == "map":
                pipeline = pipeline.map(kicker, check_interval=0.02)
            elif step["kind"] == "filter":
                pipeline = pipeline.filter(kicker, check_interval=0.02)
            else:
                pipeline = pipeline.call_next(kicker)
        sent = await pipeline.kiq(*order.get("args", []))
        return sent.task_id
    raise ValueError(f"unknown order {what}")


async def carry_out(order: dict[str, Any]) -> None:
    try:
        answer: Any = {"id": order["id"], "value": await do(order)}
    except BaseException as error:
        answer = {"id": order["id"], "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)


async def main() -> None:
    await broker.startup()
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"id": 0, "value": "ready"}), flush=True)
    running = set()
    while line := await reader.readline():
        task = asyncio.create_task(carry_out(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
