export { NoAnswer, Onsale, ProblemError, unwrap, type ClientOptions, type Intent } from "./client.js";
export { ServerClock } from "./clock.js";
export type * from "./problems.js";
export {
  withChange,
  withSeats,
  type AvailabilityChange,
  type Sale,
  type SeatsChange,
  type StreamEvent,
  type StreamId,
  type StreamOptions,
} from "./streams.js";
export type { Answer, Input, OperationId, ProblemOf, Result, Schemas } from "./types.js";
