# SPDX-License-Identifier: Apache-2.0
"""What the engine calls where functions run: opens one that was pickled, and says what went wrong."""
import os
import pickle
import sys
import traceback

from pyflink.datastream.functions import Function, RuntimeContext

_METHODS = {"map": "map", "flat_map": "flat_map", "filter": "filter", "key": "get_key", "reduce": "reduce",
            "values": None}
_TEXT_BYTES_MAX = 900
_VALUE_CHARACTERS_MAX = 200
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def open_operation(payload, operator_name, job_name, subtask, parallelism, max_parallelism, attempt):
    """(verb, callable, close or None, input shape, input is keyed, output shape, output is keyed)"""
    if payload[:2] != bytes(sys.version_info[:2]):
        raise RuntimeError(f"the script ran with Python {payload[0]}.{payload[1]}, its functions would run with Python "
                           f"{sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}): it must be the same "
                           f"version, which python.executable names")
    verb, function, (source, source_keyed), (output, output_keyed) = pickle.loads(payload[2:])
    call, close = function, None
    if isinstance(function, Function):
        call, close = getattr(function, _METHODS[verb]), function.close
        function.open(RuntimeContext(operator_name, job_name, subtask, parallelism, max_parallelism, attempt))
    return verb, call, close, source, source_keyed, output, output_keyed


def describe(exception, operator_name, subtask, parallelism, values):
    """The traceback without our own frames, and in its last line where it happened: on which value, if any."""
    place = f'function of operator "{operator_name}" failed, subtask {subtask + 1} of {parallelism}'
    if values:
        place += f", on the value {_shown(values[0])}"
    if exception is None:
        return place
    frames = [frame for frame in traceback.extract_tb(exception.__traceback__)
              if not frame.filename.startswith(_OURS)]
    error = "".join(traceback.format_exception_only(type(exception), exception))
    while True:
        stack = "".join(traceback.format_list(frames))
        text = f"Traceback (most recent call last):\n{stack}{error}"
        if len((text + place).encode("utf-8", "replace")) <= _TEXT_BYTES_MAX or not frames:
            break
        frames = frames[1:]
    return text[:_TEXT_BYTES_MAX - len(place)] + place


def _shown(value):
    try:
        text = repr(value)
    except Exception as error:  # a user's __repr__ must not hide what went wrong before
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    text = text.replace("\n", " ")
    return text if len(text) <= _VALUE_CHARACTERS_MAX else text[:_VALUE_CHARACTERS_MAX - 1] + "…"
