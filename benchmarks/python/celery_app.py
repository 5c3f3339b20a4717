"""The tasks in Celery, and what sends them: `python celery_app.py` reads what to do from each line.

`7 text` sends the task seven times and says `sent`. `flow 3 chain 10` sends a workflow of ten tasks, waits for its end,
and says `ended 3`; other workflows may be under way meanwhile.
"""

import os
import select
import sys
import time
from collections.abc import Iterator

from celery import Celery, chain, chord
from told import handled

app = Celery("bench", broker=os.environ["BENCH_PLACE"], backend=os.environ["BENCH_PLACE"])
app.conf.update(broker_connection_retry_on_startup=True)
sleep = float(os.environ.get("BENCH_SLEEP", "0"))


@app.task(name="noop", ignore_result=True)
def noop(text):
    if sleep > 0:
        time.sleep(sleep)
    handled(text)


@app.task(name="step")
def step():
    return None


@app.task(name="join")
def join(_all):
    return None


class Flows:
    """Workflows under way. Sent and watched by one thread: threads that wait at once lose each other's news."""

    def __init__(self) -> None:
        self.pending: dict[str, str] = {}

    def send(self, no: str, kind: str, steps: str) -> None:
        each = [step.si() for _ in range(int(steps))]
        workflow = chain(*each) if kind == "chain" else chord(each, join.s())
        self.pending[no] = app.backend.get_key_for_task(workflow.apply_async().id)

    def look(self) -> None:
        """Tells of those that have ended: their results are there then, and not before."""
        found = app.backend.client.mget(self.pending.values())
        for no, result in zip(list(self.pending), found):
            if result is not None:
                del self.pending[no]
                print(f"ended {no}", flush=True)


def lines(flows: Flows) -> Iterator[str]:
    """What is asked, while flows are looked after."""
    text = b""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.001 if flows.pending else None)
        if flows.pending:
            flows.look()
        if not readable:
            continue
        read = os.read(sys.stdin.fileno(), 65536)
        if read == b"":
            return
        *whole, text = (text + read).split(b"\n")
        yield from (line.decode() for line in whole)


if __name__ == "__main__":
    flows = Flows()
    for line in lines(flows):
        count, text = line.split(" ", 1)
        if count == "flow":
            flows.send(*text.split(" "))
            continue
        for _ in range(int(count)):
            noop.delay(text)
        print("sent", flush=True)
