// SPDX-License-Identifier: Apache-2.0
// charts.tsx - what a process used over time.
import { useSeries } from "../../api/series";
import { bytes, count, percent } from "../../lib/format";
import { texts } from "../../lib/texts";
import { chosenRange, Failure, RangeChoice, Section, Skeleton, TimeChart } from "../../ui";

const t = texts(
	{
		title: "Over time", "Status.JVM.CPU.Load": "CPU, of all cores", "Status.JVM.Memory.Heap.Used": "Memory in use", "Status.JVM.Threads.Count": "Threads",
		"Status.Shuffle.Netty.UsedMemorySegments": "Network buffers in use", "Status.Flink.Memory.Managed.Used": "Managed memory in use",
		taskSlotsAvailable: "Free slots", taskSlotsTotal: "All slots", numRunningJobs: "Running jobs", numRegisteredTaskManagers: "TaskManagers",
	},
	{
		title: "시간에 따른 변화", "Status.JVM.CPU.Load": "CPU (전체 코어 기준)", "Status.JVM.Memory.Heap.Used": "사용 중인 메모리", "Status.JVM.Threads.Count": "스레드",
		"Status.Shuffle.Netty.UsedMemorySegments": "사용 중인 네트워크 버퍼", "Status.Flink.Memory.Managed.Used": "사용 중인 관리 메모리",
		taskSlotsAvailable: "남은 슬롯", taskSlotsTotal: "전체 슬롯", numRunningJobs: "실행 중인 작업", numRegisteredTaskManagers: "TaskManager",
	},
);

export type MetricName = Parameters<typeof t>[0] & `${"Status" | "task" | "num"}${string}`;

const formatOf = (name: string): ((n: number) => string) => (name.endsWith(".Load") ? percent : /Memory\..*Used$/.test(name) ? bytes : count);

/** A chart for each group of metrics; those of one group share it. */
export function ProcessCharts(props: { api: string; groups: readonly (readonly MetricName[])[] }) {
	const { data, error } = useSeries(`${props.api}/series`, props.groups.flat(), chosenRange());
	return (
		<Section title={t("title")} aside={<RangeChoice />}>
			{error && !data && <Failure of={error} />}
			<div class="chart-grid">
				{props.groups.map(group => (data ? (
					<TimeChart
						key={group[0]} label={t(group[0] as MetricName)} from={data.from} step={data.step} format={formatOf(group[0] as string)} sync={props.api}
						max={group[0]?.endsWith(".Load") ? 1 : undefined} height={150}
						lines={group.map((name, i) => ({ label: t(name), values: data.series[name] ?? [], tone: ((i % 6) + 1) as 1 }))}
					/>
				) : <Skeleton key={group[0]} height={216} />))}
			</div>
		</Section>
	);
}
