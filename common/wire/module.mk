$(eval $(call library,common/wire))
$(eval $(call tests,common/wire,$(COMMON)))
$(eval $(call fuzzers,common/wire,$(COMMON)))
