// SPDX-License-Identifier: Apache-2.0
// slots.tsx - the slots of a TaskManager, and which subtasks sit in them.
import type { TaskManagerDetail } from "../../api/processes";
import { count } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Name, Section, State } from "../../ui";

const t = texts(
	{
		title: "Slots", slot: "Slot {n}", free: "free", of: "{used} of {all} in use", more: "and {n} more {n|task|tasks}", taskSetting: "How many there are: {setting}",
		subtask: "subtask {n}",
	},
	{
		title: "슬롯", slot: "슬롯 {n}", free: "비어 있음", of: "{all}개 중 {used}개 사용 중", more: "외 태스크 {n}개", taskSetting: "슬롯 수 설정: {setting}",
		subtask: "서브태스크 {n}",
	},
);

const TASKS_SHOWN = 12;

export function Slots(props: { of: TaskManagerDetail }) {
	const { of } = props;
	const used = new Map(of.allocatedSlots.map(slot => [slot.index, slot]));
	return (
		<Section title={t("title")} aside={t("of", { used: count(of.slotsNumber - of.freeSlots), all: count(of.slotsNumber) })}>
			<ul class="slot-list">
				{Array.from({ length: of.slotsNumber }, (_, i) => {
					const slot = used.get(i);
					return (
						<li key={i} class={slot ? "slot used" : "slot"}>
							<div class="slot-head">
								<b>{t("slot", { n: i })}</b>
								{slot ? <a href={link("job", "running", slot.jobId, "overview")}><Name of={slot.jobName} /></a> : <span class="none">{t("free")}</span>}
							</div>
							{slot && (
								<ul class="slot-tasks">
									{slot.tasks.slice(0, TASKS_SHOWN).map(task => (
										<li key={`${task.vertex}${task.subtask}`}>
											<a href={link("job", "running", slot.jobId, "overview", task.vertex, "subtasks")}><Name of={task.name} /></a>
											<span class="sub">{t("subtask", { n: task.subtask })}</span>
											{task.status !== "RUNNING" && <State of={task.status} />}
										</li>
									))}
									{slot.assignedTasks > TASKS_SHOWN && <li class="sub">{t("more", { n: slot.assignedTasks - TASKS_SHOWN })}</li>}
								</ul>
							)}
						</li>
					);
				})}
			</ul>
			<p class="hint">{t.rich("taskSetting", { setting: <code>taskmanager.numberOfTaskSlots</code> })}</p>
		</Section>
	);
}
