// Whether the server answers. While it does not, a banner says so; it goes when the server is back.

import { byId } from "/assets/dom.js";
import { t } from "/assets/words.js";

const PROBE_MS = 2000;
const PROBE_TIMEOUT_MS = 4000;
const returned = new Set();
let isAway = false;

function show(text) {
  byId("banner").hidden = !text;
  byId("banner").textContent = text;
}

async function probe() {
  try {
    const answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    if (answer.ok) return answered();
  } catch {
    // it is still away
  }
  setTimeout(probe, PROBE_MS);
}

/** The server is away, or the network is. */
export function missing() {
  show(t(navigator.onLine === false ? "banner.offline" : "banner.away"));
  if (isAway) return;
  isAway = true;
  setTimeout(probe, PROBE_MS);
}

/** The server has answered as it should. */
export function answered() {
  if (!isAway) return;
  isAway = false;
  show("");
  for (const act of returned) act();
}

/** Call `act` when the server is back; returns a function that ends that. */
export function whenBack(act) {
  returned.add(act);
  return () => returned.delete(act);
}

addEventListener("offline", missing);
addEventListener("online", () => isAway && probe());
