$(eval $(call library,common/record))
$(eval $(call tests,common/record,$(COMMON)))
$(eval $(call fuzzers,common/record,$(COMMON)))
