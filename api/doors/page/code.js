// A code as it is read without the server: what it names, and whether a key of the event signed it.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const CHARACTERS = 125;
const SIGNED_BYTES = 19;

const fromBase45 = (text) => {
  const bytes = [];
  for (let at = 0; at < text.length; at += 3) {
    const values = [...text.slice(at, at + 3)].map((character) => ALPHABET.indexOf(character));
    if (values.includes(-1) || values.length === 1) return null;
    const number = values[0] + 45 * values[1] + 2025 * (values[2] ?? 0);
    if (number > (values.length === 3 ? 0xffff : 0xff)) return null;
    bytes.push(...(values.length === 3 ? [number >> 8, number & 255] : [number]));
  }
  return new Uint8Array(bytes);
};

const fromBase64 = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

// {event, serial, issue, signed, signature}; null for a text that is no code.
export const readCode = (text) => {
  const bytes = text.length === CHARACTERS ? fromBase45(text) : null;
  if (!bytes || bytes.length !== SIGNED_BYTES + 64 || bytes[0] !== 1) return null;
  const view = new DataView(bytes.buffer);
  return {
    event: Number(view.getBigUint64(1)),
    serial: Number(view.getBigUint64(9)),
    issue: view.getUint16(17),
    signed: bytes.slice(0, SIGNED_BYTES),
    signature: bytes.slice(SIGNED_BYTES),
  };
};

// True or false; null where this browser cannot verify signatures.
export const isSigned = async (code, keys) => {
  if (!globalThis.crypto?.subtle) return null;
  for (const { x } of keys) {
    try {
      const key = await crypto.subtle.importKey("raw", fromBase64(x), { name: "Ed25519" }, false, ["verify"]);
      if (await crypto.subtle.verify({ name: "Ed25519" }, key, code.signature, code.signed)) return true;
    } catch {
      return null;
    }
  }
  return false;
};
