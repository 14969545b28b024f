/* SPDX-License-Identifier: Apache-2.0
 * python_answers.c - see python_answers.h. */
#include "taskmanager/udf/python_answers.h"

#include "common/world/world.h"

#define KEPT_BYTES_MAX (1024 * 1024)

static int emit_run(struct python_answers *answers, struct bytes run, struct outbox *out,
		    struct err *err)
{
	const struct record_type *type = answers->output_type;
	struct batch batch;

	if (run_check(type, run.data, (uint32_t)run.size_bytes, &batch, err) < 0) {
		err_wrap(err, "the Python process of operator \"%s\"", answers->operator_name);
		return -1;
	}
	for (uint32_t i = 0; i < batch.count; i++)
		outbox_emit(out, type, batch_at(&batch, i));
	return 0;
}

/* 1: it ends what was asked. */
static int take_frame(struct python_answers *answers, Flink__PythonFrame kind, struct bytes body,
		      struct outbox *out, struct err *err)
{
	bool asked = answers->asked > 0 || (answers->end_sent && !answers->end_done);

	if (asked && kind == FLINK__PYTHON_FRAME__PYTHON_FRAME_RUN)
		return emit_run(answers, body, out, err);
	if (kind == FLINK__PYTHON_FRAME__PYTHON_FRAME_FAILED)
		return err_set(err, ERR_USER_FUNCTION_FAILED, "%.*s", (int)body.size_bytes,
			       (const char *)body.data);
	if (!asked || kind != FLINK__PYTHON_FRAME__PYTHON_FRAME_DONE)
		return err_set(
			err, ERR_USER_FUNCTION_FAILED,
			"the Python process of operator \"%s\" answers with frame %d, which was not asked for",
			answers->operator_name, (int)kind);
	answers->end_done = answers->end_sent && answers->asked == 0;
	answers->asked = 0;
	return 1;
}

int python_answers_take(struct python_answers *answers, struct outbox *out, struct err *err)
{
	for (;;) {
		Flink__PythonFrame kind;
		struct bytes body;
		size_t whole_bytes;
		int parsed =
			python_frame_parse(buf_bytes(&answers->received),
					   python_answer_bytes_max(answers->record_bytes_max),
					   &kind, &body, &whole_bytes);

		if (parsed < 0)
			return err_set(
				err, ERR_USER_FUNCTION_FAILED,
				"the Python process of operator \"%s\" writes no frames to descriptor %d; "
				"does the function write there?",
				answers->operator_name, PROCESS_CONN_FD);
		if (parsed == 0 || outbox_full(out))
			return 0;
		int taken = take_frame(answers, kind, body, out, err);

		if (taken < 0)
			return -1;
		buf_consume(&answers->received, whole_bytes);
		if (whole_bytes > KEPT_BYTES_MAX && answers->received.size_bytes == 0)
			buf_fini(&answers->received); /* it was a large record's */
		if (taken == 1)
			return 1;
	}
}
