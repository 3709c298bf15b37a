// Webhooks whose messages were given up, and facts that could not be written: what failed, and why.

import { all, call } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { t } from "/assets/words.js";
import { change } from "./change.js";
import { act } from "./reasons.js";
import { exportButton, table } from "./table.js";

const SHOWN = 50;

async function sendAgain(webhook, path, says, again) {
  let [step, sent] = [0, 0];
  const isDone = await change({
    title: t("webhooks.again.title", { url: webhook.url }),
    says,
    yes: t("webhooks.again"),
    run: async (wish, say) => {
      let left = 0;
      do {
        const part = await act("POST", path, {}, { ...wish, key: `${wish.key}-${step}` });
        step += 1;
        sent += part.redelivered ?? 1;
        left = part.redelivered ? part.dead : 0;
        say(t("webhooks.progress", { sent }));
      } while (left);
      return t("webhooks.sent", { count: sent });
    },
  });
  if (isDone) await again();
}

async function webhookPanel(webhook, again) {
  const path = `/webhooks/${webhook.id}`;
  const { items, next_cursor: more } = await call("GET", `${path}/deliveries?status=dead&limit=${SHOWN}`);
  const one = (delivery) => button(t("webhooks.again"), () =>
    sendAgain(webhook, `${path}/deliveries/${delivery.id}/redeliver`, t("webhooks.again.says_one", delivery), again),
  { className: "quiet small", ariaLabel: t("webhooks.again.one", { subject: delivery.subject, type: delivery.type }) });
  const columns = [
    [t("webhooks.ended"), ({ ended_at: at }) => instant(at)],
    [t("webhooks.type"), ({ type }) => type],
    [t("webhooks.subject"), ({ subject }) => subject],
    [t("webhooks.attempts"), ({ attempts }) => String(attempts)],
    [t("webhooks.error"), ({ error, response_status: status }) => [status && t("webhooks.status", { status: String(status) }), error].filter(Boolean).join(": ") || null],
    [t("tickets.actions"), one],
  ];
  const allOfThem = () => sendAgain(webhook, `${path}/redeliver`, t("webhooks.again.says", { count: items.length, more: more ? "+" : "" }), again);
  return el("section", { className: "panel", "aria-labelledby": `webhook-${webhook.id}` },
    el("h2", { id: `webhook-${webhook.id}` }, webhook.url),
    !webhook.enabled && el("p", {}, t(webhook.gone_at ? "webhooks.gone" : "webhooks.off")),
    items.length > 0 && el("div", { className: "row" }, button(t("webhooks.again.all"), allOfThem),
      exportButton(`dead-${webhook.id}`, () => `${path}/deliveries?status=dead`)),
    table(t("webhooks.caption", { url: webhook.url }), columns, items, t("webhooks.none_dead")),
    more && el("p", { className: "hint" }, t("webhooks.more", { count: SHOWN })));
}

async function letterPanel() {
  const { items } = await call("GET", `/dead-letters?limit=${SHOWN}`);
  const columns = [
    [t("letters.at"), ({ at }) => instant(at)],
    [t("letters.place"), ({ partition, epoch, sequence }) => t("letters.at_place", { partition: String(partition), epoch: String(epoch), sequence: String(sequence) })],
    [t("letters.error"), ({ error }) => error],
  ];
  return el("section", { className: "panel", "aria-labelledby": "letters" }, el("h2", { id: "letters" }, t("letters.heading")),
    el("p", { className: "hint" }, t("letters.hint")),
    items.length > 0 && exportButton("dead-letters", () => "/dead-letters"),
    table(t("letters.caption"), columns, items, t("letters.none")));
}

async function draw(main) {
  const place = el("div", { className: "panels" });
  const look = async () => {
    const webhooks = await all("/webhooks");
    const panels = await Promise.all([...webhooks.map((webhook) => webhookPanel(webhook, look)), letterPanel()]);
    place.replaceChildren(...(webhooks.length ? [] : [el("p", {}, t("webhooks.none"))]), ...panels);
  };
  main.append(el("h1", {}, t("view.webhooks")), place);
  await look();
}

export const webhooks = { name: "webhooks", draw, concernsAll: true };
