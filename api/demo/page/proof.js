// The proof that the order was drawn by lot: what was promised before, what became of it, and what this page computed itself.

import { button, call, el, instant, kept } from "./api.js";
import { position, sha1 } from "./order.js";

const A_SLICE = 1000; // positions between two looks of the browser at anything else
const at = (name) => document.getElementById(name);

let audit = null;
let sum = null; // SHA-256 of the secret; null where the browser has none, on pages that came over plain http
let order = null; // true if all positions were computed and each is there once
let asked = false;

async function sha256(digits) {
  if (!globalThis.crypto?.subtle) return null;
  const bytes = Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** What this page saw of the promise first, and when: if that was before the draw, the secret was fixed by then. */
function noted(id, room) {
  const name = `commitment-${id}`;
  if (!kept.get(name)) kept.set(name, { commitment: room.commitment, at: room.as_of, before: room.seed === null });
  return kept.get(name);
}

async function checkAll(progress) {
  const { cohort, seed } = audit;
  const seen = new Uint8Array(cohort);
  for (let index = 0; index < cohort; index++) {
    seen[position(index, cohort, seed)] += 1;
    if (index % A_SLICE === A_SLICE - 1) {
      progress.textContent = `${Math.floor((100 * index) / cohort)} %`;
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  progress.textContent = "";
  order = seen.every((times) => times === 1);
}

function checks(seen, place, turn) {
  const when = instant(seen.at);
  if (!audit) return [];
  return [
    seen.before && [seen.commitment === audit.commitment, `The commitment is the one that this page saw at ${when}, before the draw.`],
    sum !== null && [sum === audit.commitment, "The commitment is the SHA-256 of the secret."],
    [
      sha1(`${audit.secret}:${audit.event_id}:${audit.cohort}:${audit.digest}`) === audit.seed,
      "The seed is made of the secret, the event, the number of those who joined in time, and a digest over them.",
    ],
    place && turn && place.position !== null && [
      place.position === turn.own,
      place.index < audit.cohort
        ? `This page computed your place in the order, ${turn.own + 1}, from your number, ${place.index + 1}. The server says the same.`
        : "You joined after the draw, so you stand behind those who were drawn, in order of arrival.",
    ],
    order !== null && [order, `All ${audit.cohort} places were computed: each is there exactly once.`],
  ].filter((check) => check);
}

/** Show what can be shown of the proof at this moment. */
export function showProof(id, room, place, turn) {
  const seen = noted(id, room);
  if (room.seed !== null && !asked) {
    asked = true;
    const learn = async () => {
      audit = await call("GET", `/events/${id}/queue/audit`);
      sum = await sha256(audit.secret);
    };
    learn().then(() => showProof(id, room, place, turn), () => (asked = false));
  }
  at("explained").textContent = room.seed === null
    ? "A secret was made before anybody joined. Its fingerprint, the commitment below, is public. At the draw the secret is shown, so nobody can have changed it."
    : "The order follows from the secret and from all who joined before the draw. Anybody can compute it again.";
  const list = checks(seen, place, turn);
  const texts = list.map(([right, text]) => `${right} ${text}`).join();
  if (at("checks").dataset.shown !== texts) {
    at("checks").dataset.shown = texts;
    at("checks").replaceChildren(...list.map(([right, text]) => el("li", { className: right ? "right" : "wrong" }, right ? text : `Wrong: ${text}`)));
  }
  if (audit && order === null && audit.cohort > 0 && !at("check-all").childElementCount) {
    const progress = el("span", { role: "status" });
    const check = button("Compute all places", async () => {
      await checkAll(progress);
      at("check-all").replaceChildren();
      showProof(id, room, place, turn);
    }, { className: "quiet" });
    at("check-all").replaceChildren(check, progress);
  }
  const long = { Commitment: room.commitment, Secret: audit?.secret, Joined: audit?.cohort, Digest: audit?.digest, Seed: room.seed };
  const figure = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)));
  at("audit").replaceChildren(...Object.entries(long).filter(([, value]) => value != null).map(figure));
}
