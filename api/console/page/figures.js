// Figures as managers read them. What is not known is said so, with the reason.

import { el } from "/assets/dom.js";
import { locale, t } from "/assets/words.js";

const MINUTE_S = 60;

/** A number with the separators of the language. */
export const number = (value, options = {}) => new Intl.NumberFormat(locale(), options).format(value);

/** A share, as 33 %. All is said only where it is all. */
export function share(part, whole) {
  const percent = Math.floor((1000 * part) / whole) / 10;
  return number(percent / 100, { style: "percent", maximumFractionDigits: percent < 10 || percent > 99 ? 1 : 0 });
}

/** A duration, rounded to what matters: 12 ms, 3.2 s, 5 min, 2 h. */
export function span(ms) {
  const [value, unit] = ms < 1000 ? [ms, "millisecond"] : ms < 120_000 ? [ms / 1000, "second"]
    : ms < 7_200_000 ? [ms / 60_000, "minute"] : [ms / 3_600_000, "hour"];
  const digits = unit === "second" && value < 10 ? 1 : 0;
  return number(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits });
}

/** The seconds that something was measured for, in words. */
export const measured = (seconds) => (seconds >= MINUTE_S - 5 ? t("over.minute") : t("over.seconds", { seconds }));

/** Put a text where another one was; what has not changed is not touched. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A list of terms with their figures, by name; `set(name, text)` changes one. */
export function figureList(names) {
  const values = new Map(names.map((name) => [name, el("dd")]));
  const list = el("dl", { className: "figures" },
    [...values].map(([name, value]) => el("div", {}, el("dt", {}, t(`figure.${name}`)), value)));
  return { list, set: (name, text) => put(values.get(name), text) };
}
