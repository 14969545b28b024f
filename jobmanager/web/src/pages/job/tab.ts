// SPDX-License-Identifier: Apache-2.0
// tab.ts - what a tab of a job, and of a vertex, is given.
import type { ComponentChildren, ComponentType } from "preact";
import type { JobPicture, Vertex } from "../../api/picture-types";

export interface JobTabProps {
	jid: string;
	/** Kept up to date. */
	picture: JobPicture;
	/** The parts of the job's own address, for `link(...base, "exceptions")`: "job", "running", <jid>. */
	base: readonly [string, string, string];
	/** The parts of the address behind the tab. */
	rest: readonly string[];
}

export interface VertexTabProps extends JobTabProps {
	vid: string;
	vertex: Vertex;
}

export interface TabOf<P> {
	/** In the address. */
	key: string;
	label: () => string;
	component: ComponentType<P>;
	/** A number or a state behind the label; 0 is not shown. */
	badge?: (picture: JobPicture) => ComponentChildren;
}
