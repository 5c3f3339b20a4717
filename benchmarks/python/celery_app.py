"""The task in Celery, and what sends it: `python celery_app.py` reads a count and a text from each line."""

import os
import sys
import time

from celery import Celery
from told import handled

app = Celery("bench", broker=os.environ["BENCH_PLACE"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
sleep = float(os.environ.get("BENCH_SLEEP", "0"))


@app.task(name="noop")
def noop(text):
    if sleep > 0:
        time.sleep(sleep)
    handled(text)


if __name__ == "__main__":
    for line in sys.stdin:
        count, text = line.rstrip("\n").split(" ", 1)
        for _ in range(int(count)):
            noop.delay(text)
        print("sent", flush=True)
