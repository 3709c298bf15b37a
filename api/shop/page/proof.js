// The proof that the order was drawn by lot: the promise before, the result, and the result that this page computed
// itself.

import { call } from "/assets/api.js";
import { button, byId, el } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { position, sha1 } from "./order.js";
import { session } from "/assets/store.js";
import { t } from "/assets/words.js";

const A_SLICE = 1000; // positions between two looks of the browser at anything else

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
  if (!session.get(name)) session.set(name, { commitment: room.commitment, at: room.as_of, before: room.seed === null });
  return session.get(name);
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
    seen.before && [seen.commitment === audit.commitment, t("proof.seen", { when })],
    sum !== null && [sum === audit.commitment, t("proof.sum")],
    [
      sha1(`${audit.secret}:${audit.event_id}:${audit.cohort}:${audit.digest}`) === audit.seed,
      t("proof.seed"),
    ],
    place && turn && place.position !== null && [
      place.position === turn.own,
      place.index < audit.cohort
        ? t("proof.place", { place: turn.own + 1, index: place.index + 1 })
        : t("proof.late"),
    ],
    order !== null && [order, t("proof.all", { count: audit.cohort })],
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
  byId("explained").textContent = room.seed === null
    ? t("proof.before")
    : t("proof.after");
  const list = checks(seen, place, turn);
  const texts = list.map(([right, text]) => `${right} ${text}`).join();
  if (byId("checks").dataset.shown !== texts) {
    byId("checks").dataset.shown = texts;
    byId("checks").replaceChildren(...list.map(([right, text]) => el("li", { className: right ? "right" : "wrong" }, right ? text : `${t("proof.wrong")} ${text}`)));
  }
  if (audit && order === null && audit.cohort > 0 && !byId("check-all").childElementCount) {
    const progress = el("span", { role: "status" });
    const check = button(t("proof.compute"), async () => {
      await checkAll(progress);
      byId("check-all").replaceChildren();
      showProof(id, room, place, turn);
    }, { className: "quiet" });
    byId("check-all").replaceChildren(check, progress);
  }
  const long = {
    [t("proof.commitment")]: room.commitment, [t("proof.secret")]: audit?.secret, [t("proof.cohort")]: audit?.cohort,
    [t("proof.digest")]: audit?.digest, [t("proof.seed_name")]: room.seed,
  };
  const figure = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)));
  byId("audit").replaceChildren(...Object.entries(long).filter(([, value]) => value != null).map(figure));
}
