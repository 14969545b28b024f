CLI := client/cli client/api $(JOBMANAGER) $(TASKMANAGER) $(CONNECTORS) $(COMMON)
$(eval $(call library,client/cli))
$(eval $(call tests,client/cli,client/cli client/api $(JOBMANAGER) $(TASKMANAGER) $(CONNECTORS) tests/lib $(COMMON),-lcivetweb))
$(eval $(call fuzzers,client/cli,client/cli client/api $(COMMON)))
$(eval $(call program_abi,bin/flink,$(OUT)/client/cli/main.o,$(CLI),-lcivetweb))
PROGRAMS_SHIPPED += $(OUT)/bin/flink
