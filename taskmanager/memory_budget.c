/* SPDX-License-Identifier: Apache-2.0
 * memory_budget.c - Flink's memory model over the settings. Three ways in, as there: the total of
 * the process is set, or that of Flink, or the parts for tasks and for state; and a fourth here,
 * nothing is set, which means the machine.
 *
 * A process too small for all that a Java machine would need gives up the parts that only such a
 * one has, those that nobody set; so 256m works here. */
#include "taskmanager/memory_budget.h"

#include <stdio.h>

#include "common/base/limits.h"

#define FLINK_SIZE "taskmanager.memory.flink.size"
#define FRAMEWORK_HEAP_SIZE "taskmanager.memory.framework.heap.size"
#define FRAMEWORK_OFF_HEAP_SIZE "taskmanager.memory.framework.off-heap.size"
#define JVM_METASPACE_SIZE "taskmanager.memory.jvm-metaspace.size"
#define JVM_OVERHEAD_FRACTION "taskmanager.memory.jvm-overhead.fraction"
#define JVM_OVERHEAD_MAX "taskmanager.memory.jvm-overhead.max"
#define JVM_OVERHEAD_MIN "taskmanager.memory.jvm-overhead.min"
#define MANAGED_FRACTION "taskmanager.memory.managed.fraction"
#define MANAGED_SIZE "taskmanager.memory.managed.size"
#define NETWORK_FRACTION "taskmanager.memory.network.fraction"
#define NETWORK_MAX "taskmanager.memory.network.max"
#define NETWORK_MIN "taskmanager.memory.network.min"
#define PROCESS_SIZE "taskmanager.memory.process.size"
#define TASK_HEAP_SIZE "taskmanager.memory.task.heap.size"
#define TASK_OFF_HEAP_SIZE "taskmanager.memory.task.off-heap.size"
#define MIB UINT64_C(1048576)
#define UNBOUNDED (UINT64_C(1) << 58) /* "infinite": sums of some still fit */
#define NETWORK_BYTES_MAX (UINT64_C(128) << 30)
#define PROCESS_BYTES_OTHERWISE (1728 * MIB) /* where nobody knows what there is: Flink's sample */
#define OVERDRAFT_BYTES_MIN MIB

struct derivation {
	const struct conf *conf;
	const struct machine_memory *machine;
	struct memory_budget *budget;
	bool small; /* without what only a Java machine has */
};

static bool is_set(const struct derivation *of, const char *key)
{
	return conf_is_set(of->conf, key);
}

static uint64_t size_of(const struct derivation *of, const char *key)
{
	int64_t bytes = conf_memory_bytes(of->conf, key);

	return bytes < 0 ? 0 : (uint64_t)bytes < UNBOUNDED ? (uint64_t)bytes : UNBOUNDED;
}

