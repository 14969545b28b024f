$(eval $(call library,common/metric))
$(eval $(call tests,common/metric,$(COMMON)))
$(eval $(call fuzzers,common/metric,$(COMMON)))
