$(foreach dir,$(TASKMANAGER),$(eval $(call library,$(dir))))
$(eval $(call tests,taskmanager/shuffle,taskmanager/shuffle $(COMMON)))
$(eval $(call fuzzers,taskmanager/shuffle,taskmanager/shuffle $(COMMON)))
$(eval $(call tests,taskmanager/state,taskmanager/state $(COMMON)))
$(eval $(call tests,taskmanager/operator,$(TASKMANAGER) tests/lib $(COMMON)))
$(eval $(call tests,taskmanager/exec,$(TASKMANAGER) tests/lib $(COMMON)))
$(eval $(call program,bin/taskmanager,$(OUT)/taskmanager/main.o,$(TASKMANAGER) $(CONNECTORS) $(COMMON),-rdynamic))
PROGRAMS_SHIPPED += $(OUT)/bin/taskmanager
