"""Turns into the Temporal server, or watches over it, so that it never outlives the process that asked for it.

Run as `python -I -S temporal_child.py PARENT_PID PROGRAM ARGUMENT...`, with a pipe from the parent as standard input.
"""

import os
import signal
import subprocess
import sys
import threading

# prctl(2): the signal a process gets when the thread that started it is gone, be it by kill -9.
PR_SET_PDEATHSIG = 1


def main() -> int:
    parent_pid, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        become(argv, parent_pid)
    return watch_over(argv)


def become(argv: list[str], parent_pid: int) -> None:
    """Ask the kernel for the signal, then replace this process: nothing of Python stays in memory."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # The parent died before the signal was asked for.
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - the parent chose the program


def watch_over(argv: list[str]) -> int:
    """Where the kernel offers no such signal: the pipe ends when the parent does, then the server is killed."""
    server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, close_fds=False)

    def kill_when_alone() -> None:
        # The parent never writes: this returns when the last copy of its end is closed.
        os.read(0, 1)
        server.kill()

    threading.Thread(target=kill_when_alone, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
