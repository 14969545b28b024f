$(foreach dir,$(CONNECTORS),$(eval $(call library,$(dir))))
$(foreach dir,$(CONNECTORS),$(eval $(call tests,$(dir),$(CONNECTORS) tests/lib $(COMMON))))
