SIM_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard tests/sim/*.c)))
$(eval $(call program,tests/sim/sim,$(SIM_OBJECTS),tests/lib $(JOBMANAGER) $(TASKMANAGER) $(CONNECTORS) $(COMMON),-lcivetweb))
SIM := $(OUT)/tests/sim/sim
