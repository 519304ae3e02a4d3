// The page: a form that submits, and a region that watches one task.

import { find, health, newKey, submit } from "./api.js";
import { refresh, showQueue } from "./queue.js";
import { FINAL, clock, element, history, outcome, sentence, steps, word } from "./view.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FIRST_PAUSE = 50; // ms between two looks; grows by half up to
const LAST_PAUSE = 1000;
const HEALTH_PAUSE = 30_000;
const REMEMBERED = 10; // tasks in the list
const STORE = "quantum-queue.recent";

const at = (id) => document.getElementById(id);
const circuit = at("circuit");
const shots = at("shots");

// -- examples -----------------------------------------------------------------------------------

let own = ""; // what was typed; choosing an example does not lose it

async function offerExamples() {
  let examples = [];
  try {
    examples = await (await fetch("static/examples.json")).json();
  } catch {
    return; // one can still type
  }
  const select = at("example");
  const choose = () => {
    const example = examples[select.value];
    circuit.value = example ? example.circuit : own;
    at("example-about").textContent = example ? example.about : "";
    clearTrouble();
  };
  select.append(...examples.map(({ name }, index) => element("option", { value: index }, name)));
  select.addEventListener("change", choose);
  circuit.addEventListener("input", () => {
    own = circuit.value;
    select.value = "own";
    at("example-about").textContent = "";
  });
  if (circuit.value === "") {
    select.value = "0";
    choose();
  }
}

// -- submitting ---------------------------------------------------------------------------------

let busy = false;
let pending = { body: "", key: "" }; // a repetition of an unanswered submission keeps its key

async function run(event) {
  event.preventDefault();
  if (busy || !valid()) return;
  const body = JSON.stringify([circuit.value, shots.value]);
  if (pending.body !== body) pending = { body, key: newKey() };
  setBusy(true);
  clearTrouble();
  const text = circuit.value;
  try {
    const receipt = await submit(text, Number(shots.value), pending.key);
    pending = { body: "", key: "" };
    remember(receipt, at("example").selectedOptions[0].textContent);
    watch(receipt.task_id, text);
    location.hash = `task=${receipt.task_id}`;
  } catch (error) {
    showTrouble(error);
  } finally {
    setBusy(false);
  }
}

function valid() {
  const count = Number(shots.value);
  const wrongShots = !Number.isInteger(count) || count < 1 || count > 100_000;
  flaw(shots, wrongShots ? "Give a whole number from 1 to 100,000." : "");
  flaw(circuit, circuit.value.trim() ? "" : "Write a program, or choose an example.");
  document.querySelector("[aria-invalid]")?.focus();
  return !document.querySelector("[aria-invalid]");
}

