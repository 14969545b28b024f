// SPDX-License-Identifier: Apache-2.0
// vertex.tsx - a vertex of a job: its head, the row of its tabs, and the one that is open.
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { count } from "../../lib/format";
import { useTitle } from "../../lib/title";
import { Elapsed, Empty, Facts, Icon, Name, Sentence, State, Tabs, Time } from "../../ui";
import { hasEnded } from "../../api/types";
import { Tasks } from "../jobs";
import type { JobTabProps } from "./tab";
import { vertexTabs } from "./tabs";

const t = texts(
	{
		back: "Job graph", tabs: "Parts of the vertex", gone: "This job has no vertex {vid}", parallelism: "Parallelism", max: "max {n}", tasks: "Tasks",
		start: "Start Time", duration: "Duration",
	},
	{
		back: "작업 그래프", tabs: "버텍스의 항목", gone: "이 작업에는 버텍스 {vid}이(가) 없습니다", parallelism: "병렬도", max: "최대 {n}", tasks: "태스크",
		start: "시작 시각", duration: "기간",
	},
);

export function VertexPage(props: JobTabProps) {
	const { picture, base } = props;
	const [vid = "", tab = vertexTabs[0]?.key, ...rest] = props.rest;
	const vertex = picture.vertices[vid];
	const back = <a class="back" href={link(...base, "overview")}><Icon name="left" />{t("back")}</a>;
	useTitle(vertex && `${vertex.name} · ${picture.job.name}`);
	if (!vertex) return <Empty title={t("gone", { vid })}>{back}</Empty>;
	const open = vertexTabs.find(({ key }) => key === tab) ?? vertexTabs[0];
	if (!open) return null;
	const Open = open.component, ended = hasEnded(picture.job.state);
	return (
		<div class="vertex-page">
			<p>{back}</p>
			<h2 class="vertex-title"><Name of={vertex.name} /> <State of={vertex.status} /></h2>
			<Facts of={[
				[t("parallelism"), <>{count(vertex.parallelism)} {vertex.maxParallelism > 0 && <span class="sub">({t("max", { n: count(vertex.maxParallelism) })})</span>}</>],
				[t("tasks"), <Tasks of={vertex.tasks} states={picture.states} />],
				[t("start"), <Time at={vertex["start-time"]} brief />],
				[t("duration"), <Elapsed from={vertex["start-time"]} to={vertex["end-time"] > 0 ? vertex["end-time"] : undefined} />],
			]} />
			{!ended && vertex.cause !== picture.job.bottleneck && <Sentence text={vertex.cause} />}
			<Tabs label={t("tabs")} here={open.key} of={vertexTabs.map(({ key, label, badge }) => ({ key, label: label(), href: link(...base, "overview", vid, key), badge: badge?.(picture) }))} />
			<Open key={open.key} {...props} vid={vid} vertex={vertex} rest={rest} />
		</div>
	);
}
