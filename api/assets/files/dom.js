// Elements of the page.

/** An element; what is no property of it becomes an attribute. Children that are null or false are left out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A button that does one thing at a time. It is not disabled meanwhile: it would lose the focus. */
export function button(text, work, properties = {}) {
  const made = el("button", { type: "button", ...properties }, text);
  made.addEventListener("click", () => once(made, work));
  return made;
}

/** Do what a control is for, unless that is under way. What is thrown goes to `failed`. */
export async function once(control, work, failed = (problem) => whenFailed(problem)) {
  if (control.ariaBusy === "true") return;
  control.ariaBusy = "true";
  try {
    await work();
  } catch (problem) {
    failed(problem);
  } finally {
    control.ariaBusy = null;
  }
}

let whenFailed = (problem) => { throw problem; };

/** Set the function that is called with each failure. */
export function onFailure(tell) {
  whenFailed = tell;
}

/** Tell what went wrong. */
export const failed = (problem) => whenFailed(problem);

/** Show these children in place of others, unless they are the same by their text: so the focus stays. */
export function refill(place, ...children) {
  const made = el("div", {}, ...children);
  if (place.innerHTML !== made.innerHTML) place.replaceChildren(...made.childNodes);
}

/** Move the focus to a heading or a region, which is not in the order of the Tab key. */
export function focusOn(element) {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}
