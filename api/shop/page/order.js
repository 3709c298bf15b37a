// The order of a waiting room, for anybody to recompute.

/** SHA-1 of a text, as hexadecimal digits. */
export function sha1(text) {
  const bytes = new TextEncoder().encode(text);
  const words = new Uint32Array((((bytes.length + 8) >> 6) + 1) * 16);
  [...bytes, 0x80].forEach((byte, i) => (words[i >> 2] |= byte << (24 - (i % 4) * 8)));
  words[words.length - 1] = bytes.length * 8;
  const turn = (word, bits) => (word << bits) | (word >>> (32 - bits));
  let sums = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let block = 0; block < words.length; block += 16) {
    const w = [...words.subarray(block, block + 16)];
    for (let i = 16; i < 80; i++) w.push(turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1));
    let [a, b, c, d, e] = sums;
    for (let i = 0; i < 80; i++) {
      const mixed = i < 20 ? ((b & c) | (~b & d)) + 0x5a827999
        : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
        : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
        : (b ^ c ^ d) + 0xca62c1d6;
      [a, b, c, d, e] = [(turn(a, 5) + mixed + e + w[i]) | 0, a, turn(b, 30), c, d];
    }
    sums = [a, b, c, d, e].map((sum, i) => (sum + sums[i]) | 0);
  }
  return sums.map((sum) => (sum >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The place in the order of who joined as number `index`, counted from 0. */
export function position(index, cohort, seed) {
  if (index >= cohort) return index;
  const side = Math.ceil(Math.sqrt(cohort));
  do {
    let [left, right] = [Math.floor(index / side), index % side];
    for (let number = 1; number <= 8; number++) {
      const part = parseInt(sha1(`${seed}:${number}:${right}`).slice(0, 12), 16);
      [left, right] = [right, (left + part) % side];
    }
    index = left * side + right;
  } while (index >= cohort);
  return index;
}

/** What is true of what `GET /v1/events/{id}/queue/audit` answers. All of it must be. */
export async function verify({ event_id, commitment, secret, cohort, digest, seed }) {
  const bytes = Uint8Array.from(secret.match(/../g), (pair) => parseInt(pair, 16));
  const sum = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
  const positions = new Set(Array.from({ length: cohort }, (_, index) => position(index, cohort, seed)));
  return {
    secret: sum.map((byte) => byte.toString(16).padStart(2, "0")).join("") === commitment,
    seed: sha1(`${secret}:${event_id}:${cohort}:${digest}`) === seed,
    order: positions.size === cohort && [...positions].every((each) => each < cohort),
  };
}
