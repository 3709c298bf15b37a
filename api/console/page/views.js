// The views of the console, in the order of the navigation. See frame.js for what a view is.

import { now } from "./now.js";

export const VIEWS = [now];
