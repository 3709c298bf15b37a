// Calls of the API, what is kept while the page is open, and how things are shown.

const TIMEOUT_MS = 15_000;
let skewMs = 0; // by how much the server's clock is ahead of the browser's

/** What outlives a reload. */
export const kept = {
  get: (name, otherwise) => JSON.parse(sessionStorage.getItem(name) ?? "null") ?? otherwise,
  set: (name, value) => sessionStorage.setItem(name, JSON.stringify(value)),
};

/** A random UUID; crypto.randomUUID is not there on pages that came over plain http. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What the API refused: the message is for people, `code` and `status` for the page. */
export class Refusal extends Error {
  constructor(status, { detail, code, fields = [] }) {
    super([detail, ...fields.map(({ path, message }) => `${path}: ${message}.`)].join(" "));
    Object.assign(this, { status, code });
  }
}

/** The decoded answer. One wish has one key: where the connection breaks it is sent again, and has its effect once. */
export async function call(method, path, body) {
  const headers = {};
  if (kept.get("token", "")) headers.Authorization = `Bearer ${kept.get("token", "")}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = uuid();
  const send = () =>
    fetch(`/v1${path}`, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) });
  const response = await send().catch(send).catch(() => {
    throw new Error("The server does not answer. Is it running?");
  });
  const aheadMs = Date.parse(response.headers.get("Date")) - Date.now();
  skewMs = Math.abs(aheadMs) > 2000 ? aheadMs : 0; // the header has whole seconds
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

/** Who buys, as bodies name them: not at all where the token does. */
export function customer() {
  return kept.get("token", "") ? {} : { customer: { id: kept.get("customer") } };
}

/** An element; what is no property of it becomes an attribute. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export function tell(problem) {
  const place = document.getElementById("problem");
  place.textContent = problem?.message ?? "";
  place.hidden = !problem;
}

/** Does what a button or a form is for, once at a time, and tells what goes wrong. */
export async function act(control, work) {
  if (control.ariaBusy === "true") return;
  control.ariaBusy = "true"; // disabled, it would lose the focus
  tell(null);
  try {
    await work();
  } catch (problem) {
    if (problem.status === 401) document.getElementById("who").open = true; // there a token can be pasted
    tell(problem);
  } finally {
    control.ariaBusy = null;
  }
}

export function button(text, work, properties = {}) {
  const made = el("button", { type: "button", ...properties }, text);
  made.addEventListener("click", () => act(made, work));
  return made;
}

/** An amount as people read it; yen have no minor unit, dinars have one of three digits. */
export function money({ amount, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export const instant = (text, timeZone) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(text));

/** Shows how long something is held; `ended` is called when that is over. */
export function countdown(until, ended) {
  const shown = el("time", { className: "left", dateTime: until });
  const tick = () => {
    const seconds = Math.ceil((Date.parse(until) - Date.now() - skewMs) / 1000);
    const part = (number) => String(number).padStart(2, "0");
    const hours = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : "";
    const clock = `${hours}${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}`;
    shown.textContent = seconds > 0 ? `${clock} left` : "run out";
    shown.classList.toggle("soon", seconds <= 30);
    if (seconds <= 0) return void ended();
    setTimeout(() => shown.isConnected && tick(), 250);
  };
  queueMicrotask(tick);
  return shown;
}
