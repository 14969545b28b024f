$(eval $(call library,common/contract))
$(eval $(call tests,common/contract,$(COMMON)))
$(eval $(call fuzzers,common/contract,$(COMMON)))
