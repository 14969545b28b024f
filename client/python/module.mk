# pyflink: the package as it lies here, and pyflink/_engine.abi3.so, which holds the whole engine. It is
# built against Python's limited API, so the headers of any Python from 3.10 on will do.
PYTHON_INCLUDE ?= $(patsubst %/Python.h,%,$(firstword $(wildcard /usr/include/python3*/Python.h)))
PYTHON_ENGINE := $(OUT)/python/pyflink/_engine.abi3.so
PYTHON_LIBRARIES := client/cli client/api $(JOBMANAGER) $(TASKMANAGER) $(CONNECTORS) $(COMMON)

ifneq ($(PYTHON_INCLUDE),)
$(eval $(call library,client/python/engine))
$(foreach object,$(client/python/engine_OBJS),$(eval $(object:$(OUT)/%.o=%)_CFLAGS := \
	-isystem $(PYTHON_INCLUDE) -DPy_LIMITED_API=0x030a0000))

# Connectors call what is in here, so all of it is kept and exported. Python opens it for itself alone
# (RTLD_LOCAL), so that none of these names meets another library's.
$(PYTHON_ENGINE): client/python/module.mk $(client/python/engine_OBJS) \
		$(foreach dir,$(PYTHON_LIBRARIES),$(call lib_of,$(dir)))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -shared -Wl,-Bsymbolic -Wl,-soname,$(@F) \
		-Wl,-rpath,'$$ORIGIN/.libs' -o $@ \
		$(client/python/engine_OBJS) -Wl,--whole-archive \
		$(foreach dir,$(PYTHON_LIBRARIES),$(call lib_of,$(dir))) -Wl,--no-whole-archive \
		-lcivetweb $(LDLIBS_ALL)
PROGRAMS_SHIPPED += $(PYTHON_ENGINE)

# The daemons' lib/flink-kafka.so finds our names in the program that opens it; here it must say where.
PYTHON_KAFKA := $(OUT)/python/pyflink/lib/flink-kafka.so
$(PYTHON_KAFKA): $(patsubst %.c,$(OUT)/%.o,$(filter-out %_test.c,$(wildcard connectors/kafka/*.c))) $(PYTHON_ENGINE)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -shared -Wl,-Bsymbolic \
		-Wl,-rpath,'$$ORIGIN/..:$$ORIGIN/../.libs' -o $@ $^ -lrdkafka
PROGRAMS_SHIPPED += $(PYTHON_KAFKA)
else
$(info Python.h is not there (package python3-dev): pyflink is not built)
endif
