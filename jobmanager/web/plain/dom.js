// SPDX-License-Identifier: Apache-2.0
// dom.js - elements, tables and formats. Text from outside reaches the page only as text nodes.

// h("td.number", {title: "…"}, child, …): an element; strings and numbers become text nodes, null nothing.
export const h = (selector, ...rest) => {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  classes.forEach(name => element.classList.add(name));
  if (rest[0] && rest[0].constructor === Object) {
    for (const [key, value] of Object.entries(rest.shift())) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value);
    }
  }
  element.append(...rest.flat(2).filter(child => child !== null && child !== undefined && child !== false));
  return element;
};

export const link = (href, ...children) => h("a", { href }, ...children);
export const number = value => h("td.number", value);

// heads: "#Name" is a column of numbers. On a narrow screen each row becomes a block; then every cell shows the
// name of its column, which is why it carries it.
export const table = (heads, rows) => {
  const names = heads.map(head => head.replace("#", ""));
  for (const row of rows) [...row.children].forEach((cell, i) => cell.setAttribute("data-label", names[i]));
  return h(".scroll", h("table",
    h("thead", h("tr", heads.map((head, i) => h(head.startsWith("#") ? "th.number" : "th", { scope: "col" }, names[i])))),
    h("tbody", rows)));
};

export const tabs = (base, here, names) => h("nav.tabs", { "aria-label": "Tabs" }, names.map(([key, label]) =>
  h("a", key === here ? { href: `${base}/${key}`, "aria-current": "page" } : { href: `${base}/${key}` }, label)));

// A long name may break where a new word begins: TumblingProcessing|TimeWindows.
// The arrow between two operators never does.
const words = name => name.split(/(?<=[a-z])(?=[A-Z])|(?<=[.:/_-])(?=\w)/).flatMap((part, i) => i > 0 ? [h("wbr"), part] : [part]);
export const breakable = name => name.split(/(->)/).flatMap(part => part === "->" ? [h("span.whole", part)] : words(part));

export const state = name => h(`span.state.${name}`, name);
export const note = (text, of) => text ? h(/^FAIL/.test(of || "") ? "p.note.bad" : "p.note", text) : null;
// "`Sum` is busy 98 %: it holds back `Map`": names as code; in a box only if somebody is held back.
export const sentence = text => text ? h(/ (holds|held) back /.test(text) ? "p.note" : "p.sub",
  text.split("`").map((part, i) => i % 2 ? h("code", part) : part)) : null;
export const percent = share => `${Math.min(100, Math.round(share * 100))} %`;
export const count = n => Number(n).toLocaleString("en-US");

export const bytes = n => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
  return `${unit ? n.toFixed(n < 10 ? 2 : 1) : n} ${units[unit]}`;
};

export const when = ms => {
  if (!(ms > 0)) return "–";
  const at = new Date(ms), two = n => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};

export const span = ms => {
  if (ms < 0) return "–";
  if (ms < 1000) return `${ms} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${(ms / 1000).toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  return s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} m` : `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
};
