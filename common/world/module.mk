$(eval $(call library,common/world))
$(eval $(call tests,common/world,$(COMMON)))
$(eval $(call fuzzers,common/world,$(COMMON)))
