// SPDX-License-Identifier: Apache-2.0
// programs.ts - uploaded programs, Flink's "jars" (docs/rest.md, "Programs").

export interface Program {
	id: string;
	name: string;
	uploaded: number;
	entry: { name: string; description: string | null }[];
}

/** `GET /jars` */
export interface Programs {
	address: string;
	files: Program[];
}

/** What `run` and `plan` take. */
export interface RunOptions {
	entryClass?: string;
	parallelism?: number;
	programArgs?: string;
	flinkConfiguration?: Record<string, string>;
}
