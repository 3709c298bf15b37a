// The e-tickets of a reservation: one per place, each with the code that is scanned at the doors.

import { call, file } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { instant, slotText } from "/assets/format.js";
import { t } from "/assets/words.js";

function codeOf({ serial }) {
  const picture = el("img", { className: "qr", alt: t("eticket.code", { serial: String(serial) }), width: 160, height: 160 });
  file(`/etickets/${serial}/qr.svg`).then((url) => { picture.src = url; }, () => { picture.alt = t("eticket.no_code"); });
  return picture;
}

function cardOf(eticket, event) {
  const { ticket_type, seat, slot, holder, serial, status } = eticket;
  const name = [holder.first_name, holder.last_name].filter(Boolean).join(" ");
  return el("li", { className: "eticket" },
    el("div", { className: "stub" },
      el("h3", {}, event.name),
      el("p", {}, slot ? slotText(slot) : instant(event.starts_at, event.timezone)),
      el("p", { className: "place" }, el("b", {}, ticket_type), seat && ` · ${t("seat.long", seat)}`),
      name && el("p", {}, name),
      el("p", { className: "serial" }, `${t("eticket.number")} ${serial}`),
      status === "void" && el("p", {}, t("eticket.void"))),
    codeOf(eticket));
}

async function savePdf(id) {
  const link = el("a", { href: await file(`/reservations/${id}/etickets.pdf`), download: `tickets-${id}.pdf` });
  link.click();
}

/** The e-tickets of a paid reservation, and what saves them as a PDF. `isNamed`: it says of which event. */
export async function eticketsOf(reservation, event, isNamed) {
  const { items } = await call("GET", `/reservations/${reservation.id}/etickets`);
  const label = isNamed ? `${t("order.pdf")}: ${event.name}` : t("order.pdf");
  return {
    list: el("ul", { className: "etickets" }, ...items.map((eticket) => cardOf(eticket, event))),
    save: button(label, () => savePdf(reservation.id), { className: "quiet" }),
  };
}
