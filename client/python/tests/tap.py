# SPDX-License-Identifier: Apache-2.0
"""Runs every test_*.py beside it and prints TAP: one line per test, what went wrong in comments."""
import os
import sys
import unittest


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0

    def _say(self, test, good, why=""):
        self.number += 1
        for line in why.splitlines():
            print("#", line)
        print("ok" if good else "not ok", self.number, "-", test.id(), flush=True)

    def addSuccess(self, test):
        self._say(test, True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(test, False, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say(test, False, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._say(subtest, False, (self.failures + self.errors)[-1][1])


folder = os.path.dirname(os.path.abspath(__file__))
result = Tap()
unittest.defaultTestLoader.discover(folder).run(result)
sys.exit(0 if result.wasSuccessful() and result.number > 0 else 1)
