// The texts of pages, in the reader's language. Each language is a file: en.json, de.json.

import { byId, el } from "/assets/dom.js";
import { kept } from "/assets/store.js";

const LANGUAGES = { en: "English", de: "Deutsch" };

let texts = {};
let chosen = "en";
let plural = new Intl.PluralRules("en");

/**
 * Read the texts of a folder, which has some of our languages. The chosen language is read, else the first that the browser
 * asks for and that is there.
 */
export async function loadWords(folder, languages = Object.keys(LANGUAGES)) {
  const wanted = [kept.get("language"), ...(navigator.languages ?? [])].map((each) => each?.slice(0, 2));
  chosen = wanted.find((each) => languages.includes(each)) ?? "en";
  plural = new Intl.PluralRules(chosen);
  texts = await (await fetch(`${folder}/${chosen}.json`)).json();
  document.documentElement.lang = chosen;
}

export const language = () => chosen;

/** The language with the country that the browser names, for dates and amounts. */
export const locale = () => navigator.languages?.find((each) => each.startsWith(chosen)) ?? chosen;

/** Let the reader choose another language, in the select with the id "language". */
export function showLanguages() {
  const select = byId("language");
  select.replaceChildren(
    ...Object.entries(LANGUAGES).map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  select.addEventListener("change", () => {
    kept.set("language", select.value);
    location.reload();
  });
}

/** True if there is a text of this name. */
export const has = (name) => name in texts;

/**
 * The text of this name, with `{values}` put in. A text that depends on a number is an object by plural form, chosen by
 * the value `count`.
 */
export function t(name, values = {}) {
  const found = texts[name];
  const text = typeof found === "object" ? (found[plural.select(values.count)] ?? found.other) : (found ?? name);
  return text.replace(/\{(\w+)\}/g, (whole, key) => {
    const value = values[key];
    return value === undefined ? whole : typeof value === "number" ? value.toLocaleString(locale()) : value;
  });
}

/** Fill in the texts of elements that are there from the start: `data-t` is the name. */
export function fillIn(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = t(element.dataset.label);
}
