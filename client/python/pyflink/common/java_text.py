# SPDX-License-Identifier: Apache-2.0
"""Java's toString() of values, which is what a typed stream prints."""
import datetime
import struct
from decimal import Decimal


def of(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _of_digits(value, repr(value))
    if isinstance(value, Decimal):
        return of_decimal(value)
    return str(value)


def of_float(value):
    """A 32-bit float: the fewest digits that read back as the same one."""
    narrow = struct.unpack("<f", struct.pack("<f", value))[0]
    for digits in range(1, 10):
        text = f"{narrow:.{digits}g}"
        if struct.unpack("<f", struct.pack("<f", float(text)))[0] == narrow:
            return _of_digits(narrow, text)
    return _of_digits(narrow, repr(narrow))


def of_decimal(value):
    """BigDecimal.toString is Decimal's form, but for the exponent's sign and letter being the same."""
    return str(value)


def of_timestamp(value):
    """java.sql.Timestamp: fractional seconds without trailing zeroes, at least one digit."""
    fraction = f"{value.microsecond // 1000:03d}".rstrip("0") or "0"
    return value.strftime("%Y-%m-%d %H:%M:%S.") + fraction


def of_instant(seconds, nanos):
    """java.time.Instant: nothing, 3, 6 or 9 digits behind the second."""
    text = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat()
    if nanos == 0:
        return text + "Z"
    digits = f"{nanos:09d}"
    while len(digits) > 3 and digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


def _of_digits(number, text):
    """Double.toString from any text with the shortest digits: 1.0, 1.0E10, 1.0E-5, NaN, Infinity."""
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    sign, digits, exponent = Decimal(text).as_tuple()
    mark = "-" if sign else ""
    text = "".join(map(str, digits)).rstrip("0") or "0"
    if text == "0":
        return mark + "0.0"
    exponent += len(digits) - 1  # of the first digit
    if -3 <= exponent < 7:
        if exponent < 0:
            return f"{mark}0.{'0' * (-exponent - 1)}{text}"
        text = text.ljust(exponent + 1, "0")
        return f"{mark}{text[:exponent + 1]}.{text[exponent + 1:] or '0'}"
    return f"{mark}{text[0]}.{text[1:] or '0'}E{exponent}"
