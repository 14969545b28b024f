TOPOLOGIES_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard tests/topologies/*.c)))
$(eval $(call program,tests/topologies/topologies,$(TOPOLOGIES_OBJECTS),tests/lib $(TASKMANAGER) $(COMMON)))
TOPOLOGIES := $(OUT)/tests/topologies/topologies
