# Small programs beside `flink`, one folder each.
$(eval $(call program,bin/flink-config,$(OUT)/client/tools/flink-config/main.o,client/cli $(COMMON)))
$(eval $(call program,bin/text-server,$(OUT)/client/tools/text-server/main.o,client/cli $(COMMON)))
PROGRAMS_SHIPPED += $(OUT)/bin/flink-config $(OUT)/bin/text-server
