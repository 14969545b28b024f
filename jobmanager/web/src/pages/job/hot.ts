// SPDX-License-Identifier: Apache-2.0
// hot.ts - where to look first: the subtasks that are busiest, held back most, and do far more than their peers. All of
// it is in the job's picture.
import type { JobPicture } from "../../api/picture-types";
import { valuesOf, type SubtaskNumber } from "../../api/subtasks";
import { skewOf } from "../../ui/order";

export interface Spot {
	vid: string;
	name: string;
	subtask: number;
	of: number;
	/** A share of time, or how many medians. */
	value: number;
	/** Set when all subtasks are alike: which of them does not matter. */
	even: boolean;
}

const SHOWN = 3;
const SHARE_MIN = 0.1, SKEW_MIN = 2, EVEN = 0.05;

/** The vertices whose worst subtask has the largest share, each with that subtask. */
function byShare(picture: JobPicture, key: "busy" | "backpressured"): Spot[] {
	return Object.entries(picture.vertices)
		.filter(([, vertex]) => vertex[`${key}-max`] >= SHARE_MIN)
		.sort(([, a], [, b]) => b[`${key}-max`] - a[`${key}-max`])
		.slice(0, SHOWN)
		.map(([vid, vertex]) => {
			const values = valuesOf(picture, vertex, key), value = vertex[`${key}-max`];
			return { vid, name: vertex.name, subtask: Math.max(0, values.indexOf(value)), of: vertex.parallelism, value, even: value - vertex[`${key}-mean`] < EVEN };
		});
}

/** The vertices whose subtasks share their input most unevenly; of sources, what they give out. */
function bySkew(picture: JobPicture): Spot[] {
	const found: Spot[] = [];
	for (const [vid, vertex] of Object.entries(picture.vertices)) {
		if (vertex.parallelism < 2 || vertex.status !== "RUNNING") continue;
		const key: SubtaskNumber = vertex.inputs.length > 0 ? "records-in-rate" : "records-out-rate";
		const skew = skewOf(valuesOf(picture, vertex, key));
		if (skew && skew.factor >= SKEW_MIN) found.push({ vid, name: vertex.name, subtask: skew.at, of: vertex.parallelism, value: skew.factor, even: false });
	}
	return found.sort((a, b) => b.value - a.value).slice(0, SHOWN);
}

export const hotSpots = (picture: JobPicture): { busy: Spot[]; held: Spot[]; skewed: Spot[] } =>
	({ busy: byShare(picture, "busy"), held: byShare(picture, "backpressured"), skewed: bySkew(picture) });
