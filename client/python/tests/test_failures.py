# SPDX-License-Identifier: Apache-2.0
"""What a script's author sees when a function or the script itself is wrong."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from pyflink.common import Types
from pyflink.datastream import graph
from pyflink.datastream.graph import Output
from pyflink.fn_execution.operations import open_operation
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

    def test_a_value_larger_than_records_may_be(self):
        code, _, err = run("""
            env.from_collection([1]).map(lambda x: "x" * (65 << 20)).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertRegex(err, r"(?s)record.*68157\d+ bytes.*taskmanager\.network\.max-record-size")

    def test_a_script_with_a_syntax_error(self):
        code, _, err = run("env.from_collection([1]).map(lambda x: x + ).print()\n")
        self.assertEqual(code, 1)
        self.assertRegex(err, r'^  File ".*job.py", line \d+')
        self.assertIn("SyntaxError", err)


    def test_a_function_of_another_python_is_refused(self):
        output = Output(Types.STRING())
        payload = graph.pickled_operation("map", str, output, output, "Map")
        self.assertEqual(open_operation(payload, "Map", "job", 0, 1, 128, 0)[0], "map")
        with self.assertRaisesRegex(RuntimeError, r"ran with Python 2\.7, its functions would run with Python 3\."):
            open_operation(bytes((2, 7)) + payload[2:], "Map", "job", 0, 1, 128, 0)

    def test_a_python_that_is_not_there(self):
        code, _, err = run("""
            env = StreamExecutionEnvironment.get_execution_environment(Configuration().set_string(
                "python.execution-mode", "process").set_string("python.executable", "/no/python"))
            env.from_collection([1]).map(lambda x: x).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertIn("cannot start /no/python: No such file or directory; python.executable says which", err)

    def test_settings_that_are_wrong_are_named(self):
        for key, value, said in (("parallelism.default", "x", 'parallelism.default is "x", which is no number'),
                                 ("execution.target", "yarn", 'execution.target is "yarn"'),
                                 ("python.execution-mode", "fast", 'python.execution-mode is "fast"')):
            with self.subTest(key):
                code, _, err = run(f"""
                    env = StreamExecutionEnvironment.get_execution_environment(
                        Configuration().set_string("{key}", "{value}"))
                    env.from_collection([1]).print()
                    env.execute()
                    """)
                self.assertEqual(code, 1)
                self.assertIn(said, err)

    def test_a_collection_that_no_job_carries(self):
        code, _, err = run("env.from_collection(['x' * 1000] * 60000)")
        self.assertEqual(code, 1)
        self.assertRegex(err, "the 60000 elements of from_collection are [0-9]+ bytes; at most 50331648 travel")

    def test_frames_of_this_package_are_not_shown(self):
        for body in ("env.from_collection([1]).map(lambda x: env).print()", "env.set_parallelism(0)",
                     "env.from_collection([1]).map(lambda x: x / 0).print()\nenv.execute()"):
            with self.subTest(body):
                code, _, err = run(body + "\n")
                self.assertEqual(code, 1)
                self.assertNotIn("/pyflink/", err)
                self.assertLessEqual(len(err.splitlines()), 15)

    def test_what_cannot_be_sent_is_named(self):
        for body, offender in (("""
                import threading
                lock = threading.Lock()
                def locked(x):
                    with lock:
                        return x
                env.from_collection([1]).map(locked).print()
                """, "it takes lock along, which is <unlocked"), ("""
                class Opened(MapFunction):
                    def __init__(self):
                        self.items = (x for x in ())
                    def map(self, value):
                        return value
                env.from_collection([1]).map(Opened()).print()
                """, "it takes self.items along, which is <generator"), ("""
                def make():
                    import socket
                    inner = socket.socket()
                    return lambda x: inner
                env.from_collection([1]).map(make()).print()
                """, "it takes inner along, which is <socket")):
            with self.subTest(offender):
                code, _, err = run(body)
                lines = err.splitlines()
                self.assertEqual(code, 1)
                self.assertRegex(lines[1], r'File ".*job.py", line \d+, in <module>')
                self.assertIn('the function of operator "Map" cannot be sent to where it runs', err)
                self.assertIn(offender, err)
                self.assertLessEqual(len(lines), 15)

    def test_a_script_that_forgets_execute(self):
        code, out, err = run("""
            env.from_collection([1]).print()
            env.execute()
            env.from_collection([2]).map(lambda x: x).print()
            print("end")
            """)
        self.assertEqual((code, out), (1, "1\nend\n"))
        self.assertRegex(err, r'^  File ".*job.py", line 10\n    env.from_collection\(\[2\]\).*\n')
        self.assertIn("env.execute() was not called", err)
        code, out, err = run("env.from_collection([1]).print()\nassert env.get_execution_plan()\n")
        self.assertEqual((code, out, err), (0, "", ""))
        code, _, err = run("env.from_collection([1]).print()\nraise KeyError('mine')\n")
        self.assertEqual(code, 1)
        self.assertNotIn("execute", err)


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
