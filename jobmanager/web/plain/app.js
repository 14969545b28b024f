// SPDX-License-Identifier: Apache-2.0
// app.js - the dashboard's first page: reads Flink's REST API and draws it again every few seconds, under the
// addresses of Flink's own page (#/job/running/<id>/overview, …). It changes nothing but by "Cancel".
import { breakable, bytes, count, h, link, note, number, percent, sentence, span, state, table, tabs, when } from "./dom.js";

const LOG_TAIL_BYTES = 262144;
const page = document.getElementById("page");
const health = document.getElementById("health");
let config = { "refresh-interval": 2000, "ended-jobs-shown": 5, features: { "web-cancel": true } };
let timer = 0, drawing = 0, shown = "";

/* ---- the API ---- */

const ask = async (path, options, read) => {
  const answer = await fetch("." + path, { cache: "no-store", ...options });
  if (answer.ok) return read(answer);
  const body = await answer.json().catch(() => ({}));
  const message = body.text ? `${body.text}${body.hint ? ` (${body.hint})` : ""}` : (body.errors || [])[0] || `${answer.status} for ${path}`;
  throw new Error(message.replace(/^[\w.]+Exception: /, ""));
};
const get = path => ask(path, {}, answer => answer.json());
const text = path => ask(path, {}, answer => answer.text());

const cancel = async jid => {
  if (!window.confirm("Cancel this job?")) return;
  try {
    await ask(`/jobs/${jid}?mode=cancel`, { method: "PATCH" }, answer => answer.json());
  } catch (failure) {
    window.alert(failure.message);
  }
  draw();
};

/* ---- overview and lists of jobs ---- */

const ended = job => ["FINISHED", "FAILED", "CANCELED"].includes(job.state);
const jobHref = job => `#/job/${ended(job) ? "completed" : "running"}/${job.jid}`;
const card = (value, label, ...small) => h(".card", h("b", String(value)), h("span", label), small.length ? h(".small", small.map(([n, name]) =>
  h("span", h("b", String(n)), ` ${name}`))) : null);

const jobTable = jobs => table(["Job Name", "Start Time", "Duration", "End Time", "#Tasks", "Status"], jobs.map(job => h("tr",
  h("td.name", link(`${jobHref(job)}/overview`, job.name), job.note || job.bottleneck ? h(".sub", job.note || job.bottleneck) : null),
  h("td", when(job["start-time"])), h("td", span(job.duration)), h("td", when(job["end-time"])),
  number(`${job.tasks.running + job.tasks.finished} / ${job.tasks.total}`), h("td", state(job.state)))));
const noRunning = () => h("p.empty", "No running jobs. To try one: ",
  h("code", "nc -l 9000"), " in one terminal, ", h("code", "./bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000"), " in another.");
const noTaskManagers = () => h("p.note", "No TaskManager is registered, so no job can run. Start one: ", h("code", "./bin/taskmanager.sh start"));
const newestFirst = jobs => jobs.filter(ended).sort((a, b) => b["end-time"] - a["end-time"]);

const overview = async () => {
  const [all, { jobs }] = await Promise.all([get("/overview"), get("/jobs/overview")]);
  const running = jobs.filter(job => !ended(job)), completed = newestFirst(jobs), most = config["ended-jobs-shown"];
  return [h("h1", "Overview"), h(".cards",
    card(all["slots-available"], "Available Task Slots", [all["slots-total"], "Total Task Slots"], [all.taskmanagers, "Task Managers"]),
    card(all["jobs-running"], "Running Jobs", [all["jobs-finished"], "Finished"], [all["jobs-cancelled"], "Canceled"], [all["jobs-failed"], "Failed"])),
    all.taskmanagers === 0 ? noTaskManagers() : null,
    h("h2", "Running Job List"), running.length ? jobTable(running) : noRunning(),
    h("h2", "Completed Job List"), completed.length ? jobTable(completed.slice(0, most)) : h("p.empty", "None yet."),
    completed.length > most ? h("p", link("#/job/completed", `All ${completed.length} completed jobs`)) : null];
};

const jobList = async which => {
  const { jobs } = await get("/jobs/overview");
  if (which === "completed") {
    const completed = newestFirst(jobs);
    return [h("h1", "Completed Jobs"), completed.length ? jobTable(completed) : h("p.empty", "No job has ended yet.")];
  }
  const running = jobs.filter(job => !ended(job));
  return [h("h1", "Running Jobs"), running.length ? jobTable(running) : noRunning()];
};

