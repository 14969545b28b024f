$(foreach dir,$(CONNECTORS),$(eval $(call library,$(dir))))
$(foreach dir,$(CONNECTORS),$(eval $(call tests,$(dir),$(dir) $(TASKMANAGER) tests/lib $(COMMON))))