/* Of what only a Java machine has. */
static uint64_t java_size_of(const struct derivation *of, const char *key)
{
	return of->small && !is_set(of, key) ? 0 : size_of(of, key);
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static uint64_t share(uint64_t bytes, double fraction)
{
	return (uint64_t)((double)bytes * fraction);
}

static uint64_t overhead_in(const struct derivation *of, uint64_t bytes, double fraction)
{
	uint64_t low = java_size_of(of, JVM_OVERHEAD_MIN);
	uint64_t high = size_of(of, JVM_OVERHEAD_MAX);

	if (of->small && low == 0)
		return 0;
	return clamp(share(bytes, fraction), low, high);
}

/* ---- the parts of Flink's memory ------------------------------------------------------------- */

static uint64_t network_min(const struct derivation *of)
{
	uint64_t low = size_of(of, NETWORK_MIN), most = of->budget->flink_bytes / 4;

	return of->small && !is_set(of, NETWORK_MIN) && low > most ? most : low;
}

static uint64_t network_max(const struct derivation *of)
{
	return is_set(of, NETWORK_MAX) ? size_of(of, NETWORK_MAX) : UNBOUNDED;
}

static uint64_t network_within(const struct derivation *of, uint64_t bytes)
{
	uint64_t low = network_min(of), high = network_max(of);

	/* Both set, the wrong way round: the bound that protects the machine counts. */
	bytes = clamp(bytes, low < high ? low : high, high);
	return bytes > NETWORK_BYTES_MAX && low <= NETWORK_BYTES_MAX ? NETWORK_BYTES_MAX : bytes;
}

static uint64_t sum_beside_task_heap(const struct memory_budget *budget)
{
	return budget->framework_heap_bytes + budget->framework_off_heap_bytes +
	       budget->task_off_heap_bytes + budget->network_bytes + budget->managed_bytes;
}

/* False: they are more than there is. */
static bool divide_flink(const struct derivation *of)
{
	struct memory_budget *budget = of->budget;
	uint64_t flink = budget->flink_bytes, used;

	budget->framework_heap_bytes = java_size_of(of, FRAMEWORK_HEAP_SIZE);
	budget->framework_off_heap_bytes = java_size_of(of, FRAMEWORK_OFF_HEAP_SIZE);
	budget->task_off_heap_bytes = size_of(of, TASK_OFF_HEAP_SIZE);
	budget->managed_bytes =
		is_set(of, MANAGED_SIZE)
			? size_of(of, MANAGED_SIZE)
			: share(flink, conf_double(of->conf, MANAGED_FRACTION));
	if (is_set(of, TASK_HEAP_SIZE)) { /* then the network has the rest */
		budget->network_bytes = 0;
		budget->task_heap_bytes = size_of(of, TASK_HEAP_SIZE);
		used = sum_beside_task_heap(budget) + budget->task_heap_bytes;
		if (used > flink)
			return false;
		budget->network_bytes = network_within(of, flink - used);
		return budget->network_bytes <= flink - used;
	}
	budget->network_bytes = network_within(
		of, share(flink, conf_double(of->conf, NETWORK_FRACTION)));
	used = sum_beside_task_heap(budget);
	budget->task_heap_bytes = used <= flink ? flink - used : 0;
	return used <= flink;
}

/* ---- the ways in ----------------------------------------------------------------------------- */

static double overhead_fraction(const struct derivation *of)
{
	return conf_double(of->conf, JVM_OVERHEAD_FRACTION);
}

/* flink_bytes is known: what the process has beside it. */
static bool add_java(const struct derivation *of)
{
	struct memory_budget *budget = of->budget;
	double fraction = overhead_fraction(of);

	budget->metaspace_bytes = java_size_of(of, JVM_METASPACE_SIZE);
	if (is_set(of, PROCESS_SIZE)) {
		budget->process_bytes = size_of(of, PROCESS_SIZE);
		uint64_t without = budget->flink_bytes + budget->metaspace_bytes;

		budget->overhead_bytes =
			budget->process_bytes > without ? budget->process_bytes - without : 0;
		return budget->process_bytes >= without;
	}
	/* The share is one of the whole process. */
	budget->overhead_bytes =
		fraction < 1
			? overhead_in(of, budget->flink_bytes + budget->metaspace_bytes,
				      fraction / (1 - fraction))
			: overhead_in(of, UNBOUNDED, 1);
	budget->process_bytes =
		budget->flink_bytes + budget->metaspace_bytes + budget->overhead_bytes;
	return true;
}

static bool from_flink(const struct derivation *of)
{
	of->budget->flink_bytes = size_of(of, FLINK_SIZE);
	return divide_flink(of) && add_java(of);
}

/* taskmanager.memory.task.heap.size and managed.size: the network gets its share beside them. */
static bool from_parts(const struct derivation *of)
{
	struct memory_budget *budget = of->budget;
	double fraction = conf_double(of->conf, NETWORK_FRACTION);

	budget->framework_heap_bytes = java_size_of(of, FRAMEWORK_HEAP_SIZE);
	budget->framework_off_heap_bytes = java_size_of(of, FRAMEWORK_OFF_HEAP_SIZE);
	budget->task_off_heap_bytes = size_of(of, TASK_OFF_HEAP_SIZE);
	budget->task_heap_bytes = size_of(of, TASK_HEAP_SIZE);
	budget->managed_bytes = size_of(of, MANAGED_SIZE);
	budget->network_bytes = 0;
	uint64_t rest = sum_beside_task_heap(budget) + budget->task_heap_bytes;

	budget->network_bytes = network_within(
		of, fraction < 1 ? share(rest, fraction / (1 - fraction)) : UNBOUNDED);
	budget->flink_bytes = rest + budget->network_bytes;
	return add_java(of);
}

static bool from_process(const struct derivation *of, uint64_t process)
{
	struct memory_budget *budget = of->budget;

	budget->process_bytes = process;
	budget->metaspace_bytes = java_size_of(of, JVM_METASPACE_SIZE);
	budget->overhead_bytes = overhead_in(of, process, overhead_fraction(of));
	uint64_t aside = budget->metaspace_bytes + budget->overhead_bytes;

	budget->flink_bytes = process > aside ? process - aside : 0;
	return process > aside && divide_flink(of);
}

static bool derive(const struct derivation *of)
{
	if (is_set(of, FLINK_SIZE))
		return from_flink(of);
	if (is_set(of, PROCESS_SIZE))
		return from_process(of, size_of(of, PROCESS_SIZE));
	if (is_set(of, TASK_HEAP_SIZE) && is_set(of, MANAGED_SIZE))
		return from_parts(of);
	return from_process(of, of->machine->bytes > 0 ? of->machine->bytes
						       : PROCESS_BYTES_OTHERWISE);
}

/* ---- words ----------------------------------------------------------------------------------- */

static void put_size(struct buf *into, uint64_t bytes)
{
	if (bytes < 10 * MIB && bytes % MIB != 0)
		buf_printf(into, "%.1f MiB", (double)bytes / (double)MIB);
	else
		buf_printf(into, "%llu MiB", (unsigned long long)(bytes / MIB));
}

/* "1728 MiB (taskmanager.memory.process.size in conf/flink-conf.yaml:12)" */
static void put_total(struct buf *into, const struct conf *conf, const struct memory_budget *budget)
{
	static const char *const keys[] = { FLINK_SIZE, PROCESS_SIZE,
					    TASK_HEAP_SIZE };

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		if (!conf_is_set(conf, keys[i]))
			continue;
		put_size(into, i == 0 ? budget->flink_bytes : budget->process_bytes);
		buf_printf(into, " (%s, %s)", keys[i], conf_origin(conf, keys[i]));
		return;
	}
	put_size(into, budget->process_bytes);
	buf_add_text(into, " (what this machine or container has; " PROCESS_SIZE " is not set)");
}

