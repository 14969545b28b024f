# Small programs beside `flink`, one folder each.
$(eval $(call program,bin/flink-config,$(OUT)/client/tools/flink-config/main.o,client/cli $(COMMON)))
$(eval $(call program,bin/text-server,$(OUT)/client/tools/text-server/main.o,client/cli $(COMMON)))
$(eval $(call program,bin/kafka-dev,$(OUT)/client/tools/kafka-dev/main.o,client/cli $(COMMON),-lrdkafka))
PROGRAMS_SHIPPED += $(OUT)/bin/flink-config $(OUT)/bin/text-server $(OUT)/bin/kafka-dev
