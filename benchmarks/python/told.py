"""Tells the benchmark of each task that was handled, over a connection of each process."""

import os
import socket

_connection = None


def handled(text: str) -> None:
    global _connection
    if _connection is None:
        _connection = socket.create_connection(("127.0.0.1", int(os.environ["BENCH_TOLD"])))
    _connection.sendall(text.encode() + b"\n")
