// The map of a hall: a click takes a seat into the cart, or gives it back.

import { act, call, el, money } from "./api.js";
import { follow } from "./live.js";
import { addToCart, inCart, removeFromCart } from "./orders.js";

const STATES = { a: "available", h: "held", s: "sold", b: "blocked" };
const CHARACTERS = "ahsb"; // by the id of a status
const SIGNS = { held: "…", sold: "×", blocked: "–", yours: "✓" };
const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** The sections of an event one at a time; `watch` follows the one that is shown, and returns what ends that. */
export async function hallOf(event) {
  const { sections } = await call("GET", `/venues/${event.venue_id}`);
  const map = el("div", { className: "map", role: "group" });
  const prices = el("fieldset", { className: "prices" });
  const choose = el("select", {}, ...sections.map(({ id, name }) => el("option", { value: id }, name)));
  let end = () => {};
  const show = async () => {
    end();
    const path = `/events/${event.id}/sections/${choose.value}/seats`;
    const { items } = await call("GET", path);
    const price = pricesOf(prices, items[0].prices);
    map.setAttribute("aria-label", `Seats of ${choose.selectedOptions[0].text}`);
    let rows = [];
    const paint = seatsOf(map, event, price, () => paint(rows));
    const snapshot = (seats) => paint((rows = seats.rows));
    const change = ({ seats }) => paint((rows = changed(rows, seats)));
    const poll = async () => snapshot(await call("GET", `${path}?format=compact`));
    await poll();
    end = follow(`${path}/stream`, { snapshot, change }, poll);
  };
  choose.addEventListener("change", () => act(choose, show));
  const legend = ["available", "yours", "held", "sold", "blocked"].map((state) =>
    el("span", {}, el("i", { className: `seat ${state}` }, SIGNS[state] ?? "1"), ` ${state}`),
  );
  await show();
  const element = el("div", { className: "hall" });
  element.append(el("label", {}, "Section ", choose), prices, el("p", { className: "stage" }, "Stage"), map);
  element.append(el("p", { className: "legend" }, ...legend));
  return { element, watch: () => () => end() };
}

/** The rows with other states of some seats: pairs of a seat's id and the id of its status. */
function changed(rows, seats) {
  const characters = rows.map((row) => [...row.seats]);
  for (const [id, status] of seats) {
    const line = rows.findIndex((row) => id >= row.first_seat_id && id < row.first_seat_id + row.seats.length);
    if (line >= 0) characters[line][id - rows[line].first_seat_id] = CHARACTERS[status];
  }
  return rows.map((row, line) => ({ ...row, seats: characters[line].join("") }));
}

/** Fills in what a seat costs; gives who tells which was chosen. */
function pricesOf(place, prices) {
  const choices = prices.map(({ ticket_id, name, price }, position) =>
    el("label", {}, el("input", { type: "radio", name: "price", value: ticket_id, checked: !position }), ` ${name} ${money(price)}`),
  );
  place.replaceChildren(el("legend", {}, "Price of the next seat"), ...choices);
  return () => Number(place.querySelector(":checked").value);
}

/** Gives who paints the rows: seats are made once, and changed where they changed, so that the focus stays. */
function seatsOf(map, event, price, changed) {
  const seats = [];
  map.replaceChildren();
  map.onkeydown = (pressed) => {
    const step = KEYS[pressed.key];
    const row = seats.findIndex((line) => line.includes(document.activeElement));
    if (!step || row < 0) return;
    pressed.preventDefault();
    const column = seats[row].indexOf(document.activeElement) + step[1];
    const line = seats[row + step[0]] ?? seats[row];
    line[Math.min(Math.max(column, 0), line.length - 1)].focus();
  };
  return (rows) => {
    if (!seats.length) {
      const made = (row) => [...row.seats].map((_, at) => seatOf(event, row.first_seat_id + at, price, changed));
      seats.push(...rows.map(made));
      map.append(...rows.map((row, at) => el("div", { className: "row" }, el("b", {}, row.name), ...seats[at])));
      seats[0][0].tabIndex = 0;
    }
    const stateOf = (row, at) => (inCart(event.id, row.first_seat_id + at) ? "yours" : STATES[row.seats[at]]);
    rows.forEach((row, line) => seats[line].forEach((seat, at) => paint(seat, row, at, stateOf(row, at))));
  };
}

function seatOf(event, seatId, price, changed) {
  const seat = el("button", { type: "button", tabIndex: -1 });
  seat.addEventListener("focus", () => {
    for (const other of seat.closest(".map").querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    seat.tabIndex = 0; // Tab comes back to here; the others are reached by arrows
  });
  seat.addEventListener("click", () => {
    if (seat.getAttribute("aria-disabled") === "true") return;
    const take = () => (inCart(event.id, seatId) ? removeFromCart(event.id, seatId) : addToCart(event.id, seatId, price()));
    act(seat, () => take().finally(changed));
  });
  return seat;
}

function paint(seat, row, at, state) {
  if (seat.dataset.state === state) return;
  seat.dataset.state = state;
  seat.className = `seat ${state}`;
  seat.textContent = SIGNS[state] ?? at + 1;
  seat.setAttribute("aria-label", `Row ${row.name}, seat ${at + 1}, ${state}`);
  seat.setAttribute("aria-pressed", state === "yours");
  seat.setAttribute("aria-disabled", state !== "available" && state !== "yours");
}
