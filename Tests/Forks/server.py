"""Runs Python code in forks of a process that has already imported what takes seconds to import.

    server.py SOCKET

listens until its parent is gone. `client.py` asks it; see there for the protocol.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
import types
from typing import List, Tuple


def main() -> None:
    parent = os.getppid()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(sys.argv[1])
    listener.listen(128)
    # Whoever asks meanwhile waits. None of them has threads before it computes.
    import h5py  # noqa: F401
    import numpy  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch  # noqa: F401

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while os.getppid() == parent:
        if not select.select([listener], [], [], 1)[0]:
            continue
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(connection)
        connection.close()
    os.unlink(sys.argv[1])


def serve(connection: socket.socket) -> None:
    """Runs the code that the other end of a connection sends, and ends the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files = receive(connection)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    status = 0
    try:
        run(request)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    # As an interpreter ends, but for what was there before the fork: files that the code left open are closed.
    sys.modules.pop("__main__")
    gc.collect()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(status).encode())
    os._exit(status)


def receive(connection: socket.socket) -> Tuple[dict, List[int]]:
    data, files, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 16)
    return json.loads(data), files


def run(request: dict) -> None:
    """As `python3 -c CODE ARGUMENTS` would."""
    code, *arguments = request["arguments"]
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    sys.path[0] = ""
    sys.argv = ["-c", *arguments]
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(code, "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    main()
