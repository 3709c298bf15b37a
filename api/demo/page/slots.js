// A timed event: slots of a day, and places in them, by name and phone.

import { act, button, call, el, kept } from "./api.js";

const NAMES = [
  ["first_name", "First name", { autocomplete: "given-name" }],
  ["last_name", "Last name", { autocomplete: "family-name" }],
  ["phone_number", "Phone, ten digits", { pattern: "[0-9]{10}", inputMode: "numeric" }],
];

/** The slots of a day and the form that books one; `look` reads the day again. */
export async function museumOf(event) {
  const dayOf = (time) => new Intl.DateTimeFormat("en-CA", { timeZone: event.timezone }).format(time);
  const [today, first] = [dayOf(new Date()), dayOf(new Date(event.starts_at))];
  const tomorrow = new Date(Date.parse(today) + 86_400_000).toISOString().slice(0, 10);
  const value = first > tomorrow ? first : tomorrow;
  const day = el("input", { type: "date", name: "date", value, min: first > today ? first : today, required: true });
  const slots = el("fieldset", { className: "slots" });
  const fields = NAMES.map(([name, text, more]) => el("label", {}, text, el("input", { name, required: true, ...more })));
  const book = el("button", {}, "Book");
  const form = el("form", {}, el("label", {}, "Day ", day), slots, el("div", { className: "fields" }, ...fields), book);
  const update = async () => paint(slots, await slotsOn(event, day.value));
  day.addEventListener("change", () => day.value && act(day, update));
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    act(book, async () => {
      const body = Object.fromEntries(new FormData(form));
      if (!body.time) throw new Error("Choose a time.");
      keep(await call("POST", `/events/${event.id}/bookings`, body));
      await update();
    });
  });
  await update();
  return { element: form, look: async () => day.value && update() };
}

const slotsOn = async (event, date) => (await call("GET", `/events/${event.id}/slots?date=${date}`)).items;

/** Radio buttons are made once for a day, so that the choice and the focus stay. */
function paint(place, slots) {
  const times = slots.map(({ time }) => time).join();
  if (place.dataset.times !== times) {
    place.dataset.times = times;
    const choices = slots.map(({ time }) => el("label", {}, el("input", { type: "radio", name: "time", value: time }), ` ${time} `, el("small", {})));
    place.replaceChildren(el("legend", {}, slots.length ? "Time" : "No slots on that day"), ...choices);
  }
  place.querySelectorAll("label").forEach((label, at) => {
    const { available, capacity, starts_at } = slots[at];
    const past = new Date(starts_at) < new Date();
    label.querySelector("small").textContent = past ? "past" : available ? `${available} of ${capacity} left` : "full";
    label.querySelector("input").disabled = past || !available;
  });
}

function keep(booking) {
  const all = kept.get("bookings", []).filter(({ id }) => id !== booking.id);
  kept.set("bookings", [...all, booking]);
  showBookings();
}

function forget(booking) {
  kept.set("bookings", kept.get("bookings", []).filter(({ id }) => id !== booking.id));
  showBookings();
}

export function showBookings() {
  document.getElementById("bookings").replaceChildren(...kept.get("bookings", []).map(card).reverse());
}

function card(booking) {
  const path = `/events/${booking.event_id}/bookings/${booking.id}`;
  const day = el("input", { type: "date", value: booking.date, required: true });
  const time = el("input", { type: "time", value: booking.time, required: true });
  const change = async () => keep(await call("PATCH", path, { date: day.value, time: time.value }));
  const remove = async () => forget((await call("DELETE", path)) ?? booking);
  return el(
    "article",
    { className: "card booked", "aria-label": `Booking of ${booking.first_name} ${booking.last_name}` },
    el("h3", {}, `${booking.first_name} ${booking.last_name}`),
    el("p", { className: "status" }, `booked for ${booking.date} at ${booking.time}`),
    el("div", { className: "fields" }, el("label", {}, "Day ", day), el("label", {}, "Time ", time)),
    el("p", { className: "pair" }, button("Change", change), button("Delete", remove, { className: "quiet" })),
  );
}
