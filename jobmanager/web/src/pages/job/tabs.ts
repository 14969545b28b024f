// SPDX-License-Identifier: Apache-2.0
// tabs.ts - the tabs of a job and those of a vertex, in their order: a line each.
import { texts } from "../../lib/texts";
import { lazy } from "../../ui";
import type { JobTabProps, TabOf, VertexTabProps } from "./tab";

const t = texts(
	{ overview: "Overview", subtasks: "Subtasks", operators: "Operators", taskManagers: "TaskManagers" },
	{ overview: "개요", subtasks: "서브태스크", operators: "연산자", taskManagers: "TaskManager" },
);

/** #/job/running/:jid/<key>. The first is the one that opens. */
export const jobTabs: readonly TabOf<JobTabProps>[] = [
	{ key: "overview", label: () => t("overview"), component: lazy(() => import("./overview")) },
];

/** #/job/running/:jid/overview/:vid/<key>. The first is the one that opens. */
export const vertexTabs: readonly TabOf<VertexTabProps>[] = [
	{ key: "subtasks", label: () => t("subtasks"), component: lazy(() => import("./vertex-subtasks")) },
	{ key: "operators", label: () => t("operators"), component: lazy(() => import("./vertex-operators")) },
	{ key: "taskmanagers", label: () => t("taskManagers"), component: lazy(() => import("./vertex-taskmanagers")) },
];
