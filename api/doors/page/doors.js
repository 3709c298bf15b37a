// The page of a gate: scan, ask the server or the snapshot, tell in colour, word and sound. Every scan that the server
// has not answered is in the queue first, so closing the page loses nothing.

import { canScan, scanWith } from "./camera.js";
import { judge, remember } from "./offline.js";
import { play } from "./sound.js";
import * as store from "./store.js";

const EVENT = Number(location.pathname.split("/").filter(Boolean).pop());
const API = `/v1/events/${EVENT}`;
const ANSWER_MS = 4000;
const SEND_EVERY_MS = 3000;
const SNAPSHOT_EVERY_MS = 10_000;
const AT_ONCE = 100;

const WORDS = {
  admitted: ["green", "Welcome"],
  already_in: ["red", "Already in"],
  void: ["red", "Not valid"],
  other_event: ["red", "Other event"],
  unknown: ["red", "Unknown"],
  not_yet: ["amber", "Not yet"],
};

const $ = (id) => document.getElementById(id);
let gate = "", token = "", snapshot = null, online = true, sending = false;

const show = (colour, word, detail) => {
  $("verdict").className = colour;
  $("word").textContent = word;
  $("detail").textContent = detail ?? "";
  if (colour !== "idle") play(colour);
};

const showState = async () => {
  const queued = await store.countQueue();
  $("queued").textContent = queued;
  const taken = snapshot ? `snapshot of ${new Date(snapshot.as_of).toLocaleTimeString()}` : "no snapshot yet";
  $("state").textContent = `${online ? "Online" : "OFFLINE"} · ${gate} · ${taken}`;
};

// The answer of the API. Throws without one in time; {refused} for a problem.
const ask = async (method, path, body) => {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(API + path, {
    method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store",
  });
  if (response.status === 429 || response.status >= 500) throw new Error(String(response.status));
  const answer = await response.json();
  online = true;
  return response.ok ? answer : { refused: answer };
};

const describe = ({ result, eticket, first_in_at, conflict }) =>
  [
    eticket && [eticket.ticket_type, eticket.seat && `${eticket.seat.section} ${eticket.seat.row} ${eticket.seat.label}`,
      eticket.slot?.replace("T", " ")].filter(Boolean).join(" · "),
    eticket && [eticket.holder.first_name, eticket.holder.last_name].filter(Boolean).join(" "),
    result === "already_in" && first_in_at && `In since ${new Date(first_in_at).toLocaleTimeString()}`,
    conflict && `Also at ${conflict.gate}, ${new Date(conflict.at).toLocaleTimeString()}`,
  ].filter(Boolean).join("\n");

const tell = (result, detail, direction) => {
  const [colour, word] = WORDS[result];
  show(colour, result === "admitted" && direction === "out" ? "Goodbye" : word, detail);
};

const check = async (code) => {
  const direction = document.querySelector("input[name=direction]:checked").value;
  const scan = { code, gate, direction, scanned_at: new Date().toISOString(), nonce: crypto.randomUUID(), offline: false };
  if (online) {
    try {
      const answer = await ask("POST", "/check-ins", scan);
      if (answer.refused) return show("red", "Refused", answer.refused.detail);
      return tell(answer.result, describe(answer), direction);
    } catch {
      online = false; // nobody knows whether the server got it; the same nonce is the same scan
    }
  }
  const judged = await judge(EVENT, snapshot, code, direction);
  if (judged.result === "admitted") { // whom this gate turned away, the server must not let in later
    await store.enqueue(EVENT, { ...scan, offline: true });
    await remember(judged.row, direction);
  }
  if (judged.sure) tell(judged.result, judged.detail, direction);
  else show("amber", judged.signed ? "Signature valid" : "Not checked", ["not confirmed", judged.detail].filter(Boolean).join("\n"));
  await showState();
};

