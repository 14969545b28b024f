$(foreach dir,$(TASKMANAGER),$(eval $(call library,$(dir))))
$(eval $(call tests,taskmanager,$(TASKMANAGER) tests/lib $(COMMON)))
$(eval $(call tests,taskmanager/shuffle,taskmanager/shuffle $(COMMON)))
$(eval $(call fuzzers,taskmanager/shuffle,taskmanager/shuffle $(COMMON)))
$(eval $(call tests,taskmanager/state,taskmanager/state $(COMMON)))
$(eval $(call tests,taskmanager/operator,$(TASKMANAGER) tests/lib $(COMMON)))
$(eval $(call tests,taskmanager/udf,$(TASKMANAGER) tests/lib $(COMMON)))
$(eval $(call fuzzers,taskmanager/udf,taskmanager/udf $(COMMON)))
$(eval $(call tests,taskmanager/exec,$(TASKMANAGER) tests/lib $(COMMON)))
# client/api: a job's flink_main lies in the same object as its functions, so what it calls must be there.
$(eval $(call program_abi,bin/taskmanager,$(OUT)/taskmanager/main.o,client/api $(TASKMANAGER) $(CONNECTORS) $(COMMON)))
PROGRAMS_SHIPPED += $(OUT)/bin/taskmanager
