common/rpc_EXTRA_OBJS := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.o)
$(eval $(call library,common/rpc))
$(eval $(call tests,common/rpc,$(COMMON)))
$(eval $(call fuzzers,common/rpc,$(COMMON)))
