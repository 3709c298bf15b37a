// The server's clock: a countdown ends when the server says so, whatever the browser's clock shows.

import { el } from "/assets/dom.js";

const JUMP_MS = 2000;
let aheadMs = 0; // by how much the server's clock is ahead of the browser's, at least
let isKnown = false;

/** Learn from an instant that the server wrote a moment ago. */
export function learn(text) {
  const sample = Date.parse(text) - Date.now();
  if (Number.isNaN(sample)) return;
  aheadMs = !isKnown || Math.abs(sample - aheadMs) > JUMP_MS ? sample : Math.max(aheadMs, sample);
  isKnown = true;
}

/** Learn from the Date header, which has whole seconds, while nothing better is known. */
export function learnHeader(text) {
  const sample = Date.parse(text) + 500 - Date.now();
  if (!isKnown && !Number.isNaN(sample)) aheadMs = Math.abs(sample) > JUMP_MS ? sample : 0;
}

/** Milliseconds since 1970, by the server's clock. */
export const now = () => Date.now() + aheadMs;

/** Seconds until an instant, rounded up; 0 if it is over. */
export const secondsUntil = (text) => Math.max(0, Math.ceil((Date.parse(text) - now()) / 1000));

/** Call `tick(seconds)` four times a second until it is 0 for the first time, or until the function returned is called. */
export function countdown(until, tick) {
  let timer = null;
  const step = () => {
    const seconds = secondsUntil(until);
    timer = seconds > 0 ? setTimeout(step, 250) : null;
    tick(seconds);
  };
  step();
  return () => clearTimeout(timer);
}

/** An element that shows the time left; it stops when it leaves the page. `ended` is called when it is over. */
export function timeLeft(until, show, ended = () => {}) {
  const shown = el("time", { className: "left", dateTime: until });
  let entered = false;
  const stop = countdown(until, (seconds) => {
    entered ||= shown.isConnected;
    if (entered && !shown.isConnected) return stop?.();
    const text = show(seconds);
    if (shown.textContent !== text) shown.textContent = text;
    shown.classList.toggle("soon", seconds <= 60);
    if (seconds === 0) ended();
  });
  return shown;
}
