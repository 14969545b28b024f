$(eval $(call library,common/daemon))
$(eval $(call tests,common/daemon,$(COMMON)))
