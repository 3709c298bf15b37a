// Free places in slots, by name and phone; those of this browser can be changed and given back.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { slotText } from "/assets/format.js";
import { tell } from "/assets/notices.js";
import { kept } from "/assets/store.js";
import { t } from "/assets/words.js";

const FIELDS = [
  ["first_name", { autocomplete: "given-name" }],
  ["last_name", { autocomplete: "family-name" }],
  ["phone_number", { autocomplete: "tel", inputMode: "tel", pattern: "[0-9]{10}|\\+[0-9]{6,15}" }],
];

const bookingsOf = (event) => kept.get("bookings", []).filter(({ event_id }) => event_id === event.id);

/** The fields of a booking, and the bookings that were made; `book` sends a form. */
export function bookingForm(event, slots) {
  const list = el("ul", { className: "bookings" });
  const keep = (booking, id = booking.id) => {
    const others = kept.get("bookings", []).filter((each) => each.id !== id);
    kept.set("bookings", booking ? [...others, booking] : others);
    show();
  };
  const show = () => list.replaceChildren(...bookingsOf(event).map((booking) => cardOf(booking)).reverse());

  function cardOf(booking) {
    const path = `/events/${event.id}/bookings/${booking.id}`;
    const day = el("input", { type: "date", value: booking.date, required: true });
    const time = el("select", {}, ...event.schedule.times.map((each) => el("option", { selected: each === booking.time }, each)));
    const change = async () => {
      keep(await call("PATCH", path, { date: day.value, time: time.value }));
      announce(t("bookings.changed"));
      await slots.look();
    };
    const remove = async () => {
      await call("DELETE", path);
      keep(null, booking.id);
      announce(t("bookings.deleted"));
      await slots.look();
    };
    const name = `${booking.first_name} ${booking.last_name}`;
    return el("li", { className: "panel" },
      el("h3", {}, name),
      el("p", {}, t("bookings.booked", { slot: slotText(`${booking.date}T${booking.time}`) })),
      el("div", { className: "row" }, el("label", {}, el("span", {}, t("slots.day")), day), el("label", {}, el("span", {}, t("slots.time")), time),
        button(t("bookings.change"), change, { className: "quiet", ariaLabel: `${t("bookings.change")}: ${name}` }),
        button(t("bookings.delete"), remove, { className: "quiet", ariaLabel: `${t("bookings.delete")}: ${name}` })));
  }

  async function book(form) {
    if (!slots.chosen()) return tell(t("slots.choose"));
    const body = Object.fromEntries(new FormData(form));
    const booking = await call("POST", `/events/${event.id}/bookings`, body);
    keep(booking);
    announce(t("bookings.booked", { slot: slotText(`${booking.date}T${booking.time}`) }));
    await slots.look();
  }

  show();
  const fields = FIELDS.map(([name, more]) => el("label", {}, el("span", {}, t(`bookings.${name}`)), el("input", { name, required: true, ...more })));
  return { element: el("div", { className: "fields" }, ...fields), list, book };
}
