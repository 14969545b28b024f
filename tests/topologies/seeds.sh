#!/usr/bin/env bash
# seeds.sh - random topologies of tasks over the shuffle, and some of them twice: the same seed is the same run.
#
# SEEDS=1-200            which ones (scripts/check-all takes more)
# TWICE="3 9 16 98"      which of them are compared with themselves; may be empty
# MARKS=yes              fails also when a mark was never hit: for two thousand seeds and more
#
# A seed that fails: make topologies SEED=n replays it, with its trace; tests/topologies/shrink n makes it smaller.
. "${BASH_SOURCE[0]%/*}/../lib/seeds.sh"
run_seeds topologies/topologies topology 1-200 "3 9 16 98" "make topologies"