function flaw(field, text) {
  const place = at(`${field.id}-error`);
  place.textContent = text;
  place.hidden = !text;
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

function setBusy(value) {
  busy = value;
  // Not `disabled`: that would take the focus away from who uses the keyboard.
  at("run").setAttribute("aria-disabled", String(value));
  at("run").textContent = value ? "Submitting…" : "Run circuit";
}

function clearTrouble() {
  at("trouble").replaceChildren();
  flaw(circuit, "");
  flaw(shots, "");
}

function showTrouble(error) {
  const trouble = at("trouble");
  trouble.replaceChildren(
    element("strong", {}, error.title ?? "Something went wrong in this page"),
    element("p", {}, error.message),
  );
  if (error.passes) trouble.append(element("p", {}, "Run it again: it will not be stored twice."));
  if (error.correlationId) {
    trouble.append(element("p", { class: "hint" }, `Correlation id ${error.correlationId}`));
  }
}

// -- watching -----------------------------------------------------------------------------------

let watching = { id: "", text: null, end: new AbortController() };

// `text` is the program of the task, where this page knows it.
async function watch(id, text = null) {
  if (id === watching.id) return;
  watching.end.abort();
  const mine = { id, text, end: new AbortController() };
  watching = mine;
  reset();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LAST_PAUSE)) {
    try {
      const task = await find(id, mine.end.signal);
      if (mine !== watching) return;
      notice("");
      show(task, mine.text);
      if (FINAL.has(task.status)) return;
    } catch (error) {
      if (mine !== watching) return;
      if (!error.passes) {
        watching = { id: "", text: null, end: new AbortController() };
        say(`${error.title}: ${error.message}`);
        return;
      }
      notice(`${error.title}. ${error.message} Trying again…`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (mine !== watching) return;
  }
}

function reset() {
  for (const id of ["steps", "history", "outcome"]) at(id).replaceChildren();
  at("steps").hidden = at("details").hidden = true;
  notice("");
  say("Looking the task up…");
  at("task").classList.add("watched"); // makes room, so that it can come to the top
  const { top, bottom } = at("task").getBoundingClientRect();
  if (top > window.innerHeight / 3 || bottom < 0) at("task").scrollIntoView();
}

function show(task, text) {
  say(sentence(task));
  at("state").className = `state ${FINAL.has(task.status) ? task.status : ""}`;
  at("steps").replaceChildren(...steps(task));
  at("history").replaceChildren(...history(task));
  at("outcome").replaceChildren(...outcome(task));
  if (task.status === "failed" && text !== null) offerToShowTheLine(task.error_message, text);
  at("task-link").textContent = task.task_id;
  at("task-link").href = `tasks/${encodeURIComponent(task.task_id)}`;
  at("steps").hidden = at("details").hidden = false;
  mark(task);
}

// A live region speaks when it changes, so it is only changed when there is news.
function say(text) {
  if (at("state").textContent !== text) at("state").textContent = text;
}

function notice(text) {
  const place = at("watch-trouble");
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

function offerToShowTheLine(message, text) {
  const line = Number(/\bline (\d+)/.exec(message ?? "")?.[1]);
  if (!line || line > text.split("\n").length) return;
  const button = element("button", { type: "button", class: "quiet" }, `Show line ${line}`);
  button.addEventListener("click", () => {
    if (circuit.value !== text) {
      circuit.value = text;
      circuit.dispatchEvent(new Event("input"));
    }
    const start = text.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    circuit.focus();
    circuit.setSelectionRange(start, start + text.split("\n")[line - 1].length);
  });
  at("outcome").append(button);
}

// -- the tasks of this tab ----------------------------------------------------------------------

let recent = [];

function recall() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORE) ?? "[]");
    recent = stored.filter((one) => UUID.test(one?.id)).slice(0, REMEMBERED);
  } catch {
    recent = []; // storage is switched off, or holds something else
  }
  list();
}

function remember(receipt, label) {
  const entry = { id: receipt.task_id, at: receipt.submitted_at, label, status: "pending" };
  recent = [entry, ...recent.filter(({ id }) => id !== entry.id)].slice(0, REMEMBERED);
  store();
}

function mark(task) {
  const entry = recent.find(({ id }) => id === task.task_id);
  if (!entry || entry.status === task.status) return;
  entry.status = task.status;
  store();
  refresh();
}

function store() {
  try {
    sessionStorage.setItem(STORE, JSON.stringify(recent));
  } catch {
    // It is only a convenience.
  }
  list();
}

function list() {
  const rows = recent.map((entry) => {
    const link = element("a", { href: `#task=${entry.id}` }, String(entry.label));
    const status = element("span", { class: `badge ${entry.status}` }, word(entry.status));
    return element("li", {}, link, " ", element("time", {}, clock(entry.at)), " ", status);
  });
  at("recent-list").replaceChildren(...rows);
  at("recent").hidden = rows.length === 0;
}

// -- health -------------------------------------------------------------------------------------

async function lookAtHealth() {
  const place = at("health");
  try {
    const { status, detail } = await health();
    place.textContent = status === "healthy" ? "Healthy" : `${status}: ${detail}`;
    place.dataset.status = status;
  } catch {
    place.textContent = "The server does not answer";
    place.dataset.status = "unhealthy";
  }
  place.hidden = false;
  setTimeout(lookAtHealth, HEALTH_PAUSE);
}

// -- the beginning ------------------------------------------------------------------------------

function follow() {
  const id = /^#task=(.*)$/.exec(location.hash)?.[1];
  if (id === undefined) return;
  if (UUID.test(id)) watch(id.toLowerCase());
  else say("The address of this page names no task.");
}

at("form").addEventListener("submit", run);
circuit.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
});
window.addEventListener("hashchange", follow);
offerExamples();
recall();
follow();
lookAtHealth();
showQueue();
