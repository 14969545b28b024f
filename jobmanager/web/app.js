// SPDX-License-Identifier: Apache-2.0
// app.js - the dashboard's first page: reads Flink's REST API, draws it, and changes nothing but by "Cancel".
// Text from outside reaches the page only as text nodes. A later issue replaces this by the full dashboard.

const page = document.getElementById("page");
const health = document.getElementById("health");
let refreshMs = 2000, timer = 0, drawing = 0;

const get = async (path, text = false) => {
  const answer = await fetch("." + path, { cache: "no-store" });
  const body = text ? await answer.text() : await answer.json().catch(() => ({}));
  if (!answer.ok) {
    let message = `${answer.status} for ${path}`;
    try { message = (text ? JSON.parse(body) : body).errors[0]; } catch { /* no error object: the status says it */ }
    throw new Error(message.replace(/^[\w.]+Exception: /, ""));
  }
  return body;
};

// h("td.number", {title: "…"}, child, …): an element; strings and numbers become text nodes.
const h = (selector, ...rest) => {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  classes.forEach(name => element.classList.add(name));
  if (rest[0] && rest[0].constructor === Object) {
    for (const [key, value] of Object.entries(rest.shift())) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value);
    }
  }
  element.append(...rest.flat().filter(child => child !== null && child !== undefined));
  return element;
};

const count = n => Number(n).toLocaleString("en-US");
const bytes = n => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
  return `${unit ? n.toFixed(n < 10 ? 2 : 1) : n} ${units[unit]}`;
};
const when = ms => ms > 0 ? new Date(ms).toLocaleString() : "–";
const span = ms => {
  if (ms < 0) return "–";
  if (ms < 1000) return `${ms} ms`;
  const s = Math.floor(ms / 1000);
  return s < 60 ? `${(ms / 1000).toFixed(1)} s` : s < 3600 ? `${Math.floor(s / 60)} m ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} m`;
};
const state = name => h(`span.state.${name}`, name);
const note = text => text ? h("p.note", text) : null;
const table = (heads, rows) => h(".scroll", h("table",
  h("thead", h("tr", heads.map(head => h(head.startsWith("#") ? "th.number" : "th", head.replace("#", ""))))),
  h("tbody", rows)));
const number = value => h("td.number", value);

const card = (value, label) => h(".card", h("b", String(value)), h("span", label));

const jobRows = jobs => jobs.map(job => h("tr",
  h("td.name", h("a", { href: `#/job/${job.jid}` }, job.name), job.note ? h("div.sub", job.note) : null),
  h("td", when(job["start-time"])), h("td", span(job.duration)), h("td", when(job["end-time"])),
  number(`${job.tasks.running + job.tasks.finished} / ${job.tasks.total}`), h("td", state(job.state))));
const jobHeads = ["Name", "Start", "Duration", "End", "#Tasks", "State"];
const ended = job => ["FINISHED", "FAILED", "CANCELED"].includes(job.state);

const overview = async () => {
  const [all, { jobs }] = await Promise.all([get("/overview"), get("/jobs/overview")]);
  const running = jobs.filter(job => !ended(job)), completed = jobs.filter(ended).reverse();
  return [h("h1", "Overview"), h(".cards",
    card(all["slots-available"], "Available Task Slots"), card(all["slots-total"], "Total Task Slots"),
    card(all.taskmanagers, "Task Managers"), card(all["jobs-running"], "Running Jobs"),
    card(all["jobs-finished"], "Finished"), card(all["jobs-cancelled"], "Canceled"), card(all["jobs-failed"], "Failed")),
    all.taskmanagers === 0 ? note("No TaskManager is registered. Start one: ./bin/taskmanager.sh start") : null,
    h("h2", "Running Jobs"), running.length ? table(jobHeads, jobRows(running))
      : h("p.empty", "No running jobs. Try: ", h("code", "./bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000")),
    h("h2", "Completed Jobs"), completed.length ? table(jobHeads, jobRows(completed)) : h("p.empty", "None yet.")];
};

const jobs = async () => {
  const all = (await get("/jobs/overview")).jobs.slice().reverse();
  return [h("h1", "Jobs"), all.length ? table(jobHeads, jobRows(all)) : h("p.empty", "No job was submitted yet.")];
};

// The vertices in topological order with the ship strategy between neighbours; side inputs are named in the box.
const graph = job => {
  const node = new Map(job.plan.nodes.map(n => [n.id, n]));
  const names = new Map(job.vertices.map(v => [v.id, v.name]));
  return h(".graph", job.vertices.flatMap((vertex, i) => {
    const inputs = (node.get(vertex.id) || {}).inputs || [], m = vertex.metrics;
    const straight = inputs.find(input => i > 0 && input.id === job.vertices[i - 1].id);
    const others = inputs.filter(input => input !== straight);
    return [i > 0 ? h(".edge", straight ? straight.ship_strategy : "") : null,
      h(`a.vertex.${vertex.status}`, { href: `#/job/${job.jid}/vertex/${vertex.id}` },
        h("strong", vertex.name), others.map(input => h("div.sub", `${input.ship_strategy} from ${names.get(input.id)}`)),
        h("dl", h("dt", "Parallelism"), h("dd", vertex.parallelism), h("dt", "Records in"), h("dd", count(m["read-records"])),
          h("dt", "Records out"), h("dd", count(m["write-records"])), h("dt", "Bytes in"), h("dd", bytes(m["read-bytes"])),
          h("dt", "Bytes out"), h("dd", bytes(m["write-bytes"]))))];
  }));
};

