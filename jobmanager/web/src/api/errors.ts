// SPDX-License-Identifier: Apache-2.0
// errors.ts - what goes wrong between page and server, in the server's words.

/** The server answered, and said no. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		message: string,
		/** The number of `docs/errors.md`, as in "E3009", where the server knows one. */
		readonly code?: string,
		/** How to mend it. */
		readonly hint?: string,
	) {
		super(message);
		this.name = "ApiError";
	}

	get notFound(): boolean {
		return this.status === 404;
	}
}

/** Nobody answered, or not in time. */
export class Unreachable extends Error {
	constructor(cause?: unknown) {
		super("the JobManager does not answer", { cause });
		this.name = "Unreachable";
	}
}

interface ErrorBody {
	errors?: unknown;
	code?: unknown;
	text?: unknown;
	hint?: unknown;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** The first line of Flink's `errors`, without the name of the exception before it. */
const firstLine = (errors: unknown): string | undefined =>
	Array.isArray(errors) ? text(errors[0])?.split("\n")[0]?.replace(/^[\w.$]+(?:Exception|Error): /, "") : undefined;

export function errorOf(status: number, statusText: string, body: unknown): ApiError {
	const said: ErrorBody = typeof body === "object" && body !== null ? body : {};
	const code = typeof said.code === "number" ? `E${String(said.code).padStart(4, "0")}` : text(said.code);
	const message = text(said.text) ?? firstLine(said.errors) ?? `${status} ${statusText}`.trim();
	return new ApiError(status, message, code, text(said.hint));
}
