// Amounts and times as people read them.

import { locale } from "/assets/words.js";

/** An amount; yen have no minor unit, dinars have one of three digits. */
export function money({ amount, currency }) {
  const format = new Intl.NumberFormat(locale(), { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export const times = ({ amount, currency }, quantity) => ({ amount: amount * quantity, currency });

const shown = (text, options) => new Intl.DateTimeFormat(locale(), options).format(new Date(text));

/** A day and its time, at the event's own clock. */
export const instant = (text, timeZone) => shown(text, { dateStyle: "medium", timeStyle: "short", timeZone });
export const longDay = (text, timeZone) =>
  shown(text, { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone });
export const shortDay = (text, timeZone) => shown(text, { weekday: "short", day: "numeric", month: "short", timeZone });
export const clock = (text, timeZone, timeStyle = "short") => shown(text, { timeStyle, timeZone });
export const month = (text, timeZone) => shown(text, { month: "long", year: "numeric", timeZone });

/** The month as 2027-06, for comparing. */
export const monthKey = (text, timeZone) =>
  new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", timeZone }).format(new Date(text));

/** The date as 2027-06-01. */
export const dateKey = (time, timeZone) => new Intl.DateTimeFormat("en-CA", { timeZone }).format(new Date(time));

/** A slot, which is in the event's local time: 2027-09-12T13:30. */
export const slotText = (slot) => `${shown(`${slot}:00Z`, { dateStyle: "medium", timeZone: "UTC" })}, ${slot.slice(11)}`;

/** 12:05 or 1:00:00, or days and hours for what is far away. */
export function duration(seconds) {
  const part = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  if (days > 1) return new Intl.NumberFormat(locale(), { style: "unit", unit: "day", unitDisplay: "long" }).format(days);
  const hours = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : "";
  return `${hours}${part(Math.floor(seconds / 60) % 60)}:${part(Math.floor(seconds) % 60)}`;
}
