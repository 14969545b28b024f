# cflink: one make process sees the whole tree; each folder adds itself by a module.mk.
#
#   make                build everything, lay out build/flink (a ready Flink home)
#   make check          the tests, at most a few minutes     make help   the whole list
#   make BUILD=asan …   debug (default), release, asan, tsan, fuzz live side by side in build/
#
# Three small templates and no other cleverness: library (all .c of a folder but its tests, fuzzers
# and mains), program, and one test program per *_test.c.

BUILD ?= release
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
-include config.mk
OUT := build/$(BUILD)
GEN := $(OUT)/gen
HOME_DIR := build/flink

FLAGS_release := -O3 -DNDEBUG -fno-plt
FLAGS_debug := -O0 -g3
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -g -fsanitize=thread
FLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
ifeq ($(BUILD),fuzz)
CC := clang
endif
ifeq ($(FLAGS_$(BUILD)),)
$(error BUILD is "$(BUILD)"; it is one of release, debug, asan, tsan, fuzz)
endif
ifeq ($(WERROR),1)
WERROR_FLAG := -Werror
endif
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough -Wno-unused-parameter $(WERROR_FLAG)
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -fno-omit-frame-pointer -fstack-protector-strong -fPIC -pthread $(WARNINGS) \
	$(FLAGS_$(BUILD)) -I. -I$(GEN) -MMD -MP $(CFLAGS)
# A packed Flink home (make dist) has the libraries it needs in lib, also those of lib/flink-*.so, for which
# only the older of the two kinds of run path counts.
ALL_LDFLAGS := $(filter -fsanitize=%,$(FLAGS_$(BUILD))) -pthread -Wl,-z,relro,-z,now \
	-Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../lib' $(LDFLAGS)
ifeq ($(BUILD),fuzz)
ALL_LDFLAGS := -fsanitize=address,undefined -pthread
endif
# Only libraries that every program links: heavy ones stay in lib/flink-*.so.
LDLIBS_ALL := -levent_core -levent_pthreads -lprotobuf-c -lyaml -ljansson -lcrypto -lxxhash -llz4 -lm -ldl

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

.PHONY: all
all:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

