# SPDX-License-Identifier: Apache-2.0
"""What goes wrong outside the script: the engine, the cluster, a function that ran elsewhere."""
import os
import re


class EngineError(Exception):
    """An error of the engine: its name (ERR_…), its sentence, and how to mend it."""

    def __init__(self, name, text, hint):
        super().__init__(text)
        self.name = name
        self.hint = hint


class RemoteTraceback(Exception):
    """The traceback of an exception that was raised in another process, as text."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return "\n" + self.text


class JobExecutionException(Exception):
    """A job failed. What a function of the script raised is this exception's cause."""


class ClusterUnreachableException(JobExecutionException):
    """Nobody answers where the settings say that a cluster is. Nothing in the script is wrong then, so its
    sentence is all that is shown."""

    says_all = True


def job_failed(error, exception):
    """The exception for a job that ended with an EngineError; exception: what a function raised, or None."""
    text = str(error)
    if error.name == "ERR_CLUSTER_UNREACHABLE":
        return ClusterUnreachableException(f"{text}; start one with ./bin/start-cluster.sh")
    traceback, _, place = text.rpartition("\n")
    if "Traceback (most recent call last)" not in traceback:
        shown = text if error.name == "ERR_USER_FUNCTION_FAILED" else f"{text}\n  {error.hint}"
        failure, cause = JobExecutionException(shown), exception
    else:
        failure = JobExecutionException(place + _module_hint(traceback))
        cause = exception or RemoteTraceback(traceback[traceback.index("Traceback (most recent"):])
    failure.__cause__ = cause
    return failure


def _module_hint(traceback):
    """A module that this script has, and the place where functions run has not, can be sent there."""
    missing = re.search(r"^ModuleNotFoundError: No module named '([\w.]+)'$", traceback, re.M)
    name = missing.group(1).partition(".")[0] if missing else "__main__"
    if name == "__main__":
        return ""
    import importlib.util
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    origin = found.origin if found else None
    if not origin or "site-packages" in origin or "dist-packages" in origin:
        return f"; install {name} for the Python of the workers (python.executable)"
    path = os.path.dirname(origin) if os.path.basename(origin) == "__init__.py" else origin
    return (f"; {name} is here but not where functions run: env.add_python_file({path!r}) sends it along, as does "
            f"flink run -pyfs {path}")
