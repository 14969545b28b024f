# SPDX-License-Identifier: Apache-2.0
"""What goes wrong outside the script: the engine, the cluster, a function that ran elsewhere."""


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
        return '\n"""\n' + self.text + '\n"""'


class JobExecutionException(Exception):
    """A job failed. What a function of the script raised is this exception's cause."""


def job_failed(error, exception):
    """The exception for a job that ended with an EngineError; exception: what a function raised, or None."""
    text = str(error)
    traceback, _, place = text.rpartition("\n")
    if "Traceback (most recent call last)" not in traceback:
        shown = f"{text}\n  {error.hint}" if error.hint else text
        failure, cause = JobExecutionException(shown), exception
    else:
        failure = JobExecutionException(place)
        cause = exception or RemoteTraceback(traceback[traceback.index("Traceback (most recent"):])
    failure.__cause__ = cause
    return failure
