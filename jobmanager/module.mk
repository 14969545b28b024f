$(foreach dir,$(JOBMANAGER),$(eval $(call library,$(dir))))
$(foreach dir,$(JOBMANAGER),$(eval $(call tests,$(dir),$(JOBMANAGER) $(COMMON),-lcivetweb)))
