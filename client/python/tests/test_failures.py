# SPDX-License-Identifier: Apache-2.0
"""What a script's author sees when a function or the script itself is wrong."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from script import HEADER, run


class Failures(unittest.TestCase):
    def test_an_exception_shows_the_users_line_first(self):
        code, out, err = run("""
            def divide(x):
                return 10 // x
            env.from_collection([0]).map(divide).print()
            env.execute()
            """)
        lines = err.splitlines()
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(lines[0], "Traceback (most recent call last):")
        self.assertRegex(lines[1], r'File ".*job.py", line \d+, in divide')
        self.assertIn("ZeroDivisionError: integer division or modulo by zero", err)
        self.assertIn('operator "Map" failed, subtask 1 of 1, on the value 0', lines[-1])
        self.assertLessEqual(len(lines), 15)

    def test_it_can_be_caught_with_its_cause(self):
        code, out, err = run("""
            from pyflink.common import JobExecutionException
            env.from_collection([{}]).map(lambda x: x["key"]).print()
            try:
                env.execute()
            except JobExecutionException as error:
                print(type(error.__cause__).__name__, error.__cause__)
            env.from_collection(["next"]).print()
            env.execute()
            """)
        self.assertEqual((code, out, err), (0, "KeyError 'key'\nnext\n", ""))

    def test_a_value_of_another_type_than_declared(self):
        code, _, err = run("""
            env.from_collection([1]).map(lambda x: "one", Types.INT()).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertIn("field \"value\" is INT, which cannot hold 'one' (str)", err)
        self.assertIn("on the value 1", err)

    def test_a_value_whose_repr_fails(self):
        code, _, err = run("""
            class Odd:
                def __repr__(self):
                    raise RuntimeError("no")
            env.from_collection([1]).map(lambda x: Odd()).map(lambda x: x.y).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertIn("<Odd whose repr raises RuntimeError>", err)

    def test_a_value_that_no_segment_holds(self):
        code, _, err = run("""
            env.from_collection([1]).map(lambda x: "x" * 100000).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertRegex(err, "(?s)record.*bytes")

    def test_a_script_with_a_syntax_error(self):
        code, _, err = run("env.from_collection([1]).map(lambda x: x + ).print()\n")
        self.assertEqual(code, 1)
        self.assertRegex(err, r'^  File ".*job.py", line \d+')
        self.assertIn("SyntaxError", err)


class Interrupts(unittest.TestCase):
    def interrupted(self, body):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "job.py")
            with open(path, "w") as file:
                file.write(HEADER + body)
            process = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            self.assertEqual(process.stdout.readline(), "there\n")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
            return process.returncode, time.monotonic() - began, err

    def test_a_loop_without_end(self):
        code, seconds, err = self.interrupted("""
def spin(x):
    print("there", flush=True)
    while True:
        pass
env.from_collection([1]).map(spin).print()
env.execute()
""")
        self.assertIn("KeyboardInterrupt", err)
        self.assertEqual(code, -signal.SIGINT)
        self.assertLess(seconds, 5)

    def test_a_source_without_end(self):
        code, seconds, err = self.interrupted("""
class Says(MapFunction):
    def open(self, context):
        print("there", flush=True)
    def map(self, value):
        return value
import socket
server = socket.create_server(("localhost", 0))
env.socket_text_stream("localhost", server.getsockname()[1]).map(Says()).print()
env.execute()
""")
        self.assertIn("KeyboardInterrupt", err)
        self.assertEqual(code, -signal.SIGINT)
        self.assertLess(seconds, 5)
