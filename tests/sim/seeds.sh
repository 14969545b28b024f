#!/usr/bin/env bash
# seeds.sh - the simulated cluster on a hundred seeds, and some seeds twice: the same seed is the same run.
#
# SEEDS=1-100            which ones (scripts/check-all takes more)
# TWICE="1 7 42 61 88"   which of them are compared with themselves; may be empty
# MARKS=yes              fails also when a mark was never hit (SOMETIMES in the code): for a thousand seeds and more
#
# A seed that fails: make sim SEED=n replays it, with its trace.
. "${BASH_SOURCE[0]%/*}/../lib/seeds.sh"
run_seeds sim/sim seed 1-100 "1 7 42 61 88" "make sim-twice"
