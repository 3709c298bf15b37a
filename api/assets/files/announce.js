// What is said to those who listen to the page instead of looking at it.

import { byId } from "/assets/dom.js";

/** Say a sentence when the listener is ready, or at once. The same sentence again is said again. */
export function announce(sentence, { now = false } = {}) {
  const region = byId(now ? "said-now" : "said");
  region.textContent = region.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
