# pyflink: the package as it lies here, and pyflink/_engine.abi3.so, which holds the whole engine. It is
# built against Python's limited API, so the headers of any Python from 3.10 on will do.
PYTHON_INCLUDE ?= $(patsubst %/Python.h,%,$(firstword $(wildcard /usr/include/python3*/Python.h)))
PYTHON_ENGINE := $(OUT)/python/pyflink/_engine.abi3.so
PYTHON_LIBRARIES := client/cli client/api $(JOBMANAGER) $(TASKMANAGER) $(CONNECTORS) $(COMMON)

ifneq ($(PYTHON_INCLUDE),)
$(eval $(call library,client/python/engine))
$(foreach object,$(client/python/engine_OBJS),$(eval $(object:$(OUT)/%.o=%)_CFLAGS := \
	-isystem $(PYTHON_INCLUDE) -DPy_LIMITED_API=0x030a0000))

# Connectors in lib/flink-*.so call what is in here, so all of it is kept and exported. Python opens it
# for itself alone (RTLD_LOCAL): none of these names meets another library's.
$(PYTHON_ENGINE): $(client/python/engine_OBJS) $(foreach dir,$(PYTHON_LIBRARIES),$(call lib_of,$(dir)))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -shared -Wl,-Bsymbolic -Wl,-rpath,'$$ORIGIN/.libs' -o $@ \
		$(client/python/engine_OBJS) -Wl,--whole-archive \
		$(foreach dir,$(PYTHON_LIBRARIES),$(call lib_of,$(dir))) -Wl,--no-whole-archive \
		-lcivetweb $(LDLIBS_ALL)
PROGRAMS_SHIPPED += $(PYTHON_ENGINE)
else
$(info Python.h is not there (package python3-dev): pyflink is not built)
endif
