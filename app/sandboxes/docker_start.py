"""Inside a container: takes the socket to listen on from outside, then becomes the supervisor.

A container's PID 1 inherits nothing, and a socket it made itself could be swapped by the programs inside. So it calls
once, before there is any other program, and is handed a socket that lies where only the outside can reach it.
Run with `python3 -I -S docker_start.py SOCKET SUPERVISOR SETTINGS`, so the standard library is all it has.
"""

import json
import os
import runpy
import socket
import sys


def main() -> None:
    path, supervisor, text = sys.argv[1:4]
    with socket.socket(socket.AF_UNIX) as calling:
        calling.connect(path)
        _, descriptors, _, _ = socket.recv_fds(calling, 1, 1)
        # Should it not come to anything, whoever waits outside reads why.
        os.dup2(calling.fileno(), 1)
        os.dup2(calling.fileno(), 2)
    settings = json.loads(text) | {"listen": descriptors[0]}
    sys.argv = [supervisor, json.dumps(settings)]
    runpy.run_path(supervisor, run_name="__main__")


if __name__ == "__main__":
    main()
