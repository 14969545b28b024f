"""The keyed state table alone, and while it is frozen every 100 ms, beside limit/keyed_sum."""
import re

from base import LIMIT, OUT, make_limit, row, run

FIGURE = r"^state\.\d+\.{} ([0-9.]+) .*\[([0-9.]+) … ([0-9.]+)\]"


def bench_state(options):
    """Both programs take medians of seven runs themselves."""
    make_limit("keyed_sum")
    for keys in options.keys:
        limit_out = run(LIMIT / "keyed_sum", keys)
        out = run(OUT / "tests/bench/state_bench", keys)
        figures = {}
        for what in ("plain", "frozen", "ratio"):
            median, smallest, largest = map(float, re.search(FIGURE.format(what), out, re.M).groups())
            figures[what] = [smallest, median, largest]
        forms = {name: float(rate) for name, rate in
                 re.findall(r"^keyed_sum\.\d+\.(plain|prefetch) ([0-9.]+)", limit_out, re.M)}
        form = max(forms, key=forms.get)
        row(f"state.{keys}.frozen_ratio", figures["ratio"], "of itself", ">= 0.9",
            "a view taken every 100 ms and read to its end by another thread")
        row(f"state.{keys}.rate", figures["plain"], "Mrec/s", "", "CPU time of the one thread")
        row(f"state.{keys}.ratio", [rate / forms[form] for rate in figures["plain"]], "of limit", "",
            f"limit: limit/keyed_sum, {form} form, {forms[form]:.0f} Mrec/s")
