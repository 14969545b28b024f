# SPDX-License-Identifier: Apache-2.0
"""The process of one subtask on a TaskManager, which runs this file; see worker.c of the engine."""
import os
import select
import signal
import sys
import threading

CONN_FD = 3


def flush():
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def add_files(archive):
    """Files of the job, as one zip: on the path from memory, so that nothing is left when this process ends."""
    fd = os.memfd_create("python.files")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(archive)
    sys.path.insert(1, f"/proc/self/fd/{fd}")


def end_with_the_taskmanager():
    """A function that waits or loops does not look at the socket. When the TaskManager is gone, so is this
    process, with whatever the function has started."""
    poll = select.poll()
    poll.register(CONN_FD, select.POLLRDHUP)
    while not poll.poll():
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main():
    threading.Thread(target=end_with_the_taskmanager, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the TaskManager's terminal is the TaskManager's
    from pyflink import _engine
    good = _engine.serve(CONN_FD)
    flush()
    os._exit(0 if good else 1)  # what the function has left behind must not hold up the subtask's end


if __name__ == "__main__":
    if sys.version_info < (3, 10):
        sys.exit("functions need Python 3.10 or newer, and %s is %s: set python.executable" %
                 (sys.executable, sys.version.split()[0]))
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