static void put_part(struct buf *into, const struct conf *conf, uint64_t bytes, const char *what,
		     const char *size_key, const char *fraction_key)
{
	const char *key = fraction_key && !conf_is_set(conf, size_key) ? fraction_key : size_key;

	if (bytes == 0)
		return;
	buf_add_text(into, into->size_bytes > 0 ? " + " : "");
	put_size(into, bytes);
	buf_printf(into, " %s (%s", what, key);
	if (conf_is_set(conf, key))
		buf_printf(into, ", %s", conf_origin(conf, key));
	buf_add_text(into, ")");
}

static void put_parts(struct buf *into, const struct conf *conf, const struct memory_budget *budget)
{
	put_part(into, conf, budget->metaspace_bytes, "metaspace", JVM_METASPACE_SIZE, NULL);
	if (!conf_is_set(conf, FLINK_SIZE))
		put_part(into, conf, budget->overhead_bytes, "overhead", JVM_OVERHEAD_MIN,
			 JVM_OVERHEAD_FRACTION);
	put_part(into, conf, budget->framework_heap_bytes, "framework", FRAMEWORK_HEAP_SIZE,
		 NULL);
	put_part(into, conf, budget->framework_off_heap_bytes, "framework off-heap",
		 FRAMEWORK_OFF_HEAP_SIZE, NULL);
	put_part(into, conf, budget->task_off_heap_bytes, "task off-heap",
		 TASK_OFF_HEAP_SIZE, NULL);
	if (conf_is_set(conf, TASK_HEAP_SIZE))
		put_part(into, conf, budget->task_heap_bytes, "task heap", TASK_HEAP_SIZE,
			 NULL);
	put_part(into, conf, budget->managed_bytes, "managed", MANAGED_SIZE,
		 MANAGED_FRACTION);
	put_part(into, conf, budget->network_bytes, "network", NETWORK_MIN,
		 NETWORK_FRACTION);
}