const cancel = async jid => {
  if (!window.confirm("Cancel this job?")) return;
  await fetch(`./jobs/${jid}?mode=cancel`, { method: "PATCH" });
  draw();
};

const tabs = (base, here, names) => h(".tabs", names.map(([key, label]) =>
  h(key === here ? "a.here" : "a", { href: `${base}${key ? "/" + key : ""}` }, label)));

const jobPage = async (jid, tab = "", vid) => {
  const job = await get(`/jobs/${jid}`);
  const head = [h(".row", h("h1", job.name), state(job.state), ended(job) ? h("span")
    : h("button", { onclick: () => cancel(jid) }, "Cancel")),
    h("p.sub", `${job.jid} · started ${when(job["start-time"])} · ${span(job.duration)}` +
      (job.restarts ? ` · ${job.restarts} restarts` : "")), note(job.note),
    tabs(`#/job/${jid}`, tab, [["", "Graph"], ["output", "Output"], ["exceptions", "Exceptions"], ["configuration", "Configuration"]])];
  if (tab === "output") {
    const out = await get(`/jobs/${jid}/output?from=0&max=1048576`);
    return [...head, out.output ? h("pre", out.output) : h("p.empty", "The job has printed nothing (print() writes here, to log/*.out and to the attached client).")];
  }
  if (tab === "exceptions") {
    const { exceptionHistory } = await get(`/jobs/${jid}/exceptions`);
    return [...head, exceptionHistory.entries.length ? exceptionHistory.entries.map(entry =>
      h("p.note.bad", `${when(entry.timestamp)}  ${entry.taskName || "job"}\n${entry.stacktrace}`)) : h("p.empty", "No failures.")];
  }
  if (tab === "configuration") {
    const config = await get(`/jobs/${jid}/config`), execution = config["execution-config"];
    const rows = [["restart strategy", execution["restart-strategy"]], ["parallelism", execution["job-parallelism"]],
      ...Object.entries(execution["user-config"])];
    return [...head, table(["Key", "Value"], rows.map(([key, value]) => h("tr", h("td", key), h("td.name", String(value)))))];
  }
  if (vid) {
    const vertex = await get(`/jobs/${jid}/vertices/${vid}`);
    const rows = vertex.subtasks.map(s => h("tr", number(s.subtask), h("td", state(s.status)), number(s.attempt + 1),
      h("td", h("a", { href: `#/task-manager/${encodeURIComponent(s["taskmanager-id"])}` }, s.endpoint)),
      number(count(s.metrics["read-records"])), number(count(s.metrics["write-records"])), number(bytes(s.metrics["read-bytes"])),
      number(bytes(s.metrics["write-bytes"])), number(span(s.metrics["accumulated-busy-time"])),
      number(span(s.metrics["accumulated-idle-time"])), number(span(s.metrics["accumulated-backpressured-time"])),
      h("td", s["status-text"] + (s.blocking ? " (a user function blocks)" : ""))));
    return [...head.slice(0, 3), h("p", h("a", { href: `#/job/${jid}` }, "← Graph")), h("h2", vertex.name),
      table(["#Subtask", "State", "#Attempt", "TaskManager", "#Records in", "#Records out", "#Bytes in", "#Bytes out", "#Busy", "#Idle", "#Back-pressured", "Status"], rows),
      h("h2", "Operators in this task"), table(["Operator", "#Records in", "#Records out"], vertex.operators.map(o =>
        h("tr", h("td.name", o.name), number(count(o["records-in"])), number(count(o["records-out"])))))];
  }
  const rows = job.vertices.map(v => h("tr", h("td.name", h("a", { href: `#/job/${jid}/vertex/${v.id}` }, v.name)), h("td", state(v.status)),
    number(v.parallelism), number(count(v.metrics["read-records"])), number(count(v.metrics["write-records"])),
    number(bytes(v.metrics["read-bytes"])), number(bytes(v.metrics["write-bytes"])), h("td", span(v.duration))));
  return [...head, graph(job), table(["Task", "State", "#Parallelism", "#Records in", "#Records out", "#Bytes in", "#Bytes out", "Duration"], rows)];
};

const files = (base, list) => list.length ? table(["File", "#Size", "Changed"], list.map(f => h("tr",
  h("td", h("a", { href: `${base}/logs/${encodeURIComponent(f.name)}` }, f.name)), number(bytes(f.size)), h("td", when(f.mtime)))))
  : h("p.empty", "No log files.");