// Sends the queue, the oldest first. What is answered leaves it; what is not stays.
const send = async () => {
  if (sending) return;
  sending = true;
  try {
    for (;;) {
      const waiting = (await store.readQueue(AT_ONCE)).filter(({ event }) => event === EVENT);
      if (!waiting.length) break;
      const answer = await ask("POST", "/check-ins/upload", { items: waiting.map(({ scan }) => scan) });
      if (answer.refused) {
        $("state").textContent = answer.refused.detail;
        break;
      }
      await store.dequeue(waiting.map(({ key }) => key));
    }
  } catch {
    online = false;
  } finally {
    sending = false;
    await showState();
  }
};

const count = async () => {
  const rows = snapshot?.figures;
  if (rows) for (const name of ["inside", "outside", "expected"]) $(name).textContent = rows[name];
};

// Brings the snapshot up to date: all of it once, then what changed.
const refresh = async () => {
  try {
    const since = snapshot?.version ?? 0;
    const news = await ask("GET", `/check-ins/snapshot?since=${since}`);
    if (news.refused) {
      $("state").textContent = news.refused.detail;
      return;
    }
    await store.keepEtickets(news.etickets);
    const states = snapshot?.states ?? {};
    for (const [serial, , status] of news.etickets) states[serial] = status;
    const tally = [0, 0, 0, 0];
    for (const status of Object.values(states)) tally[status] += 1;
    const figures = { inside: tally[1], outside: tally[2], expected: tally[0] + tally[1] + tally[2] };
    snapshot = { ...news, etickets: [], states, figures, slots: { ...snapshot?.slots, ...news.slots } };
    await store.keepSnapshot(EVENT, snapshot);
  } catch {
    online = false;
  }
  $("event").textContent = snapshot?.name ?? `Event ${EVENT}`;
  await count();
  await showState();
};

const forever = async (act, everyMs) => {
  await act();
  setTimeout(() => forever(act, everyMs), everyMs);
};

// The page is there without network once this is done. It needs https, or this machine.
const keepPage = async () => {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/doors/worker.js", { scope: "/doors/" });
    await navigator.serviceWorker.ready;
    await (await caches.open("onsale-doors-1")).add(location.pathname);
    document.body.dataset.kept = "1";
  } catch {
    // Where it could be loaded it works all the same.
  }
};

const start = async () => {
  void keepPage();
  await navigator.storage?.persist?.().catch(() => false);
  gate = (await store.readSetting("gate")) ?? `Gate ${crypto.randomUUID().slice(0, 4)}`;
  token = (await store.readSetting("token")) ?? "";
  await store.keepSetting("gate", gate);
  [$("gate").value, $("token").value] = [gate, token];
  snapshot = (await store.readSnapshot(EVENT)) ?? null;
  $("event").textContent = snapshot?.name ?? `Event ${EVENT}`;

  $("scan").addEventListener("submit", async (event) => {
    event.preventDefault();
    const code = $("code").value.replace(/[\r\n]/g, "").toUpperCase();
    $("code").value = "";
    $("code").focus();
    if (code) await check(code);
  });
  $("save").addEventListener("click", async () => {
    [gate, token] = [$("gate").value.trim() || gate, $("token").value.trim()];
    await store.keepSetting("gate", gate);
    await store.keepSetting("token", token);
    $("settings").open = false;
    await send();
    await refresh();
  });
  addEventListener("online", () => void send());
  addEventListener("offline", () => {
    online = false;
    void showState();
  });
  if (canScan()) {
    $("use-camera").hidden = false;
    $("use-camera").addEventListener("click", async () => {
      $("use-camera").hidden = true;
      await scanWith($("camera"), check).catch((error) => show("red", "No camera", error.message));
    });
  }
  $("code").focus();
  void forever(send, SEND_EVERY_MS);
  void forever(refresh, SNAPSHOT_EVERY_MS);
  document.body.dataset.ready = "1";
};

await start();
