// SPDX-License-Identifier: Apache-2.0
// memory.tsx - Flink's memory model of a TaskManager as a bar, and how much of each part is in use.
import { MEMORY_PARTS, type MemoryPart, type TaskManagerDetail } from "../../api/processes";
import { bytes } from "../../lib/format";
import { texts } from "../../lib/texts";
import { Meter, Section, Share } from "../../ui";

const t = texts(
	{
		title: "Memory model", total: "{all} for the process, {flink} of it for Flink", part: "Part", size: "Size", used: "In use", setting: "Setting",
		frameworkHeap: "Framework heap", taskHeap: "Task heap", managedMemory: "Managed memory", networkMemory: "Network buffers", frameworkOffHeap: "Framework off-heap",
		taskOffHeap: "Task off-heap", jvmMetaspace: "Metaspace", jvmOverhead: "Overhead",
		why: "There is no Java machine here: the parts keep Flink's names and arithmetic, so that the same settings give the same sizes.", heap: "Heap, of framework and tasks",
	},
	{
		title: "메모리 모델", total: "프로세스 전체 {all}, 그중 Flink {flink}", part: "영역", size: "크기", used: "사용 중", setting: "설정",
		frameworkHeap: "프레임워크 힙", taskHeap: "태스크 힙", managedMemory: "관리 메모리", networkMemory: "네트워크 버퍼", frameworkOffHeap: "프레임워크 오프힙",
		taskOffHeap: "태스크 오프힙", jvmMetaspace: "메타스페이스", jvmOverhead: "오버헤드",
		why: "여기에는 Java 가상 머신이 없습니다. 같은 설정이 같은 크기가 되도록 Flink의 이름과 계산 방식을 그대로 씁니다.", heap: "힙 (프레임워크와 태스크)",
	},
);

const SETTINGS: Record<MemoryPart, string> = {
	frameworkHeap: "taskmanager.memory.framework.heap.size", taskHeap: "taskmanager.memory.task.heap.size", managedMemory: "taskmanager.memory.managed.size",
	networkMemory: "taskmanager.memory.network.max", frameworkOffHeap: "taskmanager.memory.framework.off-heap.size", taskOffHeap: "taskmanager.memory.task.off-heap.size",
	jvmMetaspace: "taskmanager.memory.jvm-metaspace.size", jvmOverhead: "taskmanager.memory.jvm-overhead.max",
};

/** Used bytes of the parts that are measured. */
function usedOf(detail: TaskManagerDetail, managedUsed: number | undefined): Partial<Record<MemoryPart, number>> {
	return { managedMemory: managedUsed, networkMemory: detail.metrics.nettyShuffleMemoryUsed };
}

export function MemoryModel(props: { of: TaskManagerDetail; managedUsed?: number }) {
	const memory = props.of.memoryConfiguration;
	const used = usedOf(props.of, props.managedUsed);
	const heap = memory.frameworkHeap + memory.taskHeap, heapUsed = props.of.metrics.heapUsed ?? 0;
	return (
		<Section title={t("title")} aside={t("total", { all: bytes(memory.totalProcessMemory), flink: bytes(memory.totalFlinkMemory) })}>
			<div class="panel">
				<Meter
					label={t("title")} format={bytes} total={memory.totalProcessMemory}
					parts={MEMORY_PARTS.map((part, i) => ({ key: part, label: t(part), value: memory[part], tone: i < 6 ? `chart-${i + 1}` : i === 6 ? "t-idle" : "t-calm" }))}
				/>
				<div class="scroll plain">
					<table>
						<thead><tr><th>{t("part")}</th><th class="end">{t("size")}</th><th>{t("used")}</th><th>{t("setting")}</th></tr></thead>
						<tbody>
							{MEMORY_PARTS.map((part, i) => {
								const share = used[part];
								return (
									<tr key={part}>
										<td><i class={`dot ${i < 6 ? `chart-${i + 1}` : i === 6 ? "t-idle" : "t-calm"}`} />{t(part)}</td>
										<td class="end">{bytes(memory[part])}</td>
										<td>{share === undefined || memory[part] === 0 ? <span class="none">–</span>
											: <Share of={share / memory[part]} tone={share / memory[part] > 0.9 ? "t-warn" : "t-slot"} label={`${bytes(share)} / ${bytes(memory[part])}`}> <small class="sub">{bytes(share)}</small></Share>}</td>
										<td><code>{SETTINGS[part]}</code></td>
									</tr>
								);
							})}
							<tr>
								<td>{t("heap")}</td><td class="end">{bytes(heap)}</td>
								<td>{heap > 0 && <Share of={heapUsed / heap} tone={heapUsed > heap * 0.9 ? "t-warn" : "t-slot"} label={`${bytes(heapUsed)} / ${bytes(heap)}`}> <small class="sub">{bytes(heapUsed)}</small></Share>}</td>
								<td />
							</tr>
						</tbody>
					</table>
				</div>
				<p class="hint">{t("why")}</p>
			</div>
		</Section>
	);
}