const textTab = async path => {
  const text = await get(path, true);
  return text ? h("pre", text) : h("p.empty", "Empty so far.");
};

const taskManagers = async () => {
  const list = (await get("/taskmanagers")).taskmanagers;
  return [h("h1", "Task Managers"), list.length ? table(["Id", "#Slots", "#Free", "#Cores", "#Network memory", "Last heartbeat"],
    list.map(t => h("tr", h("td", h("a", { href: `#/task-manager/${encodeURIComponent(t.id)}` }, t.id)), number(t.slotsNumber),
      number(t.freeSlots), number(t.hardware.cpuCores), number(bytes(t.memoryConfiguration.networkMemory)), h("td", when(t.timeSinceLastHeartbeat)))))
    : h("p.empty", "None is registered. Start one: ", h("code", "./bin/taskmanager.sh start"))];
};

const taskManager = async (id, tab = "", file) => {
  const base = `#/task-manager/${encodeURIComponent(id)}`, path = `/taskmanagers/${encodeURIComponent(id)}`;
  const head = [h("h1", id), tabs(base, tab, [["", "Slots"], ["log", "Log"], ["stdout", "Stdout"], ["logs", "Log List"]])];
  if (tab === "log" || tab === "stdout") return [...head, await textTab(`${path}/${tab}`)];
  if (tab === "logs" && file) return [...head, h("h2", file), await textTab(`${path}/logs/${encodeURIComponent(file)}`)];
  if (tab === "logs") return [...head, files(base, (await get(`${path}/logs`)).logs)];
  const t = await get(path), used = new Map(t.allocatedSlots.map(s => [s.index, s.jobId]));
  return [...head, h(".cards", card(`${t.freeSlots} / ${t.slotsNumber}`, "Free Slots"), card(bytes(t.metrics.heapUsed), "Resident memory"),
    card(`${t.metrics.nettyShuffleMemorySegmentsUsed} / ${t.metrics.nettyShuffleMemorySegmentsTotal}`, "Network segments in use")),
    h("h2", "Slots"), table(["#Slot", "Job"], Array.from({ length: t.slotsNumber }, (_, i) => h("tr", number(i),
      h("td", used.has(i) ? h("a", { href: `#/job/${used.get(i)}` }, used.get(i)) : "free"))))];
};

const jobManager = async (tab = "", file) => {
  const head = [h("h1", "Job Manager"), tabs("#/job-manager", tab, [["", "Configuration"], ["log", "Log"], ["stdout", "Stdout"], ["logs", "Log List"]])];
  if (tab === "log" || tab === "stdout") return [...head, await textTab(`/jobmanager/${tab}`)];
  if (tab === "logs" && file) return [...head, h("h2", file), await textTab(`/jobmanager/logs/${encodeURIComponent(file)}`)];
  if (tab === "logs") return [...head, files("#/job-manager", (await get("/jobmanager/logs")).logs)];
  return [...head, table(["Key", "Value", "From"], (await get("/jobmanager/config")).map(c =>
    h("tr", h("td", c.key), h("td.name", c.value), h("td", c.origin))))];
};

const route = () => {
  const [room, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (room === "jobs") return jobs();
  if (room === "job" && rest[1] === "vertex") return jobPage(rest[0], "", rest[2]);
  if (room === "job") return jobPage(rest[0], rest[1]);
  if (room === "task-manager" && rest[0]) return taskManager(...rest);
  if (room === "task-manager") return taskManagers();
  if (room === "job-manager") return jobManager(...rest);
  return overview();
};

const draw = async () => {
  const mine = ++drawing;
  clearTimeout(timer);
  for (const link of document.querySelectorAll("nav a"))
    link.classList.toggle("here", (location.hash || "#/overview").startsWith(link.getAttribute("href")) ||
      (link.hash === "#/jobs" && location.hash.startsWith("#/job/")));
  try {
    const parts = await route();
    if (mine !== drawing) return; // another page was asked for meanwhile
    const scroll = [...page.querySelectorAll("pre")].map(pre => [pre.scrollTop, pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4]);
    page.replaceChildren(...parts.flat().filter(Boolean));
    page.querySelectorAll("pre").forEach((pre, i) => { pre.scrollTop = !scroll[i] || scroll[i][1] ? pre.scrollHeight : scroll[i][0]; });
    health.textContent = "";
  } catch (failure) {
    if (mine !== drawing) return;
    if (failure instanceof TypeError) health.textContent = "The JobManager does not answer; trying again …";
    else page.replaceChildren(h("p.note.bad", failure.message));
  }
  if (!document.hidden) timer = setTimeout(draw, refreshMs);
};

addEventListener("hashchange", draw);
document.addEventListener("visibilitychange", draw);
get("/config").then(config => {
  refreshMs = Math.min(config["refresh-interval"], 2000);
  document.getElementById("version").textContent = `Flink ${config["flink-version"]}`;
}).catch(() => {}).finally(draw);
