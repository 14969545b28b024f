/* SPDX-License-Identifier: Apache-2.0
 * file_io.c - see file_io.h. The task may be stepped on another thread than the loop's (an evicted
 * one is), so the agent's two roles are two step functions: the first touches nothing but `task`,
 * the second begins after runner_remove has made sure that the first is over. */
#include "connectors/file/file_io.h"

#include "common/base/check.h"
#include "common/world/world_sim.h"

static enum step pass_on(struct agent *agent, mono_t now, mono_t *wake_at)
{
	agent_wake(CONTAINER_OF(agent, struct file_io, agent)->task);
	return STEP_IDLE;
}

/* `again` is submitted anew: its `done` is about the next time, and what there is of it here is
 * about the last, which is over. NULL: none. */
static void forget_done(struct file_io *io, const struct file_op *again)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < io->operations_count; i++)
		if (io->operations[i] != again && !atomic_load(&io->operations[i]->done))
			io->operations[kept++] = io->operations[i];
	io->operations_count = kept;
}

static enum step wait_for_the_last(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct file_io *io = CONTAINER_OF(agent, struct file_io, agent);

	forget_done(io, NULL);
	if (io->operations_count > 0 || (io->settle != NULL && io->settle(io)))
		return STEP_IDLE;
	return STEP_DONE;
}

static void waited_for_the_last(struct agent *agent)
{
	struct file_io *io = CONTAINER_OF(agent, struct file_io, agent);

	io->release(io);
}

void file_io_open(struct file_io *io, struct loop *loop, struct agent *task,
		  bool (*settle)(struct file_io *io), void (*release)(struct file_io *io))
{
	io->loop = loop;
	io->task = task;
	io->settle = settle;
	io->release = release;
	io->operations_count = 0;
	agent_init(&io->agent, "file operations", pass_on);
	runner_add(loop_runner(loop), &io->agent);
}

void file_io_submit(struct file_io *io, struct file_op *operation)
{
	forget_done(io, operation);
	CHECK(io->operations_count < FILE_IO_OPERATIONS_MAX, "%u file operations under way",
	      io->operations_count);
	io->operations[io->operations_count++] = operation;
	atomic_store(&operation->done, false);
	file_submit(io->loop, operation, &io->agent);
}

void file_io_close(struct file_io *io)
{
	struct runner *runner = atomic_load(&io->agent.runner);
	struct world *world = runner ? loop_world(io->loop) : NULL;

	if (runner != NULL)
		runner_remove(runner, &io->agent);
	forget_done(io, NULL);
	/* Without a runner, or on a simulated machine without power, nothing is under way any more.
	 *  */
	if (runner == NULL || (world_is_sim(world) && sim_node_dead(world))) {
		io->release(io);
		return;
	}
	if (io->operations_count == 0 && (io->settle == NULL || !io->settle(io))) {
		io->release(io);
		return;
	}
	io->agent.step = wait_for_the_last;
	io->agent.done = waited_for_the_last;
	runner_add(runner, &io->agent);
}
