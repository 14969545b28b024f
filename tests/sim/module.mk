$(eval $(call program,tests/sim/sim,$(OUT)/tests/sim/sim.o $(OUT)/tests/sim/cluster.o $(OUT)/tests/sim/ledger.o,$(JOBMANAGER) $(TASKMANAGER) $(COMMON),-lcivetweb))
SIM := $(OUT)/tests/sim/sim
