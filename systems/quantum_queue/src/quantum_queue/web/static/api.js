// The API, as the page uses it. Every failure is a Trouble that a person can read.

const PATIENCE = 15_000; // ms for one request

export class Trouble extends Error {
  constructor(title, detail, { status = 0, correlationId = null } = {}) {
    super(detail);
    this.title = title;
    this.status = status; // 0: no answer at all
    this.correlationId = correlationId;
  }

  // Whether the very same request may succeed in a moment.
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function submit(circuit, shots, key) {
  return ask("tasks", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ circuit, shots }),
  });
}

export function find(id, signal) {
  return ask(`tasks/${encodeURIComponent(id)}`, { signal });
}

// A page of all tasks, newest first; `status` and `cursor` may be empty.
export function page(status, cursor, signal) {
  const wanted = new URLSearchParams({ limit: "10" });
  if (status) wanted.set("status", status);
  if (cursor) wanted.set("cursor", cursor);
  return ask(`tasks?${wanted}`, { signal });
}

// What /health says, whatever its status.
export async function health() {
  const response = await send("health", {});
  return response.json();
}

// crypto.randomUUID is missing where the page is not served over https or from localhost.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function ask(path, options) {
  const response = await send(path, options);
  if (!response.ok) throw await problemOf(response);
  try {
    return await response.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Trouble("The answer was cut off", "What the server sent cannot be read.");
  }
}

async function send(path, options) {
  const limit = AbortSignal.timeout(PATIENCE);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    return await fetch(path, { ...options, signal, credentials: "same-origin" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const why = limit.aborted ? `It took longer than ${PATIENCE / 1000} s.` : "It may be restarting, or you are offline.";
    throw new Trouble("The server does not answer", why);
  }
}

// A problem document (RFC 9457), or whatever stands in its place.
async function problemOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not from the API itself: a proxy in front of it, perhaps.
  }
  const title = typeof problem?.title === "string" ? problem.title : `Error ${response.status}`;
  const detail = typeof problem?.detail === "string" ? problem.detail : "The server gave no reason.";
  const correlationId = response.headers.get("X-Correlation-ID");
  return new Trouble(title, detail, { status: response.status, correlationId });
}
