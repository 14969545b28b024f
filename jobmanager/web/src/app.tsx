// SPDX-License-Identifier: Apache-2.0
// app.tsx - which page an address opens. The addresses are those of Flink's own dashboard.
import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { texts } from "./lib/texts";
import { address, match, path } from "./lib/route";
import JobList from "./pages/jobs";
import Overview from "./pages/overview";
import { Empty } from "./ui/basics";
import { lazy } from "./ui/lazy";
import { Shell } from "./ui/shell";
import { Toasts } from "./ui/toast";

const t = texts(
	{ unknown: "There is no page at this address.", home: "Go to the overview" },
	{ unknown: "이 주소에는 페이지가 없습니다.", home: "개요로 가기" },
);

/** What a page gets: the named parts of its address. */
export interface PageProps {
	params: Record<string, string>;
}

interface Route {
	pattern: string;
	page: ComponentType<PageProps>;
}

/** The first that fits. Pages that are not the first one seen are lazy(() => import("./pages/…")). */
const routes: readonly Route[] = [
	{ pattern: "overview", page: Overview },
	{ pattern: "job/:kind", page: JobList },
	{ pattern: "job/:kind/:jid/:tab?/*", page: lazy(() => import("./pages/job/index")) },
	{ pattern: "task-manager", page: lazy(() => import("./pages/cluster/task-managers")) },
	{ pattern: "task-manager/:id/:tab?/*", page: lazy(() => import("./pages/cluster/task-manager")) },
	{ pattern: "submit", page: lazy(() => import("./pages/submit/submit")) },
	{ pattern: "plan", page: lazy(() => import("./pages/plan/plan")) },
	{ pattern: "job-manager/:tab?/*", page: lazy(() => import("./pages/cluster/job-manager")) },
];

const Unknown = () => (
	<Empty title={t("unknown")}><a href="#/overview">{t("home")}</a></Empty>
);

function Page() {
	const { parts } = address.value;
	const where = parts.length > 0 ? parts : ["overview"];
	for (const { pattern, page: Found } of routes) {
		const params = match(pattern, where);
		if (params) return <Found key={pattern} params={params} />;
	}
	return <Unknown />;
}

export function App() {
	const first = path.value.split("/").slice(0, 3).join("/"); // a tab of the same page does not scroll it
	useLayoutEffect(() => scrollTo(0, 0), [first]);
	return (
		<>
			<Shell><Page /></Shell>
			<Toasts />
		</>
	);
}
