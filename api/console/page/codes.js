// The codes of an event: list, create, withdraw.

import { call, file } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { instant, money } from "/assets/format.js";
import { t } from "/assets/words.js";
import { change, choice, field } from "./change.js";
import { act } from "./reasons.js";
import { table } from "./table.js";

const KINDS = ["access", "discount"];

/** The body of the request; what the manager left empty is left out. */
function newCodes({ kind, name, count, percent, uses, until, tag }) {
  const given = { kind: kind.value };
  if (name.value.trim()) given.codes = name.value.trim().split(/[\s,]+/);
  else given.count = Number(count.value);
  if (kind.value === "discount") given.percent = Number(percent.value);
  if (uses.value) given.max_uses = Number(uses.value);
  if (until.value) given.valid_until = new Date(until.value).toISOString();
  if (tag.value.trim()) given.tag = tag.value.trim();
  return given;
}

async function create(event, again) {
  const inputs = {
    kind: choice(KINDS.map((kind) => [kind, t(`codes.kind.${kind}`)]), "access"),
    name: el("input", { autocomplete: "off", pattern: "[A-Za-z0-9._~,\\s\\-]*" }),
    count: el("input", { type: "number", min: 1, max: 100_000, value: 1, required: true }),
    percent: el("input", { type: "number", min: 1, max: 100, value: 10, required: true }),
    uses: el("input", { type: "number", min: 1 }),
    until: el("input", { type: "datetime-local" }),
    tag: el("input", { autocomplete: "off", maxLength: 64 }),
  };
  const percent = field(t("codes.percent"), inputs.percent);
  const count = field(t("codes.count"), inputs.count);
  const told = el("p", { role: "status" });
  const tell = () => {
    const names = inputs.name.value.trim() ? inputs.name.value.trim().split(/[\s,]+/).length : Number(inputs.count.value);
    percent.hidden = inputs.percent.disabled = inputs.kind.value !== "discount";
    count.hidden = inputs.count.disabled = Boolean(inputs.name.value.trim());
    told.textContent = t(`codes.says.${inputs.kind.value}`, { count: names, percent: inputs.percent.value });
  };
  for (const input of Object.values(inputs)) input.addEventListener("input", tell);
  tell();
  const isDone = await change({
    title: t("codes.create.title", { name: event.name }),
    says: told,
    fields: [field(t("codes.kind"), inputs.kind), field(t("codes.name"), inputs.name, t("codes.name.hint")), count, percent,
      field(t("codes.uses"), inputs.uses, t("codes.uses.hint")), field(t("codes.until"), inputs.until), field(t("codes.tag"), inputs.tag)],
    yes: t("codes.create"),
    run: async (wish) => {
      const { created, codes } = await act("POST", `/events/${event.id}/codes`, newCodes(inputs), wish);
      return t("codes.created", { count: created, codes: codes.slice(0, 5).join(", ") });
    },
  });
  if (isDone) await again();
}

async function withdraw(event, { code, uses, places_held: held, places_sold: sold }, again) {
  const isDone = await change({
    title: t("codes.withdraw.title", { code }),
    says: t("codes.withdraw.says", { count: uses, held, sold }),
    yes: t("codes.withdraw"),
    run: async (wish) => {
      await act("DELETE", `/events/${event.id}/codes/${encodeURIComponent(code)}`, undefined, wish).catch((problem) => {
        if (problem.code !== "code_unknown") throw problem; // an earlier try, whose answer was lost, has done it
      });
      return t("codes.withdrawn", { code });
    },
  });
  if (isDone) await again();
}

const worth = ({ percent, amount_off: off, price }) =>
  percent ? t("codes.percent_off", { percent }) : off ? t("codes.amount_off", { amount: money(off) }) : price ? money(price) : null;

export async function codesPanel(event, again) {
  const { items, next_cursor: more } = await call("GET", `/events/${event.id}/codes?limit=100`);
  const columns = [
    [t("codes.code"), ({ code }) => el("code", {}, code)],
    [t("codes.kind"), (code) => [t(`codes.kind.${code.kind}`), worth(code)].filter(Boolean).join(": ")],
    [t("codes.used"), ({ uses, max_uses: most }) => (most ? t("codes.of", { uses, most }) : String(uses))],
    [t("codes.places"), ({ places_held: held, places_sold: sold }) => t("codes.held_sold", { held, sold })],
    [t("codes.until"), ({ valid_until: until }) => until && instant(until, event.timezone)],
    [t("codes.tag"), ({ tag }) => tag],
    [t("tickets.actions"), (code) => button(t("codes.withdraw"), () => withdraw(event, code, again), { className: "quiet small", ariaLabel: t("codes.withdraw.title", { code: code.code }) })],
  ];
  const saveAll = async () => {
    const link = el("a", { href: await file(`/events/${event.id}/codes.csv`), download: `codes-${event.id}.csv` });
    link.click();
  };
  return {
    children: [
      el("div", { className: "row" }, button(t("codes.create"), () => create(event, again), { "data-act": "codes-create" }),
        items.length ? button(t("export"), saveAll, { className: "quiet small" }) : null),
      table(t("codes.caption", { name: event.name }), columns, items, t("codes.none")),
      more && el("p", { className: "hint" }, t("codes.more")),
    ],
  };
}