/* ---- a job ---- */

// Red is who is at its limit, amber who waits for somebody else.
const pressure = vertex => vertex["back-pressured-ratio"] > 0.5 ? ".held" : vertex["busy-ratio"] > 0.8 ? ".busy" : "";

// The vertices in topological order with the ship strategy between neighbours; side inputs are named in the box.
const graph = (job, base) => {
  const nodes = new Map(job.plan.nodes.map(node => [node.id, node])), names = new Map(job.vertices.map(v => [v.id, v.name]));
  return h(".graph", job.vertices.flatMap((vertex, i) => {
    const inputs = (nodes.get(vertex.id) || {}).inputs || [], m = vertex.metrics;
    const straight = inputs.find(input => i > 0 && input.id === job.vertices[i - 1].id);
    const rows = [["Parallelism", vertex.parallelism], ["Records in", count(m["read-records"])], ["Records out", count(m["write-records"])],
      ["Bytes in", bytes(m["read-bytes"])], ["Bytes out", bytes(m["write-bytes"])],
      ["Busy", percent(vertex["busy-ratio"])], ["Backpressured", percent(vertex["back-pressured-ratio"])]];
    return [i > 0 ? h(".edge", h("span", straight ? straight.ship_strategy : ""), h("i", { "aria-hidden": "true" })) : null,
      h(`a.vertex.${vertex.status}${pressure(vertex)}`, { href: `${base}/overview/${vertex.id}` }, h("strong", breakable(vertex.name)),
        inputs.filter(input => input !== straight).map(input => h(".sub", `${input.ship_strategy} from ${names.get(input.id)}`)),
        h("dl", rows.map(([name, value]) => [h("dt", name), h("dd", value)])))];
  }));
};

const io = m => [number(count(m["read-records"])), number(count(m["write-records"])), number(bytes(m["read-bytes"])), number(bytes(m["write-bytes"]))];
const ioHeads = ["#Records In", "#Records Out", "#Bytes In", "#Bytes Out"];

const vertices = (job, base) => [graph(job, base), table(["Name", "Status", "#Parallelism", ...ioHeads, "Duration"], job.vertices.map(v => h("tr",
  h("td.name", link(`${base}/overview/${v.id}`, breakable(v.name))), h("td", state(v.status)), number(v.parallelism), io(v.metrics),
  h("td", span(v.duration)))))];

const vertexPage = async (jid, vid, base, said) => {
  const vertex = await get(`/jobs/${jid}/vertices/${vid}`);
  return [h("p", link(`${base}/overview`, "← Graph")), h("h2", breakable(vertex.name)), vertex.cause === said ? null : sentence(vertex.cause),
    h("p", link(`${base}/overview/${vid}/flamegraph`, "Flame graph"), ": where its time goes"),
    table(["#ID", "Status", "#Attempt", "Endpoint", ...ioHeads, "#Busy", "#Idle", "#Backpressured"], vertex.subtasks.map(s => h("tr",
      number(s.subtask), h("td", state(s.status), s["status-text"] ? h(".sub", s["status-text"]) : null,
        s.blocking ? h(".sub", "a user function blocks") : null), number(s.attempt + 1),
      h("td", s["taskmanager-id"] === "(unassigned)" ? s.endpoint : link(`#/task-manager/${encodeURIComponent(s["taskmanager-id"])}/metrics`, s.endpoint)),
      io(s.metrics), number(span(s.metrics["accumulated-busy-time"])), number(span(s.metrics["accumulated-idle-time"])),
      number(span(s.metrics["accumulated-backpressured-time"]))))),
    h("h2", "Operators of this task"), table(["Operator", ...ioHeads, "#Busy"], vertex.operators.map(o => h("tr",
      h("td.name", breakable(o.name)), number(count(o["records-in"])), number(count(o["records-out"])),
      number(bytes(o["bytes-in"])), number(bytes(o["bytes-out"])), number(span(o["busy-time"])))))];
};

/* ---- flame graph: callers above, as wide as their samples ---- */

