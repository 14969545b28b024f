# SPDX-License-Identifier: Apache-2.0
"""What goes wrong outside the script: the engine, the cluster, a function that ran elsewhere."""
import sys


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
    """Nobody answers where the settings say that a cluster is."""


def job_failed(error, exception):
    """The exception for a job that ended with an EngineError; exception: what a function raised, or None."""
    text = str(error)
    if error.name == "ERR_CLUSTER_UNREACHABLE":
        _say_without_traceback(ClusterUnreachableException)
        return ClusterUnreachableException(f"{text}; start one with ./bin/start-cluster.sh")
    traceback, _, place = text.rpartition("\n")
    if "Traceback (most recent call last)" not in traceback:
        shown = text if error.name == "ERR_USER_FUNCTION_FAILED" else f"{text}\n  {error.hint}"
        failure, cause = JobExecutionException(shown), exception
    else:
        failure = JobExecutionException(place)
        cause = exception or RemoteTraceback(traceback[traceback.index("Traceback (most recent"):])
    failure.__cause__ = cause
    return failure


def _say_without_traceback(kind):
    """Nothing in the script is wrong when the cluster is down: uncaught, its sentence is all there is."""
    before = sys.excepthook

    def say(exception_type, exception, traceback):
        if exception_type is kind:
            print(exception, file=sys.stderr)
        else:
            before(exception_type, exception, traceback)
    sys.excepthook = say
