# SPDX-License-Identifier: Apache-2.0
"""Transformations, their names in the plan, and what is refused while a job is built."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from pyflink.common import Row, Types
from pyflink.datastream import StreamExecutionEnvironment
from script import lines_of, run


class Transformations(unittest.TestCase):
    def test_unions(self):
        lines = lines_of(self, """
            env.set_parallelism(1)
            one, two = env.from_collection([1, 2]), env.from_collection([3]).map(lambda x: x + 10)
            three = env.from_collection([1, 2]).key_by(lambda x: x)
            every = one.union(two.rebalance(), three)
            every.map(lambda x: f"all {x}").print()
            every.key_by(lambda x: x % 2).reduce(lambda a, b: a + b).map(lambda x: f"sum {x}").print()
            env.execute()
            """)
        self.assertEqual(sorted(line for line in lines if line.startswith("all")),
                         ["all 1", "all 1", "all 13", "all 2", "all 2"])
        self.assertEqual(sum(line.startswith("sum") for line in lines), 5)
        self.assertIn("sum 15", lines)
        self.assertIn("sum 4", lines)

    def test_a_union_is_of_one_type_and_of_streams(self):
        env = StreamExecutionEnvironment.get_execution_environment()
        numbers = env.from_collection([1], Types.INT())
        with self.assertRaisesRegex(TypeError, "Cannot union streams of different types"):
            numbers.union(env.from_collection(["a"], Types.STRING()))
        with self.assertRaisesRegex(TypeError, "union takes streams, not 3"):
            numbers.union(3)

    def test_lambdas(self):
        self.assertEqual(lines_of(self, """
            words = env.from_collection(["to be", "or", "not to be"]).flat_map(lambda line: line.split())
            counts = words.map(lambda word: (word, 1)).key_by(lambda pair: pair[0]).sum(1)
            counts.filter(lambda pair: pair[1] > 1).print()
            env.execute()
            """), ["('to', 2)", "('be', 2)"])

    def test_classes_are_opened_and_closed_and_know_their_subtask(self):
        self.assertEqual(lines_of(self, """
            class Split(FlatMapFunction):
                def flat_map(self, value):
                    yield from value
            class Count(MapFunction):
                def open(self, context):
                    self.seen = 0
                    self.place = (context.get_index_of_this_subtask(),
                                  context.get_number_of_parallel_subtasks())
                def map(self, value):
                    self.seen += 1
                    return value, self.seen, self.place
                def close(self):
                    print("closed after", self.seen)
            class Even(FilterFunction):
                def filter(self, value):
                    return value % 2 == 0
            env.from_collection([[1, 2], [4]]).flat_map(Split()).filter(Even()).map(Count()).print()
            env.execute()
            """), ["(2, 1, (0, 1))", "(4, 2, (0, 1))", "closed after 2"])

    def test_reduce_gives_the_running_value(self):
        self.assertEqual(lines_of(self, """
            class Key(KeySelector):
                def get_key(self, value):
                    return value % 2
            class Add(ReduceFunction):
                def reduce(self, a, b):
                    return a + b
            env.from_collection([1, 2, 3, 4, 5], Types.INT()).key_by(Key(), Types.INT()).reduce(Add()).print()
            env.execute()
            """), ["1", "2", "4", "6", "9"])

    def test_aggregates(self):
        body = """
            rows = env.from_collection([Row("a", 3, 1), Row("a", 1, 2), Row("a", 5, 3)],
                Types.ROW_NAMED(["k", "v", "n"], [Types.STRING(), Types.INT(), Types.INT()]))
            rows.key_by(lambda row: row.k).{}.print()
            env.execute()
            """
        for call, last in (("sum('v')", "+I[a,9,1]"), ("min('v')", "+I[a,1,1]"), ("max(1)", "+I[a,5,1]"),
                           ("min_by('v')", "+I[a,1,2]"), ("max_by(1)", "+I[a,5,3]")):
            with self.subTest(call):
                self.assertEqual(lines_of(self, body.format(call))[-1], last)

    def test_equal_keys_meet_in_one_subtask(self):
        lines = lines_of(self, """
            env.set_parallelism(4)
            data = [(("a" + "b" * (i % 7), i % 3), 1) for i in range(2100)]
            env.from_collection(data).map(lambda x: x).key_by(lambda x: (x[0][0][:], x[0][1])).sum(1).print()
            env.execute()
            """)
        self.assertEqual(len(lines), 2100)
        places = {}
        for line in lines:
            place, _, pair = line.partition("> ")
            key, count = eval(pair)
            self.assertEqual(places.setdefault(key, place), place)
        self.assertEqual(sum(1 for line in lines if line.endswith("), 100)")), 21)

    def test_a_keyed_stream_prints_its_values(self):
        self.assertEqual(lines_of(self, """
            env.from_collection([("a", 1)], Types.TUPLE([Types.STRING(), Types.INT()])).key_by(
                lambda x: x[0], Types.STRING()).print()
            env.execute()
            """), ["(a,1)"])

    def test_none_from_a_map_is_a_record_and_from_a_flat_map_is_an_error(self):
        self.assertEqual(lines_of(self, """
            env.from_collection([1]).map(lambda x: None).print()
            env.execute()
            """), ["None"])
        code, _, err = run("""
            env.from_collection([1]).flat_map(lambda x: None).print()
            env.execute()
            """)
        self.assertEqual(code, 1)
        self.assertIn("TypeError: 'NoneType' object is not iterable", err)

    def test_several_jobs_of_one_environment(self):
        self.assertEqual(lines_of(self, """
            for number in (1, 2):
                env.from_collection([number]).print()
                result = env.execute(f"job {number}")
                assert result.get_net_runtime() >= 0 and len(str(result.get_job_id())) == 32
            """), ["1", "2"])

    def test_large_values_and_many(self):
        self.assertEqual(lines_of(self, """
            env.set_parallelism(2)
            data = env.from_collection([("x" * 20000, n) for n in range(50)])
            data.map(lambda x: (x[0] + "y", x[1] + 1)).map(lambda x: (len(x[0]), x[1])).key_by(
                lambda x: x[0]).reduce(lambda a, b: (a[0], a[1] + b[1])).filter(
                lambda x: x[1] == 1275).map(lambda x: x[1], Types.LONG()).set_parallelism(1).print(
                ).set_parallelism(1)
            env.execute()
            """), ["1275"])


class Files(unittest.TestCase):
    def test_the_tables_of_the_tutorial_as_one_script(self):
        body = """
            lines = env.read_text_file("input.txt")
            words = lines.flat_map(lambda line: [(word, 1) for word in line.split()],
                                   Types.TUPLE([Types.STRING(), Types.INT()]))
            counts = words.key_by(lambda x: x[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
            counts.write_as_text("output.txt")
            env.execute()
            """
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "input.txt"), "w") as file:
                file.write("to be or\nnot to be\n")
            self.assertEqual(lines_of(self, body, directory=directory), [])
            with open(os.path.join(directory, "output.txt")) as file:
                self.assertEqual(file.read().splitlines(),
                                 ["(to,1)", "(be,1)", "(or,1)", "(not,1)", "(to,2)", "(be,2)"])
            code, out, err = run(body, directory=directory)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("output.txt", err)

    def test_rows_are_written_in_javas_form(self):
        with tempfile.TemporaryDirectory() as directory:
            lines_of(self, """
                env.from_collection([Row(1, None)], Types.ROW([Types.INT(), Types.STRING()])).write_as_text("o")
                env.execute()
                """, directory=directory)
            with open(os.path.join(directory, "o")) as file:
                self.assertEqual(file.read(), "+I[1, null]\n")


class Plan(unittest.TestCase):
    def nodes(self, build):
        env = StreamExecutionEnvironment.get_execution_environment()
        build(env)
        return json.loads(env.get_execution_plan())["nodes"]

    def test_names_parallelisms_and_ship_strategies(self):
        def build(env):
            env.set_parallelism(2)
            data = env.from_collection([1]).map(lambda x: x).name("Mine").rebalance().map(lambda x: x)
            data.key_by(lambda x: x).reduce(lambda a, b: a).set_parallelism(3).print().name("Out")
        nodes = self.nodes(build)
        seen = [(node["type"], node["parallelism"],
                 [edge["ship_strategy"] for edge in node.get("predecessors", [])]) for node in nodes]
        self.assertEqual(seen, [
            ("Source: Collection Source", 1, []), ("Mine", 2, ["REBALANCE"]), ("Map", 2, ["REBALANCE"]),
            ("_stream_key_by_map_operator", 2, ["FORWARD"]), ("Reduce", 3, ["HASH"]),
            ("Map", 2, ["REBALANCE"]), ("Sink: Out", 2, ["FORWARD"])])

    def test_ids_go_on_through_the_process(self):
        first = self.nodes(lambda env: env.from_collection([1]).print())
        second = self.nodes(lambda env: env.from_collection([1]).print())
        self.assertGreater(second[0]["id"], first[-1]["id"])


class Refusals(unittest.TestCase):
    def setUp(self):
        self.env = StreamExecutionEnvironment.get_execution_environment()
        self.data = self.env.from_collection([1])

    def test_wrong_functions(self):
        for call in (self.data.map, self.data.flat_map, self.data.filter, self.data.key_by):
            with self.assertRaisesRegex(TypeError, "callable"):
                call(1)

    def test_what_cannot_be_pickled_is_told_with_the_operator(self):
        lock = __import__("threading").Lock()
        with self.assertRaisesRegex(TypeError, 'operator "Map" cannot be sent.*lock'):
            self.data.map(lambda x: lock)

    def test_elements_that_do_not_fit_their_type(self):
        for values, types, pattern in (
                ([1, 300], Types.BYTE(), "element 1 .*300 does not fit.*TINYINT"),
                ([1.5], Types.INT(), "element 0 .*INT, which cannot hold 1.5"),
                ([None], Types.STRING(), "cannot hold None"),
                ([(1,)], Types.TUPLE([Types.INT(), Types.INT()]), "has 1 fields; the declared type has 2"),
                ([7], Types.TUPLE([Types.INT()]), "7 is neither a tuple nor a Row"),
                (["\udc80"], Types.STRING(), "surrogates")):
            with self.subTest(pattern), self.assertRaisesRegex(Exception, pattern):
                self.env.from_collection(values, types)

    def test_parallelisms(self):
        with self.assertRaisesRegex(ValueError, "non parallel operator must be 1"):
            self.data.set_parallelism(2)
        for wrong in (0, -1, "2", 1 << 20):
            with self.assertRaises(ValueError):
                self.env.set_parallelism(wrong)

    def test_keyed_streams_keep_their_partitioning(self):
        with self.assertRaisesRegex(Exception, "Cannot override partitioning for KeyedStream."):
            self.data.key_by(lambda x: x).rebalance()

    def test_no_operators(self):
        env = StreamExecutionEnvironment.get_execution_environment()
        with self.assertRaisesRegex(RuntimeError, "No operators defined in streaming topology"):
            env.execute()


class Values(unittest.TestCase):
    def test_rows(self):
        row = Row(id=1, info="x")
        self.assertEqual((row.id, row["info"], row[0], list(row), len(row)), (1, "x", 1, [1, "x"], 2))
        self.assertEqual(row, Row(info="x", id=1))
        self.assertNotEqual(row, Row(1, "x"))
        with self.assertRaises(AttributeError):
            row.id = 2
        with self.assertRaises(ValueError):
            Row(1, a=2)

    def test_types_show_themselves(self):
        self.assertEqual(repr(Types.ROW([Types.INT()])), "RowTypeInfo(f0: Integer)")
        self.assertEqual(repr(Types.TUPLE([Types.STRING(), Types.MAP(Types.INT(), Types.LONG())])),
                         "TupleTypeInfo(String, MapTypeInfo<Integer, Long>)")
        self.assertEqual(Types.ROW([Types.INT()]), Types.ROW_NAMED(["a"], [Types.INT()]))
        self.assertNotEqual(Types.INT(), Types.LONG())


class Start(unittest.TestCase):
    def test_importing_is_quick_and_silent(self):
        code = "import pyflink.datastream, time; print(time.process_time())"  # a busy machine does not count
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        self.assertLess(float(done.stdout), 0.3)
