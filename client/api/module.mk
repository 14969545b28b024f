$(eval $(call library,client/api))
$(eval $(call tests,client/api,client/api $(COMMON)))