const FLAME_SUBTASKS_MAX = 64;
const wide = (value, element) => { element.style.flex = `${value} 0 0px`; return element; }; // an attribute would be refused
const flameNode = (node, all) => {
  const share = node.value / all, own = node.value - node.children.reduce((sum, child) => sum + child.value, 0);
  return wide(node.value, h(`.flame.tint${[...node.name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 6, 0)}`,
    h("span", { title: `${node.name}: ${count(node.value)} samples, ${percent(share)}` }, node.name),
    node.children.length ? h(".flames", node.children.map(child => flameNode(child, all)), own > 0 ? wide(own, h("div")) : null) : null));
};
const flameText = { "-1": "The task has ended.", "-2": "Flame graphs are switched off (rest.flamegraph.enabled).", "-3": "Taking samples; this takes a few seconds …" };

const flamePage = async (jid, vid, base, type = "FULL", subtask = "all") => {
  const [vertex, graph] = await Promise.all([get(`/jobs/${jid}/vertices/${vid}`),
    get(`/jobs/${jid}/vertices/${vid}/flamegraph?type=${type}${subtask === "all" ? "" : `&subtaskindex=${subtask}`}`)]);
  const here = `${base}/overview/${vid}/flamegraph`, kinds = [["FULL", "Mixed"], ["ON_CPU", "On-CPU"], ["OFF_CPU", "Off-CPU"]];
  const subtasks = ["all", ...vertex.subtasks.slice(0, FLAME_SUBTASKS_MAX).map(s => s.subtask)];
  return [h("p", link(`${base}/overview/${vid}`, "← Subtasks")), h("h2", breakable(vertex.name)),
    h("p.choices", kinds.map(([kind, label]) => kind === type ? h("b", label) : link(`${here}/${kind}/${subtask}`, label))),
    vertex.parallelism > 1 ? h("p.choices", "Subtask", subtasks.map(s => String(s) === subtask ? h("b", s) : link(`${here}/${type}/${s}`, s))) : null,
    note(graph.note, "FAILED"), !graph.data ? h("p.empty", flameText[graph.endTimestamp])
      : graph.data.value === 0 ? h("p.empty", "No samples of this kind.")
        : [h("p.sub", `${count(graph.data.value)} samples of ${graph.subtasks} subtask${graph.subtasks === 1 ? "" : "s"}, until ${when(graph.endTimestamp)}`),
          h(".scroll", h(".flames.whole", flameNode(graph.data, graph.data.value)))]];
};

const outputTab = async jid => {
  const { output, offset } = await get(`/jobs/${jid}/output?from=0&max=1048576`);
  if (!output) return [h("p.empty", "The job has printed nothing. What print() writes is shown here, in log/*.out and by the attached client.")];
  return [offset > 0 ? note(`The first ${bytes(offset)} are kept only in the .out files.`) : null, h("pre", output)];
};

const exceptionsTab = async jid => {
  const { exceptionHistory } = await get(`/jobs/${jid}/exceptions`);
  if (!exceptionHistory.entries.length) return [h("p.empty", "No failures.")];
  return [exceptionHistory.entries.map(entry => h("p.note.bad",
    h("b", `${when(entry.timestamp)}  ${entry.taskName || "the whole job"}${entry.endpoint ? ` on ${entry.endpoint}` : ""}`), `\n${entry.stacktrace}`)),
  exceptionHistory.truncated ? h("p.sub", "Older ones are no longer kept.") : null];
};

const configurationTab = async jid => {
  const { "execution-config": execution } = await get(`/jobs/${jid}/config`);
  const rows = [["Restart strategy", execution["restart-strategy"]], ["Default parallelism", execution["job-parallelism"]], ...Object.entries(execution["user-config"])];
  return [table(["Key", "Value"], rows.map(([key, value]) => h("tr", h("td", key), h("td.name", String(value)))))];
};

const jobPage = async (jid, tab, vid, view, ...more) => {
  const job = await get(`/jobs/${jid}`), base = jobHref(job);
  const head = [h(".row", h("h1", job.name), state(job.state), ended(job) || !config.features["web-cancel"] ? null
    : h("button", { type: "button", onclick: () => cancel(jid) }, "Cancel Job")),
  h("p.sub", `${job.jid} · started ${when(job["start-time"])} · ${ended(job) ? `ended ${when(job["end-time"])} · ` : ""}${span(job.duration)}` +
    (job.restarts ? ` · ${job.restarts} restart${job.restarts > 1 ? "s" : ""}` : "")), note(job.note, job.state), sentence(job.bottleneck),
  tabs(base, tab, [["overview", "Overview"], ["output", "Output"], ["exceptions", "Exceptions"], ["configuration", "Configuration"]])];
  if (tab === "overview" && view === "flamegraph") return [...head, ...await flamePage(jid, vid, base, ...more)];
  if (tab === "overview" && vid) return [...head, ...await vertexPage(jid, vid, base, job.bottleneck)];
  if (tab === "output") return [...head, ...await outputTab(jid)];
  if (tab === "exceptions") return [...head, ...await exceptionsTab(jid)];
  if (tab === "configuration") return [...head, ...await configurationTab(jid)];
  return [...head, ...vertices(job, base)];
};

