// Calls of the API. Each comes to an answer, a Refusal or NoAnswer within eight seconds.

import { learnHeader } from "/assets/clock.js";
import { answered, missing } from "/assets/service.js";
import { uuid } from "/assets/store.js";
import { t } from "/assets/words.js";

const PATIENCE_MS = 8000;
const PAUSE_MS = 400;

let asker = { token: () => null, sentence: ({ detail }) => detail };

/** Say who calls: `token()` is the token, if there is one; `sentence(members)` is what a refusal says to that person. */
export function callAs(who) {
  asker = who;
}

/** The API said no: `code` and `members` for the page, the message for people. */
export class Refusal extends Error {
  constructor(status, members) {
    super(asker.sentence(members));
    Object.assign(this, { status, code: members.code, members });
  }
}

/** The outcome of the call is unknown: no answer in time, or one that is not the API's. */
export class NoAnswer extends Error {
  constructor() {
    super(t("refusal.no_answer"));
  }
}

const authorization = () => (asker.token() ? { Authorization: `Bearer ${asker.token()}` } : {});

/**
 * The decoded answer. A wish has one key: where the connection breaks or a proxy answers, it is sent once more, and has
 * its effect once. `quiet`: no notice says that the server is away.
 */
export async function call(method, path, body, { key = uuid(), quiet = false, headers: others = {} } = {}) {
  const headers = { ...authorization(), ...others };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = key;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const send = () => exchange(`/v1${path}`, { method, headers, body: JSON.stringify(body), signal });
  try {
    const answer = await send().catch(async (problem) => {
      if (problem instanceof Refusal || signal.aborted) throw problem;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return send();
    });
    answered();
    return answer;
  } catch (problem) {
    if (problem instanceof Refusal && problem.status < 500) {
      answered();
      throw problem;
    }
    if (!quiet) missing();
    throw problem instanceof Refusal ? problem : new NoAnswer();
  }
}

async function exchange(url, options) {
  const response = await fetch(url, options);
  learnHeader(response.headers.get("Date"));
  if (response.status === 204) return null;
  if (!/json/.test(response.headers.get("Content-Type") ?? "")) throw new Error(`${response.status} of a proxy`);
  const answer = await response.json();
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

/** A file of the API, as a URL that the page may show or save. */
export async function file(path) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(`/v1${path}`, { headers: authorization(), signal }).catch(() => null);
  if (!response?.ok) throw new NoAnswer();
  return URL.createObjectURL(await response.blob());
}

/** All items of a list, by its cursors. */
export async function all(path, most = 500) {
  const items = [];
  let cursor = "";
  do {
    const page = await call("GET", `${path}${path.includes("?") ? "&" : "?"}limit=100${cursor}`);
    items.push(...page.items);
    cursor = page.next_cursor && `&cursor=${encodeURIComponent(page.next_cursor)}`;
  } while (cursor && items.length < most);
  return items;
}
