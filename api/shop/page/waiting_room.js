// A customer's place in the waiting room of one event. The public state comes by one stream. The place in the order is
// computed here, from that and from the customer's index.

import { call } from "/assets/api.js";
import { learn, timeLeft } from "/assets/clock.js";
import { customerQuery, showCustomer } from "./customer.js";
import { byId, button, el, failed, onFailure } from "/assets/dom.js";
import { clock, duration, instant } from "/assets/format.js";
import { follow } from "/assets/live.js";
import { tellProblem } from "./problems.js";
import { position } from "./order.js";
import { showProof } from "./proof.js";
import { whenBack } from "/assets/service.js";
import { fillIn, loadWords, locale, showLanguages, t } from "/assets/words.js";

const LOOK_AGAIN_MS = [45_000, 75_000]; // at what is expected
const HALF_A_DAY_MS = 43_200_000;

const id = Number(location.pathname.match(/(\d+)\/?$/)[1]);
const number = (value) => new Intl.NumberFormat(locale()).format(value);

let event;
let room = null; // the shared document
let place = null; // the customer's own; null without one
let counted = ""; // the instant that is counted down to
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
    place = await call("GET", `/events/${id}/queue/place${customerQuery()}`);
  } catch (refusal) {
    if (refusal.status !== 404) throw refusal;
    place = null;
  }
  const [least, most] = LOOK_AGAIN_MS;
  if (place) timer = setTimeout(() => look().then(show, failed), least + Math.random() * (most - least));
}

async function join() {
  place = await call("POST", `/events/${id}/queue${customerQuery()}`);
  await look();
  show();
}

async function enter() {
  place = await call("POST", `/events/${id}/queue/enter${customerQuery()}`);
  show();
}

async function giveUp() {
  await call("DELETE", `/events/${id}/queue/place${customerQuery()}`);
  place = null;
  show();
}

function count(until, text, ended) {
  if (counted === `${text} ${until}`) return;
  counted = `${text} ${until}`;
  byId("clock").replaceChildren(...(until ? [`${text} `, timeLeft(until, duration, ended)] : []));
}

/** The message to the customer, and the control that it needs. */
function situation(turn) {
  const opens = event.waiting_room?.opens_at;
  const joins = button(t("room.join"), join);
  if (room.phase === "over") return { text: t(`room.over_${room.reason}`) };
  if (room.phase === "closed") return { text: t("room.closed"), until: opens, before: t("room.opens_in") };
  if (place?.pass_expires_at) {
    const buy = el("a", { href: `/shop/events/${id}`, className: "go" }, t("room.choose"));
    return { text: t("room.inside"), turn: true, until: place.pass_expires_at, before: t("room.pass"), controls: [buy] };
  }
  if (room.phase === "gathering") {
    const until = { until: event.sale_opens_at, before: t("room.draw_in") };
    return place ? { text: t("room.gathering_in"), ...until } : { text: t("room.gathering"), controls: [joins], ...until };
  }
  if (!place) return { text: t("room.late"), controls: [joins] };
  if (room.phase === "paused") return { text: t("room.paused") };
  if (turn?.ahead === 0) return { text: t("room.turn"), turn: true, controls: [button(t("room.enter"), enter)] };
  return { text: turn ? t("room.ahead", { count: turn.ahead }) : t("room.moment") };
}

/** An instant of the next hours by the clock, a later one with its date. */
function time(text) {
  const waits = Date.parse(text) - Date.now();
  if (waits <= 0) return t("room.any_moment");
  return waits > HALF_A_DAY_MS ? instant(text) : clock(text);
}

function figures(turn) {
  const waits = turn && turn.ahead > 0 && place.expected.p50 && !["over", "paused"].includes(room.phase);
  return [
    [t("room.joined"), number(room.joined)],
    place && [t("room.index"), number(place.index + 1)],
    turn && [t("room.position"), number(turn.own + 1)],
    turn && [t("room.people"), number(turn.ahead)],
    waits && [t("room.p50"), time(place.expected.p50)],
    waits && [t("room.p90"), time(place.expected.p90)],
    room.seed !== null && room.phase === "serving" && [t("room.inside_now"), number(room.inside)],
  ].filter((figure) => figure);
}

function show() {
  if (!room) return;
  const turn = mine();
  const { text, turn: isTurn = false, controls = [], until = "", before = "" } = situation(turn);
  if (byId("status").textContent !== text) byId("status").textContent = text; // told aloud once
  byId("status").classList.toggle("turn", isTurn);
  const state = isTurn ? t("room.your_turn") : turn ? t("room.title_ahead", { count: turn.ahead }) : t("event.room");
  document.title = `${state}: ${event.name}`;
  byId("message").textContent = room.message ?? "";
  byId("message").hidden = !room.message;
  count(until, before, () => look().then(show, failed));
  const figure = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  byId("figures").replaceChildren(...figures(turn).map(figure));
  byId("way").hidden = !turn || turn.ahead === 0 || room.phase === "over";
  Object.assign(byId("way"), { max: turn ? Math.max(1, turn.own) : 1, value: turn ? turn.own - turn.ahead : 0 });
  showControls(controls);
  showProof(id, room, place, turn);
}

/** Controls stay as they are while they mean the same, so that the focus stays where it is. */
function showControls(controls) {
  const leave = place && room.phase !== "over" ? el("details", {}, el("summary", {}, t("room.give_up")),
    t("room.give_up_text"), " ", button(t("room.give_up_now"), giveUp, { className: "quiet" })) : null;
  const wanted = [...controls, leave].filter((control) => control);
  const names = (all) => [...all].map((control) => control.textContent).join();
  if (names(byId("actions").children) !== names(wanted)) byId("actions").replaceChildren(...wanted);
}

async function told(document) {
  const before = room;
  learn(document.as_of);
  room = document; // perhaps of another process, which read it a moment before the last one did
  room.serving = Math.max(room.serving, before?.serving ?? 0);
  const drawn = before && before.seed === null && room.seed !== null;
  if (place && (drawn || before?.phase !== room.phase || (mine()?.ahead === 0 && !place.pass_expires_at && place.ahead !== 0))) {
    await look().catch(failed);
  }
  show();
}

async function begin() {
  event = await call("GET", `/events/${id}`);
  byId("event-name").textContent = event.name;
  byId("to-event").href = `/shop/events/${id}`;
  byId("to-event").textContent = event.name;
  if (!event.waiting_room) {
    byId("status").textContent = t("room.none");
    return;
  }
  await look();
  const poll = async () => told(await call("GET", `/events/${id}/queue`));
  follow(`/events/${id}/queue/stream`, { queue: told }, poll);
}

await loadWords("/shop/assets");
fillIn(document);
showLanguages();
onFailure((problem) => tellProblem(problem));
showCustomer(() => look().then(show, failed));
whenBack(() => look().then(show, failed));
begin().catch(failed);
