// The queue: the tasks of everybody, newest first, page by page.

import { page } from "./api.js";
import { clock, element, word } from "./view.js";

const PAUSE = 3000; // ms between two looks at the first page
const at = (id) => document.getElementById(id);

let way = [null]; // cursors from the first page to the one that is shown
let next = null;
let looking = new AbortController();
let timer;

export function showQueue() {
  at("queue-status").addEventListener("change", () => turn([null]));
  at("queue-older").addEventListener("click", () => next && turn([...way, next]));
  at("queue-newer").addEventListener("click", () => way.length > 1 && turn(way.slice(0, -1)));
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  refresh();
}

// What is new shows on the first page; the others stay as they are while somebody reads them.
export function refresh() {
  if (way.length === 1) look();
}

function turn(cursors) {
  way = cursors;
  look(`Page ${way.length}.`);
}

async function look(news = "") {
  clearTimeout(timer);
  looking.abort();
  const mine = (looking = new AbortController());
  try {
    const found = await page(at("queue-status").value, way.at(-1), mine.signal);
    if (mine !== looking) return;
    next = found.next_cursor;
    list(found.tasks);
    say(found.tasks.length ? news : "No tasks.");
  } catch (error) {
    if (mine !== looking) return;
    say(`${error.title}. ${error.message}`);
  }
  if (!document.hidden) timer = setTimeout(refresh, PAUSE);
}

function list(tasks) {
  const focused = document.activeElement?.getAttribute("href");
  at("queue-list").replaceChildren(...tasks.map(row));
  for (const link of at("queue-list").querySelectorAll("a")) {
    if (link.getAttribute("href") === focused) link.focus({ preventScroll: true });
  }
  // Not `disabled`: that would take the focus away from who uses the keyboard.
  at("queue-newer").setAttribute("aria-disabled", String(way.length === 1));
  at("queue-older").setAttribute("aria-disabled", String(next === null));
}

function row(task) {
  const href = `#task=${encodeURIComponent(task.task_id)}`;
  const link = element("a", { href, title: task.task_id }, String(task.task_id).slice(0, 8));
  const time = element("time", { datetime: task.submitted_at }, clock(task.submitted_at));
  const status = element("span", { class: `badge ${task.status}` }, word(task.status));
  return element("li", {}, link, " ", time, " ", status);
}

// A live region speaks when it changes, so it is only changed when there is news.
function say(text) {
  if (at("queue-note").textContent !== text) at("queue-note").textContent = text;
}
