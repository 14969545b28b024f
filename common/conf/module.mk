$(eval $(call library,common/conf))
$(eval $(call tests,common/conf,$(COMMON)))
$(eval $(call fuzzers,common/conf,$(COMMON)))
$(eval $(call program,bin/flink-settings,$(OUT)/common/conf/main.o,$(COMMON)))
PROGRAMS_SHIPPED += $(OUT)/bin/flink-settings
