// The picture of an event: its own, or one that is made of its id, so that each event looks like itself.

import { el } from "/assets/dom.js";

const SVG = "http://www.w3.org/2000/svg";
const PALETTES = [
  ["#2d2a6e", "#6f6ad9", "#f2b45c", "#f7e8d0"],
  ["#123c3a", "#2f8f83", "#f0c987", "#e9f3ef"],
  ["#5a1a3a", "#c2496f", "#f6b6a1", "#fbe9e2"],
  ["#1d3557", "#457b9d", "#e9a15b", "#f1faee"],
  ["#3b2450", "#8e5ea8", "#7fc8b5", "#f3eafa"],
  ["#4a2c14", "#b8672d", "#f1cf7c", "#fbf3df"],
];

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Numbers from 0 to 1, always the same for the same seed. */
function numbers(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

const MOTIFS = [
  /** A sun over hills: an evening outside. */
  (next, [, middle, bright]) => [
    draw("circle", { cx: 120 + next() * 160, cy: 92, r: 52 + next() * 14, fill: bright }),
    ...[0, 1, 2].map((i) => draw("path", {
      d: `M0 ${150 + i * 22} Q${80 + next() * 60} ${100 + i * 26 + next() * 30} 200 ${145 + i * 20} T400 ${132 + i * 24} V225 H0Z`,
      fill: middle, "fill-opacity": 0.35 + i * 0.25,
    })),
  ],
  /** Beams of light: a club. */
  (next, [, middle, bright, light]) => [
    ...[0, 1, 2, 3, 4].map((i) => {
      const top = 60 + i * 70;
      const foot = top + (next() - 0.5) * 260;
      return draw("path", { d: `M${top} 0 L${foot - 46} 225 H${foot + 46}Z`, fill: i % 2 ? bright : middle, "fill-opacity": 0.45 });
    }),
    ...Array.from({ length: 14 }, () => draw("circle", { cx: next() * 400, cy: 150 + next() * 70, r: 1.5 + next() * 3, fill: light, "fill-opacity": 0.8 })),
  ],
  /** Arches: a theatre. */
  (next, [, middle, bright, light]) => [
    ...[0, 1, 2, 3].map((i) => draw("path", {
      d: `M${60 + i * 34} 225 V${120 + i * 14} A${140 - i * 34} ${100 - i * 22} 0 0 1 ${340 - i * 34} ${120 + i * 14} V225Z`,
      fill: [middle, bright, middle, light][i], "fill-opacity": [0.5, 0.75, 0.9, 0.95][i],
    })),
    draw("rect", { x: 0, y: 205, width: 400, height: 20, fill: bright, "fill-opacity": 0.4 + next() * 0.2 }),
  ],
  /** Rings: a record, a clock. */
  (next, [, middle, bright, light]) => {
    const [x, y] = [150 + next() * 100, 112];
    const rings = [96, 74, 52, 30].map((r, i) => draw("circle", { cx: x, cy: y, r, fill: "none", stroke: [middle, bright, middle, light][i], "stroke-width": 9, "stroke-opacity": 0.85 }));
    const hand = next() * Math.PI * 2;
    return [...rings, draw("path", { d: `M${x} ${y} L${x + Math.cos(hand) * 84} ${y + Math.sin(hand) * 84}`, stroke: light, "stroke-width": 5, "stroke-linecap": "round" })];
  },
];

function made({ id }) {
  const next = numbers(id + 7);
  const palette = PALETTES[id % PALETTES.length];
  const picture = draw("svg", { viewBox: "0 0 400 225", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", class: "poster" });
  picture.append(draw("rect", { width: 400, height: 225, fill: palette[0] }), ...MOTIFS[id % MOTIFS.length](next, palette));
  return picture;
}

/** The picture, which says nothing that the text beside it does not. */
export function posterOf(event) {
  if (!event.image_url) return made(event);
  const picture = el("img", { className: "poster", src: event.image_url, alt: "", loading: "lazy" });
  picture.addEventListener("error", () => picture.replaceWith(made(event)));
  return picture;
}
