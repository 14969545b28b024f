// SPDX-License-Identifier: Apache-2.0
// overview.tsx - a job at a glance; and behind it, at #/job/running/:jid/overview/:vid, each of its vertices.
import { texts } from "../../lib/texts";
import { Section } from "../../ui";
import type { JobTabProps } from "./tab";
import { VertexPage } from "./vertex";
import { VertexTable } from "./vertex-table";

const t = texts({ vertices: "Vertices" }, { vertices: "버텍스" });

export default function Overview(props: JobTabProps) {
	if (props.rest.length > 0) return <VertexPage {...props} />;
	return (
		<Section title={t("vertices")}><VertexTable picture={props.picture} base={props.base} /></Section>
	);
}
