$(eval $(call library,common/conf))
$(eval $(call tests,common/conf,$(COMMON)))
$(eval $(call fuzzers,common/conf,$(COMMON)))
