// SPDX-License-Identifier: Apache-2.0
// overview.tsx - a job at a glance; and behind it, at #/job/running/:jid/overview/:vid, each of its vertices.
import { hasEnded } from "../../api/types";
import { texts } from "../../lib/texts";
import { lazy, Section } from "../../ui";
import { JobCharts } from "./charts";
import type { GraphProps } from "./graph";
import { HotSpots } from "./hot-spots";
import type { JobTabProps } from "./tab";
import { VertexPage } from "./vertex";
import { VertexTable } from "./vertex-table";

const Graph = lazy<GraphProps>(() => import("./graph"), 300);

const t = texts({ vertices: "Vertices" }, { vertices: "버텍스" });

export default function Overview(props: JobTabProps) {
	if (props.rest.length > 0) return <VertexPage {...props} />;
	return (
		<>
			<Graph picture={props.picture} base={props.base} />
			{!hasEnded(props.picture.job.state) && <HotSpots picture={props.picture} base={props.base} />}
			<Section title={t("vertices")}><VertexTable picture={props.picture} base={props.base} /></Section>
			<JobCharts key={props.jid} jid={props.jid} picture={props.picture} />
		</>
	);
}
