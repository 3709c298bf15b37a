// Ask again and again, with growing pauses while that fails. A tab that nobody looks at asks nothing.

import { failed } from "/assets/dom.js";
import { whenBack } from "/assets/service.js";

const LONGEST_MS = 15_000;

/**
 * Call `work()` now, and again `everyMs` after each time it has ended; after a failure the pause doubles, up to 15 s. It is
 * called at once when the tab is looked at again, and when a server that was away is back. What it throws goes to `told`.
 * Returns a function that ends this.
 */
export function repeat(work, everyMs, told = failed) {
  let timer = null;
  let failures = 0;
  let isAsking = false;
  let ended = false;

  async function ask() {
    clearTimeout(timer);
    if (ended || isAsking || document.hidden) return;
    isAsking = true;
    try {
      await work();
      failures = 0;
    } catch (problem) {
      failures += 1;
      if (!ended) told(problem);
    }
    isAsking = false;
    if (!ended) timer = setTimeout(ask, Math.min(LONGEST_MS, everyMs * 2 ** failures));
  }

  const look = () => document.hidden || ask();
  document.addEventListener("visibilitychange", look);
  const forget = whenBack(ask);
  ask();
  return () => {
    ended = true;
    clearTimeout(timer);
    forget();
    document.removeEventListener("visibilitychange", look);
  };
}