static int does_not_fit(const struct conf *conf, const struct memory_budget *budget,
			struct err *err)
{
	struct buf total, parts;

	buf_init(&total);
	buf_init(&parts);
	put_total(&total, conf, budget);
	put_parts(&parts, conf, budget);
	err_set(err, ERR_CONF_BAD_VALUE,
		"the parts of the TaskManager's memory are more than its %s: %s; raise the whole, "
		"or lower or remove one of the parts",
		total.data, parts.size_bytes > 0 ? parts.data : "");
	buf_fini(&total);
	buf_fini(&parts);
	return -1;
}

/* Both are set, and Flink's memory is a part of the process's. */
static int is_more_than_process(const struct conf *conf, const struct memory_budget *budget,
				struct err *err)
{
	struct buf flink, process;

	buf_init(&flink);
	buf_init(&process);
	put_size(&flink, budget->flink_bytes);
	put_size(&process, budget->process_bytes);
	err_set(err, ERR_CONF_BAD_VALUE,
		FLINK_SIZE " (%s, %s) with what is beside it is more than " PROCESS_SIZE
			   " (%s, %s); raise that, or lower or remove one of the two",
		flink.data, conf_origin(conf, FLINK_SIZE), process.data,
		conf_origin(conf, PROCESS_SIZE));
	buf_fini(&flink);
	buf_fini(&process);
	return -1;
}

static int check_network(const struct derivation *of, struct err *err)
{
	uint64_t bytes = of->budget->network_bytes;

	if (bytes <= NETWORK_BYTES_MAX &&
	    (of->machine->bytes == 0 || bytes <= of->machine->bytes))
		return 0;
	return err_set(err, ERR_CONF_BAD_VALUE,
		       "network buffers of %llu MiB are more than %s: lower " NETWORK_MIN
			       ", " NETWORK_FRACTION " or the size that they are a share of",
		       (unsigned long long)(bytes / MIB),
		       bytes > NETWORK_BYTES_MAX ? "128 GiB" : "this machine or container has");
}

int memory_budget_derive(const struct conf *conf, const struct machine_memory *machine,
			 struct memory_budget *budget, struct err *err)
{
	struct derivation of = { .conf = conf, .machine = machine, .budget = budget };
	uint64_t slots = (uint64_t)conf_int(conf, "taskmanager.numberOfTaskSlots");

	*budget = (struct memory_budget){ 0 };
	if (!derive(&of)) {
		of.small = true;
		*budget = (struct memory_budget){ 0 };
		if (!derive(&of)) {
			bool parts_fit = is_set(&of, FLINK_SIZE) && budget->process_bytes > 0;

			return parts_fit ? is_more_than_process(conf, budget, err)
					 : does_not_fit(conf, budget, err);
		}
	}
	if (check_network(&of, err) != 0)
		return -1;
	budget->slot_state_bytes =
		(budget->managed_bytes ? budget->managed_bytes : budget->task_heap_bytes) / slots;
	budget->overdraft_bytes = clamp(budget->task_heap_bytes / slots, OVERDRAFT_BYTES_MIN,
					LIMIT_OVERDRAFT_BYTES_MAX);
	return 0;
}

void memory_budget_describe(const struct memory_budget *budget, const struct conf *conf,
			    struct buf *into)
{
	put_total(into, conf, budget);
	buf_add_text(into, ": ");
	put_size(into, budget->network_bytes);
	buf_add_text(into, " for network buffers, ");
	put_size(into, budget->slot_state_bytes);
	buf_add_text(into, " for the state of each slot, ");
	put_size(into, budget->task_heap_bytes);
	buf_add_text(into, " for tasks");
}