/* ---- the daemons ---- */

const fileTab = async (path, nothing) => {
  const content = await text(`${path}?tail=${LOG_TAIL_BYTES}`);
  if (!content) return [h("p.empty", nothing)];
  return [h("pre", content), h("p", link(`.${path}`, "The whole file as text"), content.length > LOG_TAIL_BYTES * 0.9 ? "; its end is shown here." : "")];
};

const noOutput = path => path === "/jobmanager"
  ? "Nothing is written to standard output. What print() of a job writes is in the Stdout of its Task Managers and in the Output of the job."
  : "Nothing is written to standard output so far. What print() of a job writes on this Task Manager comes here.";

const daemonTab = async (tab, file, base, path) => {
  if (tab === "logs") return fileTab(`${path}/log`, "The log is empty so far.");
  if (tab === "stdout") return fileTab(`${path}/stdout`, noOutput(path));
  if (tab === "log-list" && file) return [h("h2", file), ...await fileTab(`${path}/logs/${encodeURIComponent(file)}`, "The file is empty.")];
  if (tab === "log-list") {
    const { logs } = await get(`${path}/logs`);
    return [logs.length ? table(["Log Name", "#Size", "Last Modified"], logs.map(log => h("tr",
      h("td", link(`${base}/log-list/${encodeURIComponent(log.name)}`, log.name)), number(bytes(log.size)), h("td", when(log.mtime)))))
      : h("p.empty", "No log files; it writes to its terminal.")];
  }
  const { threadInfos } = await get(`${path}/thread-dump`);
  return [h("pre", threadInfos.map(thread => thread.stringifiedThreadInfo).join(""))];
};
const daemonTabs = [["logs", "Logs"], ["stdout", "Stdout"], ["log-list", "Log List"], ["thread-dump", "Thread Dump"]];

const taskManagers = async () => {
  const { taskmanagers } = await get("/taskmanagers");
  return [h("h1", "Task Managers"), taskmanagers.length
    ? table(["Path, ID", "#Data Port", "Last Heartbeat", "#All Slots", "#Free Slots", "#CPU Cores", "#Physical MEM", "#Network MEM"], taskmanagers.map(t => h("tr",
      h("td.name", link(`#/task-manager/${encodeURIComponent(t.id)}/metrics`, t.id)), number(t.dataPort), h("td", when(t.timeSinceLastHeartbeat)),
      number(t.slotsNumber), number(t.freeSlots), number(t.hardware.cpuCores), number(bytes(t.hardware.physicalMemory)),
      number(bytes(t.memoryConfiguration.networkMemory)))))
    : noTaskManagers()];
};

const taskManager = async (id, tab = "metrics", file) => {
  const base = `#/task-manager/${encodeURIComponent(id)}`, path = `/taskmanagers/${encodeURIComponent(id)}`;
  const head = [h("h1", id), tabs(base, tab, [["metrics", "Metrics"], ...daemonTabs])];
  if (tab !== "metrics") return [...head, ...await daemonTab(tab, file, base, path)];
  const [t, { jobs }] = await Promise.all([get(path), get("/jobs/overview")]);
  const used = new Map(t.allocatedSlots.map(slot => [slot.index, slot.jobId])), named = new Map(jobs.map(job => [job.jid, job]));
  const job = jid => named.has(jid) ? link(`${jobHref(named.get(jid))}/overview`, named.get(jid).name) : jid;
  const m = t.metrics;
  return [...head, h(".cards", card(`${t.freeSlots} / ${t.slotsNumber}`, "Free Slots"), card(bytes(m.heapUsed), "Memory in Use"),
    card(`${count(m.nettyShuffleMemorySegmentsUsed)} / ${count(m.nettyShuffleMemorySegmentsTotal)}`, "Network Segments in Use")),
    h("h2", "Slots"), table(["Slot", "Job"], Array.from({ length: t.slotsNumber }, (_, i) => h("tr", h("td", i),
      h("td.name", used.has(i) ? [job(used.get(i)), h(".sub", used.get(i))] : "free"))))];
};