OBJECTS :=
LIBRARIES :=
PROGRAMS :=
TESTS :=
FUZZERS :=
PROTOS := $(wildcard proto/*.proto)
GEN_HEADERS := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.h)

# $(call library,DIR): lib of DIR/*.c. $(1)_OBJS may be extended by the module.
lib_of = $(OUT)/$(subst /,-,$(1)).a
define library
$(1)_SRCS := $$(filter-out %_test.c $(1)/fuzz_% %/main.c,$$(sort $$(wildcard $(1)/*.c)))
$(1)_OBJS := $$($(1)_SRCS:%.c=$(OUT)/%.o) $$($(1)_EXTRA_OBJS)
OBJECTS += $$($(1)_OBJS)
LIBRARIES += $(call lib_of,$(1))
$(call lib_of,$(1)): $$($(1)_OBJS)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef

# $(call program,PATH IN $(OUT),MAIN OBJECTS,LIBRARY DIRS,MORE LDLIBS)
define program
PROGRAMS += $(OUT)/$(1)
OBJECTS += $(2)
$(OUT)/$(1): $(2) $(foreach dir,$(3),$(call lib_of,$(dir)))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(ALL_LDFLAGS) -o $$@ $(2) \
		-Wl,--start-group $(foreach dir,$(3),$(call lib_of,$(dir))) -Wl,--end-group $(4) $$(LDLIBS_ALL)
endef

# $(call program_abi,PATH,MAIN OBJECTS,LIBRARY DIRS,MORE LDLIBS): a program that opens jobs and
# lib/flink-*.so at run time. They are linked without our libraries, so all of these are in it and exported.
define program_abi
PROGRAMS += $(OUT)/$(1)
OBJECTS += $(2)
$(OUT)/$(1): $(2) $(foreach dir,$(3),$(call lib_of,$(dir)))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(ALL_LDFLAGS) -rdynamic -o $$@ $(2) \
		-Wl,--whole-archive $(foreach dir,$(3),$(call lib_of,$(dir))) -Wl,--no-whole-archive $(4) $$(LDLIBS_ALL)
endef

# $(call tests,DIR,LIBRARY DIRS,MORE LDLIBS): every DIR/*_test.c is a program; run by scripts/run-tests.
define tests
$(foreach src,$(sort $(wildcard $(1)/*_test.c)),
$(call program,$(src:%.c=%),$(OUT)/$(src:%.c=%.o),$(2),$(3) -lcmocka)
TESTS += $(OUT)/$(src:%.c=%)
)
endef

# $(call fuzzers,DIR,LIBRARY DIRS,MORE LDLIBS): every DIR/fuzz_*.c has LLVMFuzzerTestOneInput. In the other builds
# it is linked with tests/fuzz/replay.c, which runs the kept corpus through it as a test.
define fuzzers
$(foreach src,$(sort $(wildcard $(1)/fuzz_*.c)),
OBJECTS += $(OUT)/$(src:%.c=%.o)
FUZZERS += $(OUT)/$(src:%.c=%)
$(OUT)/$(src:%.c=%): $(OUT)/$(src:%.c=%.o) $(if $(filter fuzz,$(BUILD)),,$(OUT)/tests/fuzz/replay.o) $(foreach dir,$(2),$(call lib_of,$(dir)))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(if $(filter fuzz,$(BUILD)),-fsanitize=fuzzer) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $(foreach dir,$(2),$(call lib_of,$(dir))) -Wl,--end-group $(3) $$(LDLIBS_ALL)
)
endef

COMMON := common/base common/world common/wire common/rpc common/record common/contract common/graph \
	common/conf common/daemon common/metric common/logs
TASKMANAGER := taskmanager taskmanager/exec taskmanager/operator taskmanager/shuffle taskmanager/state taskmanager/udf
JOBMANAGER := jobmanager jobmanager/dispatcher jobmanager/resource jobmanager/job jobmanager/blob \
	jobmanager/history jobmanager/series jobmanager/rest
CONNECTORS := connectors connectors/socket connectors/file connectors/print \
	connectors/elements connectors/discard

include $(sort $(wildcard common/*/module.mk proto/module.mk jobmanager/module.mk jobmanager/web/module.mk taskmanager/module.mk \
	connectors/module.mk client/module.mk client/*/module.mk examples/module.mk tests/module.mk \
	tests/*/module.mk))

# ---- rules ---------------------------------------------------------------------------------------

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(GEN) && protoc-c --c_out=$(GEN) -Iproto $<

# A change of flags rebuilds what they touch: the stamp is written only when its text differs.
FLAGS_STAMP := $(OUT)/.flags
$(FLAGS_STAMP): FORCE
	$(Q)mkdir -p $(@D); text='$(CC) $(ALL_CFLAGS)'; \
		[ -f $@ ] && [ "$$text" = "$$(cat $@)" ] || printf '%s' "$$text" > $@
.PHONY: FORCE
FORCE:

# Which commit this is, for --version and /config; rewritten only when it differs.
COMMIT_HEADER := $(GEN)/commit.h
$(COMMIT_HEADER): FORCE
	$(Q)mkdir -p $(@D); commit=$${COMMIT:-$$(git rev-parse --short=7 HEAD 2>/dev/null || echo 0000000)}; \
		text="#define CFLINK_COMMIT \"$$commit\""; \
		[ -f $@ ] && [ "$$text" = "$$(cat $@)" ] || printf '%s\n' "$$text" > $@

$(OUT)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS) $(COMMIT_HEADER)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $($*_CFLAGS) -c -o $@ $<

$(GEN)/%.o: $(GEN)/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	$(Q)$(CC) $(filter-out -W%,$(ALL_CFLAGS)) -c -o $@ $<

-include $(OBJECTS:.o=.d)

# ---- targets -------------------------------------------------------------------------------------

all: $(PROGRAMS_SHIPPED) home ## daemons, CLI, examples, and the Flink home build/flink

.PHONY: home tests fuzzers print-tests check check-all check-docker image dist wheel sim sim-twice topologies sim-topologies bench bench-check bench-jobs fuzz format tidy docs help clean install run
home: $(PROGRAMS_SHIPPED) $(WEB_STAMP) ## lays out build/flink; an edited conf there is never overwritten
	$(Q)if [ -x scripts/make-home ]; then BUILD=$(BUILD) scripts/make-home $(OUT) $(HOME_DIR); fi

