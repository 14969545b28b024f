# Each examples/streaming/NAME.c is a job: a shared object that is linked without our libraries, built
# with the flags that bin/flink-config gives to users. NAME.jar is a link to it, so that the command
# lines of Flink's tutorials work as they are.
EXAMPLES := $(patsubst %.c,$(OUT)/%.so,$(filter-out %_test.c,$(sort $(wildcard examples/streaming/*.c))))
EXAMPLE_CFLAGS := -std=gnu11 -O2 -g -fPIC -fno-omit-frame-pointer $(WARNINGS) \
	$(filter -fsanitize=%,$(FLAGS_$(BUILD))) -I. -Iclient/api -MMD -MP
PROGRAMS_SHIPPED += $(EXAMPLES)

$(OUT)/examples/%.so: examples/%.c $(FLAGS_STAMP)
	$(call say,JOB,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(EXAMPLE_CFLAGS) -MF $(@:.so=.d) -shared -o $@ $<
	$(Q)ln -sf $(notdir $@) $(@:.so=.jar)

-include $(EXAMPLES:.so=.d)

examples/streaming/examples_test_CFLAGS := -Iclient/api # as a user's compiler sees flink.h
$(eval $(call tests,examples/streaming,client/api $(COMMON)))
