// What a task looks like. Text from the API only ever becomes text nodes.

const SHOWN = 32; // outcomes in the chart; the rest is in the JSON
const SHOWN_BITS = 64; // of one outcome
export const FINAL = new Set(["completed", "failed"]);

const WORDS = { pending: "Waiting", processing: "Running", completed: "Completed", failed: "Failed" };

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function word(status) {
  return WORDS[status] ?? String(status);
}

// One sentence for the live region.
export function sentence(task) {
  if (task.status === "pending") {
    return attempts(task) ? "Waiting for the next attempt…" : "Waiting for a worker…";
  }
  if (task.status === "processing") {
    const count = attempts(task);
    return count > 1 ? `Running, attempt ${count}…` : "Running…";
  }
  const took = seconds(task.submitted_at, task.completed_at);
  return task.status === "completed" ? `Completed after ${took}.` : `Failed after ${took}.`;
}

function attempts(task) {
  return task.status_history.filter((entry) => entry.status === "processing").length;
}

export function steps(task) {
  const last = task.status === "failed" ? "failed" : "completed";
  const way = ["pending", "processing", last];
  const at = way.indexOf(task.status);
  return way.map((status, number) => {
    const done = number < at || FINAL.has(task.status);
    const item = element("li", { class: `${status} ${done ? "done" : ""}` }, word(status));
    if (number === at) item.setAttribute("aria-current", "step");
    return item;
  });
}

export function history(task) {
  return task.status_history.map((entry) => {
    const when = element("time", { datetime: entry.transitioned_at }, clock(entry.transitioned_at));
    const row = element("li", {}, element("strong", {}, word(entry.status)), " ", when);
    if (entry.notes) row.append(element("span", { class: "notes" }, entry.notes));
    return row;
  });
}

export function outcome(task) {
  if (task.status === "failed") {
    const reason = element("pre", { class: "reason" }, task.error_message ?? "No reason was given.");
    return [element("h3", {}, "Why it failed"), reason];
  }
  return task.result === null ? [] : chart(task.result);
}

// Bars in a table: a chart for the eye, and the same figures for who cannot see it.
function chart(counts) {
  const all = Object.entries(counts);
  const total = all.reduce((sum, [, count]) => sum + count, 0);
  const most = all.reduce((top, [, count]) => Math.max(top, count), 0);
  const crowded = all.length > SHOWN;
  all.sort(crowded ? (a, b) => b[1] - a[1] : (a, b) => (a[0] < b[0] ? -1 : 1));
  const rows = all.slice(0, SHOWN).map(([bits, count]) => bar(bits, count, total, most));
  const head = ["Outcome", "Count", "Share"].map((text) => element("th", { scope: "col" }, text));
  const table = element(
    "table",
    { class: "chart" },
    element("caption", {}, `Counts of ${number(total)} shots`),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  if (!crowded) return [table];
  const more = `The ${SHOWN} most frequent of ${number(all.length)} outcomes.`;
  return [table, element("p", { class: "hint" }, more)];
}

function bar(bits, count, total, most) {
  const share = `${((100 * count) / total).toFixed(1)} %`;
  const shown = bits.length > SHOWN_BITS ? `${bits.slice(0, SHOWN_BITS)}…` : bits;
  const line = element("div", { class: "bar", "aria-hidden": "true" });
  line.style.inlineSize = `${(100 * count) / most}%`; // through the object model: CSP allows it
  const track = element("div", { class: "track", "aria-hidden": "true" }, line);
  return element(
    "tr",
    {},
    element("th", { scope: "row", title: bits.slice(0, 4096) }, element("code", {}, shown)),
    element("td", { class: "count" }, number(count)),
    element("td", {}, element("div", { class: "scale" }, track, element("span", {}, share))),
  );
}

function number(value) {
  return value.toLocaleString("en");
}

function seconds(from, to) {
  const took = Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
  return took < 10 ? `${took.toFixed(2)} s` : `${took.toFixed(0)} s`;
}

export function clock(text) {
  const two = "2-digit";
  const parts = { hour: two, minute: two, second: two, fractionalSecondDigits: 3 };
  return new Date(text).toLocaleTimeString("en-GB", parts);
}
