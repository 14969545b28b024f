# channel_bench times channels alone.
$(eval $(call program,tests/bench/channel_bench,$(OUT)/tests/bench/channel_bench.o,taskmanager/shuffle $(COMMON)))
# state_bench times keyed state and its frozen views.
$(eval $(call program,tests/bench/state_bench,$(OUT)/tests/bench/state_bench.o,taskmanager/state $(COMMON)))

# tests/bench/jobs/NAME.c are jobs that tests/bench/run submits, built as the examples are. Not shipped.
BENCH_JOBS := $(patsubst %.c,$(OUT)/%.so,$(sort $(wildcard tests/bench/jobs/*.c)))

$(OUT)/tests/bench/jobs/%.so: tests/bench/jobs/%.c $(FLAGS_STAMP)
	$(call say,JOB,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(EXAMPLE_CFLAGS) -MF $(@:.so=.d) -shared -o $@ $<

-include $(BENCH_JOBS:.so=.d)