const jobManager = async (tab = "metrics", file) => {
  const base = "#/job-manager";
  const head = [h("h1", "Job Manager"), tabs(base, tab, [["metrics", "Metrics"], ["config", "Configuration"], ...daemonTabs])];
  if (tab === "config") {
    const settings = await get("/jobmanager/config");
    return [...head, settings.length ? table(["Key", "Value", "From"], settings.map(c => h("tr", h("td", c.key), h("td.name", c.value), h("td.name", c.origin))))
      : h("p.empty", "Every setting has its default.")];
  }
  if (tab !== "metrics") return [...head, ...await daemonTab(tab, file, base, "/jobmanager")];
  const names = ["numRegisteredTaskManagers", "taskSlotsTotal", "taskSlotsAvailable", "numRunningJobs", "Status.JVM.Memory.Heap.Used"];
  const metrics = new Map((await get(`/jobmanager/metrics?get=${names.join(",")}`)).map(metric => [metric.id, Number(metric.value)]));
  return [...head, h(".cards", card(metrics.get(names[0]), "Task Managers"), card(`${metrics.get(names[2])} / ${metrics.get(names[1])}`, "Free Slots"),
    card(metrics.get(names[3]), "Running Jobs"), card(bytes(metrics.get(names[4])), "Memory in Use"))];
};

/* ---- drawing ---- */

const route = () => {
  const [room, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (room === "job" && rest[1]) return jobPage(rest[1], rest[2] || "overview", ...rest.slice(3));
  if (room === "job") return jobList(rest[0]);
  if (room === "task-manager") return rest[0] ? taskManager(...rest) : taskManagers();
  if (room === "job-manager") return jobManager(...rest);
  return overview();
};

// Redrawing must not take away what somebody selects, reads or has focused.
const selecting = () => {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && page.contains(selection.anchorNode);
};
const replace = (next, samePage) => {
  const scroll = samePage ? [...page.querySelectorAll("pre, .scroll, .graph")].map(box =>
    [box.scrollLeft, box.scrollTop, box.scrollTop + box.clientHeight >= box.scrollHeight - 4]) : [];
  const focused = page.contains(document.activeElement) ? document.activeElement.getAttribute("href") || document.activeElement.tagName : null;
  page.replaceChildren(...next.childNodes);
  page.querySelectorAll("pre, .scroll, .graph").forEach((box, i) => {
    const [left, top, atEnd] = scroll[i] || [0, 0, true];
    box.scrollLeft = left;
    box.scrollTop = box.tagName === "PRE" && atEnd ? box.scrollHeight : top;
  });
  if (focused) {
    const again = [...page.querySelectorAll("a, button")].find(element => (element.getAttribute("href") || element.tagName) === focused);
    if (again) again.focus({ preventScroll: true });
  }
};

const markHere = () => {
  const here = location.hash || "#/overview";
  for (const entry of document.querySelectorAll("header nav a")) {
    if (here === entry.hash || here.startsWith(`${entry.hash}/`)) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
};

const draw = async () => {
  const mine = ++drawing, address = location.hash;
  let parts;
  clearTimeout(timer);
  markHere();
  try {
    parts = await route();
    health.textContent = "";
  } catch (failure) {
    if (failure instanceof TypeError) health.textContent = "The JobManager does not answer; trying again …";
    else parts = [h("p.note.bad", failure.message)];
  }
  if (mine !== drawing) return; // another page was asked for meanwhile
  if (parts) {
    const next = h("div", parts.flat());
    if (address !== shown || (next.innerHTML !== page.innerHTML && !selecting())) replace(next, address === shown);
    shown = address;
  }
  if (!document.hidden) timer = setTimeout(draw, Math.min(config["refresh-interval"], 3000));
};

addEventListener("hashchange", () => { draw(); scrollTo(0, 0); });
document.addEventListener("visibilitychange", draw);
get("/config").then(answer => {
  config = answer;
  document.getElementById("version").textContent = `Flink ${config["flink-version"]}`;
}).catch(() => {}).finally(draw);
