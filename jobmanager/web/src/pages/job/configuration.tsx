// SPDX-License-Identifier: Apache-2.0
// configuration.tsx - the settings of a job: those that it brought along, and what became of them.
import { useMemo } from "preact/hooks";
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import { count } from "../../lib/format";
import { texts } from "../../lib/texts";
import { type Column, DataTable, Empty, Facts, Failure, Section, Skeleton } from "../../ui";
import type { JobTabProps } from "./tab";

const t = texts(
	{
		execution: "Execution", user: "Settings of this job", key: "Key", value: "Value", restart: "Restart strategy", parallelism: "Parallelism", mode: "Mode",
		none: "The job brought no settings of its own", noneWhy: "It runs with those of the cluster.", cluster: "The cluster's settings", type: "Type",
	},
	{
		execution: "실행", user: "이 작업의 설정", key: "키", value: "값", restart: "재시작 전략", parallelism: "병렬도", mode: "모드",
		none: "작업이 따로 지정한 설정이 없습니다", noneWhy: "클러스터의 설정으로 실행됩니다.", cluster: "클러스터 설정", type: "종류",
	},
);

interface JobConfig {
	"execution-config": { "execution-mode": string; "restart-strategy": string; "job-parallelism": number; "user-config": Record<string, string> };
}

type Pair = [string, string];

const columnsOf = (): Column<Pair>[] => [
	{ key: "key", title: t("key"), main: true, sort: ([key]) => key, cell: ([key]) => <code>{key}</code> },
	{ key: "value", title: t("value"), sort: ([, value]) => value, cell: ([, value]) => <code>{value}</code> },
];

export default function Configuration(props: JobTabProps) {
	const { data, error } = useAnswer<JobConfig>(`${at("jobs", props.jid)}/config`, 0);
	const name = t("key");
	const columns = useMemo(columnsOf, [name]);
	if (error) return <Failure of={error} />;
	if (!data) return <Skeleton height={240} />;
	const config = data["execution-config"];
	return (
		<>
			<Section title={t("execution")} aside={<a href="#/job-manager/config">{t("cluster")}</a>}>
				<Facts of={[
					[t("type"), props.picture.job["job-type"]], [t("mode"), config["execution-mode"]], [t("parallelism"), count(config["job-parallelism"])],
					[t("restart"), <span lang="en">{config["restart-strategy"]}</span>],
				]} />
			</Section>
			<Section title={t("user")}>
				<DataTable label={t("user")} columns={columns} rows={Object.entries(config["user-config"])} rowKey={([key]) => key} sort="key"
					empty={<Empty title={t("none")}>{t("noneWhy")}</Empty>} />
			</Section>
		</>
	);
}
