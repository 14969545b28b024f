$(eval $(call library,common/base))
$(eval $(call tests,common/base,$(COMMON)))
$(eval $(call fuzzers,common/base,$(COMMON)))
