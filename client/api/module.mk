$(eval $(call library,client/api))
$(eval $(call tests,client/api,client/api $(COMMON)))
$(eval $(call fuzzers,client/api,client/api $(COMMON)))
