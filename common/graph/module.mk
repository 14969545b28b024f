$(eval $(call library,common/graph))
$(eval $(call tests,common/graph,$(COMMON)))
$(eval $(call fuzzers,common/graph,$(COMMON)))
