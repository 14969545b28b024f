$(eval $(call program,tests/bench/channel_bench,$(OUT)/tests/bench/channel_bench.o,taskmanager/shuffle $(COMMON)))
