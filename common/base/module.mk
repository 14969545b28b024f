$(eval $(call library,common/base))
$(eval $(call tests,common/base,$(COMMON)))
$(eval $(call fuzzers,common/base,$(COMMON)))
# Only called where the processor has it: common/base/hash.c.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
$(OUT)/common/base/hash_avx2.o: ALL_CFLAGS += -mavx2
endif
