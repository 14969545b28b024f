# SPDX-License-Identifier: Apache-2.0
"""What is on the terminal when a script ends in an exception: Python's own message, without the frames of
this package, which say nothing about the script."""
import os
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _chain(shown):
    while shown is not None:
        yield shown
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def _hidden(shown):
    """True if frames of ours were taken out."""
    import traceback  # slow to import, and for scripts that fail alone
    found = False
    for exception in _chain(shown):
        kept = [frame for frame in exception.stack if not frame.filename.startswith(PACKAGE)]
        if kept and len(kept) < len(exception.stack):
            exception.stack = traceback.StackSummary.from_list(kept)
            found = True
    return found


def install():
    before = sys.excepthook

    def say(kind, exception, frames):
        if getattr(exception, "says_all", False):
            print(exception, file=sys.stderr)
            return
        import traceback
        shown = traceback.TracebackException(kind, exception, frames)
        if not _hidden(shown):
            before(kind, exception, frames)
            return
        # A traceback that came from another process begins as any other.
        text = "".join(shown.format()).replace("pyflink.common.exceptions.RemoteTraceback: \n", "")
        print(text, end="", file=sys.stderr)
    sys.excepthook = say
