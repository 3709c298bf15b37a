// Amounts as people write them.

const digits = new Map();

/** The digits of the minor unit of a currency. */
export function digitsOf(currency) {
  if (!digits.has(currency)) {
    digits.set(currency, new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits);
  }
  return digits.get(currency);
}

/** The amount of a text like 30 or 30.50 or 30,50; null for what is none. */
export function moneyOf(text, currency) {
  const most = digitsOf(currency);
  const found = text.trim().match(/^(\d{1,9})(?:[.,](\d+))?$/);
  if (!found || (found[2]?.length ?? 0) > most) return null;
  return { amount: Number(found[1] + (found[2] ?? "").padEnd(most, "0")), currency };
}
