// SPDX-License-Identifier: Apache-2.0
// tabs.ts - the tabs of a job and those of a vertex, in their order: a line each.
import { texts } from "../../lib/texts";
import { lazy } from "../../ui";
import type { JobTabProps, TabOf, VertexTabProps } from "./tab";

const t = texts(
	{
		overview: "Overview", output: "Output", exceptions: "Exceptions", timeline: "Timeline", checkpoints: "Checkpoints", configuration: "Configuration",
		subtasks: "Subtasks", operators: "Operators", taskManagers: "TaskManagers", metrics: "Metrics", backpressure: "Backpressure", flamegraph: "Flame Graph",
	},
	{
		overview: "개요", output: "출력", exceptions: "예외", timeline: "타임라인", checkpoints: "체크포인트", configuration: "설정",
		subtasks: "서브태스크", operators: "연산자", taskManagers: "TaskManager", metrics: "메트릭", backpressure: "백프레셔", flamegraph: "플레임 그래프",
	},
);

/** #/job/running/:jid/<key>. The first is the one that opens. */
export const jobTabs: readonly TabOf<JobTabProps>[] = [
	{ key: "overview", label: () => t("overview"), component: lazy(() => import("./overview")) },
	{ key: "output", label: () => t("output"), component: lazy(() => import("./output")) },
	{ key: "exceptions", label: () => t("exceptions"), component: lazy(() => import("./exceptions")), badge: ({ job }) => job.failures },
	{ key: "timeline", label: () => t("timeline"), component: lazy(() => import("./timeline")) },
	{ key: "checkpoints", label: () => t("checkpoints"), component: lazy(() => import("./checkpoints")) },
	{ key: "configuration", label: () => t("configuration"), component: lazy(() => import("./configuration")) },
];

/** #/job/running/:jid/overview/:vid/<key>. The first is the one that opens. */
export const vertexTabs: readonly TabOf<VertexTabProps>[] = [
	{ key: "subtasks", label: () => t("subtasks"), component: lazy(() => import("./vertex-subtasks")) },
	{ key: "operators", label: () => t("operators"), component: lazy(() => import("./vertex-operators")) },
	{ key: "taskmanagers", label: () => t("taskManagers"), component: lazy(() => import("./vertex-taskmanagers")) },
	{ key: "metrics", label: () => t("metrics"), component: lazy(() => import("./vertex-metrics")) },
	{ key: "backpressure", label: () => t("backpressure"), component: lazy(() => import("./vertex-backpressure")) },
	{ key: "flamegraph", label: () => t("flamegraph"), component: lazy(() => import("./flamegraph")) },
];
