# SPDX-License-Identifier: Apache-2.0
"""What the script has said so far: one node per operator, as graph.c of the engine reads it."""
import itertools
import sys

from pyflink._vendor import cloudpickle
from pyflink.common.typeinfo import TypeInformation
from pyflink.common.uncaught import PACKAGE

# As enum ship of common/graph/graph.h.
DEFAULT, FORWARD, HASH, REBALANCE, RESCALE, BROADCAST, SHUFFLE, GLOBAL = range(-1, 7)

_ids = itertools.count(1)


def next_id() -> int:
    """Of a transformation. One counter for the whole process, as in Flink."""
    return next(_ids)


class Output:
    """The records of a stream as they lie in the engine: the value's fields, behind a key's if keyed."""

    def __init__(self, value_type: TypeInformation, key_type: TypeInformation = None):
        self.value_type, self.key_type = value_type, key_type

    @property
    def keyed(self):
        return self.key_type is not None

    def record(self):
        name, fields = self.value_type.record()
        if not self.keyed:
            return name, fields
        key = "key"
        while any(field[0] == key for field in fields):
            key += "_"
        kind = self.key_type.record()[1][0][1] if self.key_type._kind else 9  # BYTES
        return "keyed_" + name, [(key, kind, False)] + fields

    def shape(self):
        return self.value_type.shape(), self.keyed


def _place():
    """The script's file and line that are being run."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class Node:
    def __init__(self, env, name, kind, factory, inlets=(), output=None, options=(), elements=(),
                 function=None, symbol="", parallelism=None, non_parallel=False):
        """inlets: (node, ship) of each stream that comes in; several behind a union."""
        self.id = next_id()
        self.name, self.kind, self.factory = name, kind, factory
        self.inlets, self.output = tuple(inlets), output
        self.options, self.elements = list(options), list(elements)
        self.function, self.symbol = function, symbol
        self.parallelism = 1 if non_parallel else parallelism or env.get_parallelism()
        self.non_parallel, self.max_parallelism = non_parallel, 0
        self.chain, self.slot_sharing_group, self.uid = "always", None, None
        self.place = _place()
        env._nodes.append(self)

    def set_parallelism(self, parallelism):
        if not isinstance(parallelism, int) or parallelism < 1:
            raise ValueError(f"The parallelism of an operator must be at least 1, not {parallelism!r}")
        if self.non_parallel and parallelism != 1:
            raise ValueError("The parallelism of non parallel operator must be 1.")
        self.parallelism = parallelism

    def describe(self):
        shown = {"source": "Source: ", "sink": "Sink: "}.get(self.kind, "") + self.name
        inputs = [(node.id, ship, [0] if ship == HASH else []) for node, ship in self.inlets]
        hashed = inputs[0][2] if inputs else []
        return {
            "id": self.id, "name": shown, "kind": self.kind, "factory": self.factory,
            "parallelism": self.parallelism, "max_parallelism": self.max_parallelism,
            "non_parallel": self.non_parallel, "chain": self.chain,
            "slot_sharing_group": self.slot_sharing_group, "uid": self.uid,
            "input_type": self.inlets[0][0].output.record() if self.inlets else None,
            "output_type": self.output.record() if self.output else None,
            "key": hashed, "inputs": inputs,
            "options": self.options, "elements": self.elements, "function": self.function,
            "symbol": self.symbol,
        }


def pickled_operation(verb, function, source: Output, output: Output, name) -> bytes:
    """A function with what its operator must know, as open_operation of fn_execution reads it. In front stands the
    version of Python, because a function's code means nothing, or something else, to another one."""
    try:
        return bytes(sys.version_info[:2]) + cloudpickle.dumps((verb, function, source.shape(), output.shape()))
    except Exception as error:
        error.args = (f"the function of operator \"{name}\" cannot be sent to where it runs: {error}"
                      f"{_offender(function)}",)
        raise


def _offender(function):
    """Which of the values that a function takes along cannot be pickled."""
    for name, value in _taken_along(function):
        try:
            cloudpickle.dumps(value)
        except Exception:
            return f"; it takes {name} along, which is {value!r:.200}: make that in open() of a function class, or inside"
    return ""


def _taken_along(function):
    code = getattr(function, "__code__", None)
    if code is None:
        yield from (("self." + name, value) for name, value in getattr(function, "__dict__", {}).items())
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:
            pass  # not set yet
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
