// What outlives the page, and is the same in all tabs.

const PREFIX = "onsale:";
const watchers = new Map(); // by name, the functions to call when another tab changes it

/** Values by name in a storage of the browser; where it keeps nothing they last as long as the page. */
class Store {
  constructor(storage) {
    this.storage = storage;
    this.memory = new Map();
  }

  /** The value of that name, or `otherwise`. */
  get(name, otherwise = null) {
    try {
      return JSON.parse(this.storage().getItem(PREFIX + name)) ?? otherwise;
    } catch {
      return this.memory.get(name) ?? otherwise;
    }
  }

  /** Keep a value; null forgets it. */
  set(name, value) {
    this.memory.set(name, value);
    try {
      if (value === null) this.storage().removeItem(PREFIX + name);
      else this.storage().setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      return; // it stays in memory
    }
  }
}

/** What all tabs share, for as long as the browser keeps it. */
export const kept = new Store(() => localStorage);

/** What only this tab knows, until it is closed. */
export const session = new Store(() => sessionStorage);

/** Call `act` whenever another tab changes a value that is shared. */
export function watchKept(name, act) {
  watchers.set(name, [...(watchers.get(name) ?? []), act]);
}

addEventListener("storage", ({ key }) => {
  if (key?.startsWith(PREFIX)) for (const act of watchers.get(key.slice(PREFIX.length)) ?? []) act();
});

/** A random UUID; crypto.randomUUID is not there on pages that came over plain http. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