tests: $(TESTS) $(FUZZERS) $(SIM) $(TOPOLOGIES) $(BENCH_JOBS) ## builds all test programs, and what the benchmarks run

fuzzers: $(FUZZERS) # the fuzzers alone; with BUILD=fuzz they search

check: all tests ## every test that fits in minutes: unit, headers, layers, golden, sim seeds, first hour
	$(Q)BUILD=$(BUILD) scripts/run-tests $(TESTS) $(FUZZERS)

check-all: ## check, then the same tests under asan and tsan, more seeds, fuzzers for a minute each
	$(Q)$(MAKE) check
	$(Q)scripts/check-all

sim: $(SIM) ## one simulation, traced: make sim SEED=n (BUILD=asan as well)
	$(Q)$(OUT)/tests/sim/sim --seed $(or $(SEED),1) --verbose

topologies: $(TOPOLOGIES) ## one random topology of tasks, traced: make topologies SEED=n
	$(Q)$(TOPOLOGIES) --seed $(or $(SEED),1) --verbose $(OPTIONS)

sim-topologies: $(TOPOLOGIES) ## ten thousand of them, all marks (SEEDS=1-10000; MARKS= for fewer)
	$(Q)SEEDS=$(or $(SEEDS),1-10000) MARKS=$(if $(filter undefined,$(origin MARKS)),yes,$(MARKS)) \
		BUILD=$(BUILD) tests/topologies/seeds.sh

sim-twice: $(SIM) ## the same seed twice, fingerprints compared
	$(Q)$(OUT)/tests/sim/sim --seed $(or $(SEED),1) --twice

bench: ## the measured table: tests/bench/README.md says how
	$(Q)$(MAKE) BUILD=release all bench-jobs && tests/bench/run

bench-check: ## instructions per record on each hot path, by callgrind: fails when one has grown by over 3 %
	$(Q)$(MAKE) BUILD=release $(BENCH_INSTRUCTIONS) && tests/bench/instructions

image: web ## the container image cflink:1.19, with Docker (docker/base/Dockerfile)
	$(Q)docker build --build-arg COMMIT="$$(git rev-parse --short=7 HEAD 2>/dev/null)" -f docker/base/Dockerfile \
		-t cflink:1.19 .

check-docker: ## builds the images and runs the tutorial's Docker commands; skipped where no engine runs
	$(Q)CHECK_DOCKER=1 TEST_TIMEOUT=1200 JOBS=1 ONLY='^tests/docker/' scripts/run-tests

dist: all ## build/flink-1.19.3-cflink-bin.tgz, which unpacks and runs without anything installed
	$(Q)scripts/make-dist $(OUT) build/flink-1.19.3-cflink-bin.tgz

wheel: all ## build/wheel: pyflink with its engine for pip, and the name apache-flink beside it
	$(Q)scripts/make-wheel $(OUT) build/wheel

bench-jobs: $(BENCH_JOBS) $(SIM) $(addprefix $(OUT)/tests/bench/,schedule_bench state_bench series_bench picture_bench) # what tests/bench/run needs beside a Flink home

fuzz: ## every fuzzer for FUZZ_SECONDS (60) each, with clang
	$(Q)$(MAKE) BUILD=fuzz fuzzers && scripts/run-fuzzers $(or $(FUZZ_SECONDS),60)

print-tests: # for scripts/check-all
	@printf '%s\n' $(TESTS) $(FUZZERS)

format: ## breaks lines that are too long (clang-format)
	$(Q)scripts/format

tidy: ## the machine checks alone
	$(Q)scripts/tidy

docs: all ## regenerates docs/settings.md, docs/errors.md, conf samples
	$(Q)scripts/make-docs

run: all ## a local cluster, the dashboard's address printed
	$(Q)scripts/start-cluster.sh

clean: ## removes everything built, but not an edited build/flink/conf
	$(Q)rm -rf build/release build/debug build/asan build/tsan build/fuzz build/web build/.web

help: ## this list
	@cat Makefile jobmanager/web/module.mk | sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' | expand -t 14

ifneq ($(filter clean,$(MAKECMDGOALS)),)
ifneq ($(filter-out clean,$(MAKECMDGOALS)),)
$(error 'clean' goes alone: with -j the rest would race it)
endif
endif
