// The waiting room of an event: open, pause, resume, faster, slower, and the message to everybody who waits.

import { call } from "/assets/api.js";
import { button, byId, el, focusOn } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { now } from "/assets/clock.js";
import { repeat } from "/assets/polling.js";
import { t } from "/assets/words.js";
import { change, field } from "./change.js";
import { act } from "./reasons.js";

const EVERY_MS = 2000;
const LONGEST_MESSAGE = 200;
const STEP = 1.5;

async function open(event, again) {
  const opensAt = new Date(now()).toISOString();
  const isDone = await change({
    title: t("room.open.title", { name: event.name }),
    says: t(event.waiting_room ? "room.open.says" : "room.open.says_new"),
    yes: t("room.open"),
    run: async (wish) => {
      await act("PATCH", `/events/${event.id}`, { waiting_room: { ...event.waiting_room, opens_at: opensAt } }, wish);
      return t("room.open.done");
    },
  });
  if (isDone) await again();
}

async function pause(event, name, again) {
  const room = await call("GET", `/events/${event.id}/queue`);
  const isDone = await change({
    title: t(`room.${name}.title`, { name: event.name }),
    says: t(`room.${name}.says`, { joined: room.joined, inside: room.inside }),
    yes: t(`room.${name}`),
    run: async (wish) => {
      await act("PATCH", `/events/${event.id}/queue`, { paused: name === "pause" }, wish);
      return t(`room.${name}.done`);
    },
  });
  if (isDone) await again();
}

async function setPace(event, name, again) {
  const { per_minute: pace, joined, serving } = await call("GET", `/events/${event.id}/queue`);
  const value = Math.max(1, Math.round(name === "faster" ? Math.max(1, pace) * STEP : pace / STEP));
  const input = el("input", { type: "number", min: 1, max: 1_000_000, step: 1, value });
  const isDone = await change({
    title: t(`room.${name}.title`, { name: event.name }),
    says: t("room.pace.says", { pace, waiting: Math.max(0, joined - serving) }),
    fields: [field(t("room.pace"), input, t("room.pace.hint"))],
    yes: t("room.pace.yes"),
    run: async (wish) => {
      const perMinute = input.value ? Number(input.value) : null;
      await act("PATCH", `/events/${event.id}/queue`, { per_minute: perMinute }, wish);
      return perMinute ? t("room.pace.done", { count: perMinute }) : t("room.pace.done_free");
    },
  });
  if (isDone) await again();
}

async function setMessage(event, again) {
  const { message, joined } = await call("GET", `/events/${event.id}/queue`);
  const input = el("input", { maxLength: LONGEST_MESSAGE, autocomplete: "off", value: message ?? "" });
  const isDone = await change({
    title: t("room.message.title", { name: event.name }),
    says: t("room.message.says", { joined }),
    fields: [field(t("room.message.text"), input, t("room.message.hint"))],
    yes: t("room.message.yes"),
    run: async (wish) => {
      await act("PATCH", `/events/${event.id}/queue`, { message: input.value.trim() || null }, wish);
      return t(input.value.trim() ? "room.message.done" : "room.message.removed");
    },
  });
  if (isDone) await again();
}

const WORK = { open, pause: (event, again) => pause(event, "pause", again), resume: (event, again) => pause(event, "resume", again), faster: (event, again) => setPace(event, "faster", again), slower: (event, again) => setPace(event, "slower", again), message: setMessage };
const ACTIONS = { closed: ["open", "message"], gathering: ["faster", "slower", "message"], serving: ["pause", "faster", "slower", "message"], paused: ["resume", "faster", "slower", "message"], over: [] };

export async function roomPanel(event, again) {
  const actions = (names) => el("div", { className: "row" }, ...names.map((name) =>
    button(t(`room.${name}`), () => WORK[name](event, again), { className: name === "open" ? "" : "quiet", "data-act": `room-${name}` })));
  if (!event.waiting_room) return { children: [el("p", {}, t("room.none")), actions(event.status === "cancelled" ? [] : ["open"])] };
  const state = el("b");
  const figures = el("ul", { className: "room-figures" });
  const message = el("p");
  const controls = el("div");
  let phase = "";
  /** Other phases have other actions; a control that goes hands its focus to the heading. */
  const show = (room) => {
    phase = room.phase;
    state.textContent = t(`room.phase.${phase}`, { opens: instant(event.waiting_room.opens_at, event.timezone) });
    const hadFocus = controls.contains(document.activeElement);
    controls.replaceChildren(actions(ACTIONS[phase]));
    if (hadFocus) focusOn(byId("head-room"));
  };
  const look = async () => {
    const room = await call("GET", `/events/${event.id}/queue`, undefined, { quiet: true });
    if (room.phase !== phase) show(room);
    figures.replaceChildren(...["joined", "serving", "inside", "per_minute"].map((name) =>
      el("li", {}, t(`room.figure.${name}`, { count: room[name] }))));
    message.textContent = room.message ? t("room.says", { message: room.message }) : "";
  };
  await look();
  return { children: [el("p", {}, state), figures, message, controls], end: repeat(look, EVERY_MS) };
}
