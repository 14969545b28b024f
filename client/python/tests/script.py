# SPDX-License-Identifier: Apache-2.0
"""Runs a script as a user would: python job.py, in a process of its own."""
import os
import subprocess
import sys
import tempfile
import textwrap

HEADER = """
from pyflink.common import Configuration, Row, RowKind, Types
from pyflink.datastream import (FilterFunction, FlatMapFunction, KeySelector, MapFunction, ReduceFunction,
                                StreamExecutionEnvironment)
env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
"""


def run(body, header=HEADER, timeout_s=30, directory=None):
    """(exit code, stdout, stderr)"""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "job.py")
        with open(path, "w") as file:
            file.write(header + textwrap.dedent(body))
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=timeout_s,
                              cwd=directory or scratch, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr


def lines_of(test, body, **options):
    """The lines that a script prints which must succeed and say nothing on stderr."""
    code, out, err = run(body, **options)
    test.assertEqual((code, err), (0, ""), out)
    return out.splitlines()
