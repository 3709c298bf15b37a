// A customer's place in the waiting room of one event. What everybody may know comes by one stream; the place in the order
// is computed here, from the index that the customer was given and from that.

import { act, button, call, countdown, el, instant, kept, tell } from "./api.js";
import { follow } from "./live.js";
import { position } from "./order.js";
import { showProof } from "./proof.js";
import { showBuyer } from "./who.js";

const LOOK_AGAIN_MS = [45_000, 75_000]; // at what is expected
const HALF_A_DAY_MS = 43_200_000;
const ENDS = {
  sold_out: "All places are sold.",
  sale_closed: "The sale has ended.",
  cancelled: "The event is cancelled.",
};

const id = Number(location.pathname.match(/(\d+)\/?$/)[1]);
const at = (name) => document.getElementById(name);
const number = (value) => new Intl.NumberFormat().format(value);
const query = () => (kept.get("token", "") ? "" : `?customer_id=${encodeURIComponent(kept.get("customer"))}`);

let event;
let room = null; // the shared document
let place = null; // the customer's own; null without one
let clock = ""; // the instant that is counted down to
let timer;

/** The customer's position and how many are ahead, as this page computes it; null before the draw. */
function mine() {
  if (!place || room.seed === null) return null;
  const own = position(place.index, room.cohort, room.seed);
  return { own, ahead: Math.max(0, own - room.serving) };
}

async function look() {
  clearTimeout(timer);
  try {
    place = await call("GET", `/events/${id}/queue/place${query()}`);
  } catch (refusal) {
    if (refusal.status !== 404) throw refusal;
    place = null;
  }
  const [least, most] = LOOK_AGAIN_MS;
  if (place) timer = setTimeout(() => look().then(show, tell), least + Math.random() * (most - least));
}

async function join() {
  place = await call("POST", `/events/${id}/queue${query()}`);
  await look();
  show();
}

async function enter() {
  place = await call("POST", `/events/${id}/queue/enter${query()}`);
  show();
}

async function giveUp() {
  await call("DELETE", `/events/${id}/queue/place${query()}`);
  place = null;
  show();
}

function count(until, text, ended) {
  if (clock === `${text} ${until}`) return;
  clock = `${text} ${until}`;
  at("clock").replaceChildren(...(until ? [`${text} `, countdown(until, ended)] : []));
}

/** What the customer is told, and the control that it needs. */
function situation(turn) {
  const opens = event.waiting_room?.opens_at;
  const joins = button("Join the waiting room", join);
  if (room.phase === "over") return { text: `It is over. ${ENDS[room.reason]}` };
  if (room.phase === "closed") return { text: "The waiting room is not open yet.", until: opens, before: "It opens in" };
  if (place?.pass_expires_at) {
    const buy = el("a", { href: `/demo#event-${id}`, className: "go" }, "Choose your places");
    return { text: "You are inside.", turn: true, until: place.pass_expires_at, before: "Your pass:", controls: [buy] };
  }
  if (room.phase === "gathering") {
    const until = { until: event.sale_opens_at, before: "The draw:" };
    if (!place) return { text: "Join before the sale opens; the order is then drawn by lot.", controls: [joins], ...until };
    return { text: "You are in. It makes no difference when you joined: the order is drawn by lot when the sale opens.", ...until };
  }
  if (!place) return { text: "The sale is open. Who joins now stands behind all others.", controls: [joins] };
  if (room.phase === "paused") return { text: "Nobody is let in at the moment. You keep your place." };
  if (turn?.ahead === 0) {
    return { text: "It is your turn.", turn: true, controls: [button("Enter", enter)] };
  }
  return { text: turn ? `${number(turn.ahead)} ${turn.ahead === 1 ? "is" : "are"} ahead of you.` : "One moment…" };
}

/** An instant of the next hours by the clock, a later one with its date. */
function time(text) {
  const waits = Date.parse(text) - Date.now();
  if (waits <= 0) return "any moment";
  if (waits > HALF_A_DAY_MS) return instant(text);
  return new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(new Date(text));
}

function figures(turn) {
  const waits = turn && turn.ahead > 0 && place.expected.p50 && !["over", "paused"].includes(room.phase);
  return [
    ["Joined so far", number(room.joined)],
    place && ["Your number", number(place.index + 1)],
    turn && ["Your place in the order", number(turn.own + 1)],
    turn && ["People ahead", number(turn.ahead)],
    waits && ["Your turn, probably", time(place.expected.p50)],
    waits && ["9 times out of 10 by", time(place.expected.p90)],
    room.seed !== null && room.phase === "serving" && ["Inside now", number(room.inside)],
  ].filter((figure) => figure);
}

function show() {
  if (!room) return;
  const turn = mine();
  const { text, turn: isTurn = false, controls = [], until = "", before = "" } = situation(turn);
  if (at("status").textContent !== text) at("status").textContent = text; // told aloud once
  at("status").classList.toggle("turn", isTurn);
  document.title = isTurn ? `Your turn: ${event.name}` : `${turn ? number(turn.ahead) + " ahead" : "Waiting room"}: ${event.name}`;
  at("said").textContent = room.message ?? "";
  at("said").hidden = !room.message;
  count(until, before, () => look().then(show, tell));
  const figure = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  at("figures").replaceChildren(...figures(turn).map(figure));
  at("way").hidden = !turn || turn.ahead === 0 || room.phase === "over";
  Object.assign(at("way"), { max: turn ? Math.max(1, turn.own) : 1, value: turn ? turn.own - turn.ahead : 0 });
  showControls(controls);
  showProof(id, room, place, turn);
}

/** Controls stay as they are while they mean the same, so that the focus stays where it is. */
function showControls(controls) {
  const leave = place && room.phase !== "over" ? el("details", {}, el("summary", {}, "Give up my place"),
    "If you join again, you stand behind all others. ", button("Give it up", giveUp, { className: "quiet" })) : null;
  const wanted = [...controls, leave].filter((control) => control);
  const names = (all) => [...all].map((control) => control.textContent).join();
  if (names(at("actions").children) !== names(wanted)) at("actions").replaceChildren(...wanted);
}

async function told(document) {
  const before = room;
  room = document; // perhaps of another process, which read it a moment before the last one did
  room.serving = Math.max(room.serving, before?.serving ?? 0);
  const drawn = before && before.seed === null && room.seed !== null;
  if (place && (drawn || before?.phase !== room.phase || (mine()?.ahead === 0 && !place.pass_expires_at && place.ahead !== 0))) {
    await look().catch(tell);
  }
  show();
}

async function begin() {
  event = await call("GET", `/events/${id}`);
  at("event-name").textContent = event.name;
  if (!event.waiting_room) {
    at("status").textContent = "This event has no waiting room.";
    return;
  }
  await look();
  const poll = async () => told(await call("GET", `/events/${id}/queue`));
  follow(`/events/${id}/queue/stream`, { queue: told }, poll);
}

showBuyer(() => act(at("place"), () => look().then(show)));
act(at("place"), begin);
