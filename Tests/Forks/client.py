"""Lets `server.py` run Python code with the arguments, streams, folder and environment of this program.

    client.py SOCKET CODE [ARGUMENT...]

The request is a line of JSON, with the three streams beside its first byte; the answer is a status, and nothing if the
code's process died.
"""

import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
request = {"arguments": sys.argv[2:], "directory": os.getcwd(), "environment": dict(os.environ)}
line = (json.dumps(request) + "\n").encode()
connection.sendall(line[socket.send_fds(connection, [line], [0, 1, 2]):])  # fmt: skip
answer = connection.recv(16)
if not answer:
    sys.exit("the process died")
sys.exit(int(answer))
