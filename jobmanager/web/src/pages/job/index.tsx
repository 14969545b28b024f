// SPDX-License-Identifier: Apache-2.0
// index.tsx - the page of a job: its head, the row of its tabs, and the one that is open. All of it is told by the
// job's picture; other requests are made by the tabs that need them.
import { usePicture } from "../../api/picture";
import type { JobPicture } from "../../api/picture-types";
import type { PageProps } from "../../app";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { Empty, Failure, Skeleton, Tabs } from "../../ui";
import { JobHead } from "./head";
import { jobTabs } from "./tabs";
import "./job.css";

const t = texts(
	{
		tabs: "Parts of the job", gone: "There is no job {jid}", goneWhy: "It may have been forgotten after a restart of the JobManager, or the address is of another cluster.",
		running: "Running jobs", completed: "Completed jobs",
	},
	{
		tabs: "작업의 항목", gone: "작업 {jid}을(를) 찾을 수 없습니다", goneWhy: "JobManager를 다시 시작하면서 잊혔거나 다른 클러스터의 주소일 수 있습니다.",
		running: "실행 중인 작업", completed: "완료된 작업",
	},
);

export default function JobPage(props: PageProps) {
	const { kind = "running", jid = "", tab = jobTabs[0]?.key ?? "" } = props.params;
	const { picture, error } = usePicture<JobPicture>(jid);
	useTitle(picture?.job.name);
	if (!picture) {
		if (!error) return <Skeleton height={420} />;
		if (!error.notFound) return <Failure of={error} />;
		return <Empty title={t("gone", { jid })}>{t("goneWhy")} <a href="#/job/running">{t("running")}</a> · <a href="#/job/completed">{t("completed")}</a></Empty>;
	}
	const open = jobTabs.find(({ key }) => key === tab) ?? jobTabs[0]; // Flink has addresses that we have no tab for
	if (!open) return null;
	const base = ["job", kind, jid] as const, rest = (props.params["*"] ?? "").split("/").filter(Boolean);
	const Open = open.component;
	return (
		<>
			<JobHead job={picture.job} />
			<Tabs label={t("tabs")} here={open.key} of={jobTabs.map(({ key, label, badge }) => ({ key, label: label(), href: link(...base, key), badge: badge?.(picture) }))} />
			{error && <Failure of={error} />}
			<Open key={open.key} jid={jid} picture={picture} base={base} rest={rest} />
		</>
	);
}
