# SPDX-License-Identifier: Apache-2.0
"""A script that builds a job and ends without env.execute() has run nothing: it is told so, and fails."""
import atexit
import linecache
import os
import sys

_environments = []


def watch(environment):
    """environment was made by the code that calls get_execution_environment."""
    caller = sys._getframe(2).f_globals
    if caller.get("__name__") != "__main__" or "__file__" not in caller:
        return  # a library, a test or a person at the prompt may have it otherwise
    if not _environments:
        atexit.register(_check)
    _environments.append(environment)


def _check():
    left = [environment._nodes[-1] for environment in _environments
            if environment._nodes and not environment._looked_at]
    if not left or getattr(sys, "last_type", None) is not None:
        return
    file, line = left[-1].place
    print(f'  File "{file}", line {line}\n    {linecache.getline(file, line).strip()}\n'
          f'Operator "{left[-1].name}" was added here, but env.execute() was not called after it: nothing has run.',
          file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)  # nothing else sets the exit code this late
