# SPDX-License-Identifier: Apache-2.0
"""The three rules of print(): untyped values as Python shows them, Rows as +I[…], others as Java."""
import unittest

from script import lines_of, run


class Untyped(unittest.TestCase):
    def test_values_print_as_str_has_them(self):
        self.assertEqual(lines_of(self, """
            env.from_collection(["a", 1, 110.0999984741211, 1e16, True, None, ("a", 1), ["a", 1], {"a": 1},
                                 Row(f0=1, f1="x"), Row(1, "x")]).print()
            env.execute()
            """), ["a", "1", "110.0999984741211", "1e+16", "True", "None", "('a', 1)", "['a', 1]", "{'a': 1}",
                   "Row(f0=1, f1='x')", "<Row(1, 'x')>"])

    def test_bytes_fail_the_job(self):
        code, out, err = run("""
            env.from_collection([b"a"]).print()
            env.execute()
            """)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("b'a'", err)

    def test_objects_of_the_script_pass_through(self):
        self.assertEqual(lines_of(self, """
            class Point:
                def __init__(self, x):
                    self.x = x
                def __str__(self):
                    return f"point at {self.x}"
            env.from_collection([1, 2]).map(Point).filter(lambda p: p.x > 1).print()
            env.execute()
            """), ["point at 2"])


class Typed(unittest.TestCase):
    def printed(self, types, values):
        return lines_of(self, f"""
            env.from_collection({values}, type_info={types}).print()
            env.execute()
            """)

    def test_rows(self):
        self.assertEqual(self.printed("Types.ROW([Types.INT(), Types.STRING()])",
                                      '[Row(1, "aaa"), (2, None), [3, "c"], {"f0": 4, "f1": "d"}]'),
                         ["+I[1,aaa]", "+I[2,None]", "+I[3,c]", "+I[4,d]"])
        self.assertEqual(self.printed('Types.ROW_NAMED(["id", "on"], [Types.INT(), Types.BOOLEAN()])',
                                      "[Row(on=True, id=1)]"), ["+I[1,True]"])
        self.assertEqual(self.printed("Types.ROW([Types.ROW([Types.INT()])])", "[Row(Row(1))]"),
                         ["+I[Row(f0=1)]"])

    def test_tuples(self):
        self.assertEqual(self.printed("Types.TUPLE([Types.STRING(), Types.INT()])", '[("a", 1)]'), ["(a,1)"])
        self.assertEqual(self.printed("Types.TUPLE([Types.STRING()])", '[("a",)]'), ["(a)"])
        self.assertEqual(self.printed(
            "Types.TUPLE([Types.BOOLEAN(), Types.DOUBLE(), Types.FLOAT(), Types.LIST(Types.INT())])",
            "[(True, 1e10, 110.1, [1, 2])]"), ["(true,1.0E10,110.1,[1, 2])"])

    def test_basic_types(self):
        for types, values, lines in (
                ("STRING", '["a b", "", "\\u00e9"]', ["a b", "", "\u00e9"]),
                ("INT", "[1, -2147483648]", ["1", "-2147483648"]),
                ("BYTE", "[-128, 127]", ["-128", "127"]),
                ("SHORT", "[-32768]", ["-32768"]),
                ("LONG", "[9223372036854775807]", ["9223372036854775807"]),
                ("BOOLEAN", "[True, False]", ["true", "false"]),
                ("DOUBLE", "[1.0, 1e10, 0.001, 1e-5, -0.0]", ["1.0", "1.0E10", "0.001", "1.0E-5", "-0.0"]),
                ("FLOAT", "[110.1, 1, 1e10]", ["110.1", "1.0", "1.0E10"])):
            with self.subTest(types):
                self.assertEqual(self.printed(f"Types.{types}()", values), lines)

    def test_maps_and_lists(self):
        self.assertEqual(self.printed("Types.MAP(Types.STRING(), Types.DOUBLE())", '[{"k": 1.5, "m": 2.0}]'),
                         ["{k=1.5, m=2.0}"])
        self.assertEqual(self.printed("Types.LIST(Types.STRING())", '[["a", "b"]]'), ["[a, b]"])


class Prefix(unittest.TestCase):
    def test_the_subtask_is_named_above_parallelism_1(self):
        lines = lines_of(self, """
            env.set_parallelism(3)
            env.from_collection(list(range(30))).print()
            env.execute()
            """)
        self.assertEqual({line.split("> ")[0] for line in lines}, {"1", "2", "3"})
        self.assertEqual(sorted(int(line.split("> ")[1]) for line in lines), list(range(30)))

    def test_an_identifier_comes_first(self):
        self.assertEqual(lines_of(self, """
            env.from_collection([1]).print("mine")
            env.execute()
            """), ["mine> 1"])
        lines = lines_of(self, """
            env.set_parallelism(2)
            env.from_collection([1, 2]).print("mine")
            env.execute()
            """)
        self.assertEqual(sorted(line.split("> ")[0] for line in lines), ["mine:1", "mine:2"])
