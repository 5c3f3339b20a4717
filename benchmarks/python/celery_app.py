"""The tasks in Celery, and what sends them: `python celery_app.py` reads what to do from each line.

`7 text` sends the task seven times and says `sent`. `flow 3 chain 10` sends a workflow of ten tasks, waits for its end,
and says `ended 3`; other workflows may be under way meanwhile.
"""

import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from celery import Celery, chain, chord
from celery.exceptions import TimeoutError as Late
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


def flow(no: str, kind: str, steps: str) -> None:
    each = [step.si() for _ in range(int(steps))]
    workflow = chain(*each) if kind == "chain" else chord(each, join.s())
    try:
        result = workflow.apply_async()
        # Threads that wait at once lose each other's news now and then; whoever asks anew looks for himself.
        while True:
            try:
                result.get(timeout=0.2)
                break
            except Late:
                pass
    except Exception:
        # Whoever waits for the answer is told by the end of this process.
        traceback.print_exc()
        os._exit(1)
    print(f"ended {no}", flush=True)


if __name__ == "__main__":
    with ThreadPoolExecutor(100) as pool:
        for line in sys.stdin:
            count, text = line.rstrip("\n").split(" ", 1)
            if count == "flow":
                pool.submit(flow, *text.split(" "))
                continue
            for _ in range(int(count)):
                noop.delay(text)
            print("sent", flush=True)
