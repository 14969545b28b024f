# channel_bench times channels alone.
$(eval $(call program,tests/bench/channel_bench,$(OUT)/tests/bench/channel_bench.o,taskmanager/shuffle $(COMMON)))
# state_bench times keyed state and its frozen views.
$(eval $(call program,tests/bench/state_bench,$(OUT)/tests/bench/state_bench.o,taskmanager/state $(COMMON)))
# schedule_bench times a JobManager that deploys a wide job to TaskManagers that only acknowledge.
$(eval $(call program,tests/bench/schedule_bench,$(OUT)/tests/bench/schedule_bench.o,$(JOBMANAGER) $(COMMON),-lcivetweb))
# picture_bench times pictures of a wide job.
$(eval $(call program,tests/bench/picture_bench,$(OUT)/tests/bench/picture_bench.o,tests/lib $(TASKMANAGER) $(JOBMANAGER) \
	$(CONNECTORS) $(COMMON),-lcivetweb -lcmocka))

# series_bench fills the JobManager's time series with a day of a wide job, in simulated time.
$(eval $(call program,tests/bench/series_bench,$(OUT)/tests/bench/series_bench.o,tests/lib $(JOBMANAGER) $(COMMON),-lcivetweb -lcmocka))

$(eval $(call program,tests/bench/keyed_sum_answer,$(OUT)/tests/bench/keyed_sum_answer.o,common/base))

# tests/bench/jobs/NAME.c are jobs that tests/bench/run submits, built as the examples are. Not shipped.
BENCH_JOBS := $(patsubst %.c,$(OUT)/%.so,$(sort $(wildcard tests/bench/jobs/*.c)))

$(OUT)/tests/bench/jobs/%.so: tests/bench/jobs/%.c $(FLAGS_STAMP)
	$(call say,JOB,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(EXAMPLE_CFLAGS) -MF $(@:.so=.d) -shared -o $@ $<

-include $(BENCH_JOBS:.so=.d)

# A source and sinks to measure with: tests/bench/run puts the library into the homes of its own clusters.
BENCH_LIB := $(OUT)/tests/bench/flink-bench.so
$(eval $(call library,tests/bench/connector))
$(BENCH_LIB): $(tests/bench/connector_OBJS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -shared -Wl,-Bsymbolic -o $@ $^
BENCH_JOBS += $(BENCH_LIB) $(OUT)/tests/bench/keyed_sum_answer

# The hot paths one by one in the simulated world: tests/bench/instructions counts them with callgrind.
$(eval $(call program,tests/bench/instructions,$(OUT)/tests/bench/instructions.o,tests/bench/connector tests/lib \
	$(TASKMANAGER) $(CONNECTORS) $(COMMON),-lcmocka))
BENCH_INSTRUCTIONS := build/release/tests/bench/instructions
