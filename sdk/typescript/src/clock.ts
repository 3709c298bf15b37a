// The server's time, so that a countdown does not depend on the visitor's clock.

/** Milliseconds that never jump. */
export type Monotonic = () => number;

/**
 * The server's clock, estimated from answers.
 *
 * Each answer bounds the difference between both clocks: the server read its clock after the request was sent and before
 * the answer came. The bounds of several answers are intersected.
 */
export class ServerClock {
  #low = -Infinity;
  #high = Infinity;
  readonly #monotonic: Monotonic;

  constructor(monotonic: Monotonic = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** Monotonic milliseconds; for `observe`. */
  mark(): number {
    return this.#monotonic();
  }

  /** Notes that the server's clock showed `serverMs` (cut to `resolutionMs`) after `sent` and before `received`. */
  observe(serverMs: number, sent: number, received: number, resolutionMs = 1): void {
    const low = serverMs - received;
    const high = serverMs + resolutionMs - sent;
    const both = [Math.max(low, this.#low), Math.min(high, this.#high)] as const;
    // A clock that was set, or a device that slept: the newest answer is right.
    [this.#low, this.#high] = both[0] <= both[1] ? both : [low, high];
  }

  /** True once an answer has been seen. */
  get known(): boolean {
    return this.#high !== Infinity;
  }

  /** The error of `now` is at most this. */
  get uncertaintyMs(): number {
    return (this.#high - this.#low) / 2;
  }

  /** The server's time in milliseconds since 1970; the device's before the first answer. */
  now(): number {
    return this.known ? this.#monotonic() + (this.#low + this.#high) / 2 : Date.now();
  }

  /** Milliseconds until an instant of the server, such as `expires_at`; 0 if it is over. */
  until(instant: string): number {
    return Math.max(0, Date.parse(instant) - this.now());
  }
}
