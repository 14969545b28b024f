$(eval $(call library,common/logs))
$(eval $(call tests,common/logs,$(COMMON)))
