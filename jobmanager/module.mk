$(foreach dir,$(JOBMANAGER),$(eval $(call library,$(dir))))
$(foreach dir,$(JOBMANAGER),$(eval $(call tests,$(dir),$(JOBMANAGER) tests/lib $(COMMON),-lcivetweb)))
$(eval $(call program_abi,bin/jobmanager,$(OUT)/jobmanager/main.o,$(JOBMANAGER) $(CONNECTORS) $(COMMON),-lcivetweb))
PROGRAMS_SHIPPED += $(OUT)/bin/jobmanager
$(eval $(call fuzzers,jobmanager/rest,$(JOBMANAGER) tests/lib $(COMMON),-lcivetweb -lcmocka))
$(eval $(call fuzzers,jobmanager/history,jobmanager/history $(COMMON)))
