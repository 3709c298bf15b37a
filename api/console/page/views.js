// The views of the console, in the order of the navigation. See frame.js for what a view is.

import { changes } from "./changes.js";
import { customers } from "./customers.js";
import { doors } from "./doors.js";
import { events } from "./events.js";
import { money } from "./money.js";
import { now } from "./now.js";
import { webhooks } from "./webhooks.js";

export const VIEWS = [now, events, money, doors, customers, changes, webhooks];
