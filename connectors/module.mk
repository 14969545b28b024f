$(foreach dir,$(CONNECTORS) connectors/kafka,$(eval $(call library,$(dir))))
$(foreach dir,$(CONNECTORS),$(eval $(call tests,$(dir),$(CONNECTORS) tests/lib $(COMMON))))
$(eval $(call tests,connectors/kafka,connectors/kafka $(CONNECTORS) tests/lib $(COMMON),-lrdkafka))

# Heavy connectors are libraries of their own, opened on first use. What they call of ours is exported by
# whoever opens them (program_abi). -Bsymbolic: a name of theirs never means something of the program's.
PROGRAMS_SHIPPED += $(OUT)/lib/flink-kafka.so
$(OUT)/lib/flink-kafka.so: $(connectors/kafka_OBJS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -shared -Wl,-Bsymbolic -o $@ $^ -lrdkafka
