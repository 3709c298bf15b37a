// A shop's front end over the generated types: it must compile, and tell one problem from another.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api";

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });

export async function newEvent(): Promise<number> {
  // What has a default may be left out.
  const body: components["schemas"]["EventBody"] = {
    name: "Big event",
    starts_at: "2027-06-01T18:00:00Z",
    tickets: [{ ticket_type: "VIP", price: { amount: 30000, currency: "EUR" }, capacity: 300 }],
  };
  const { data } = await api.POST("/v1/events", { body });
  return data === undefined ? 0 : data.id;
}

export async function reserve(ticketId: number): Promise<string> {
  const { data, error } = await api.POST("/v1/reservations", {
    params: { header: { "Idempotency-Key": "a-key-of-this-click" } },
    body: { items: [{ ticket_id: ticketId, quantity: 2 }], customer: { id: "22" } },
  });
  if (error !== undefined) {
    switch (error.code) {
      case "sold_out":
        return `left: ${error.available ?? 0}`;
      case "invalid":
        return (error.fields ?? []).map((field) => `${field.path}: ${field.message}`).join("\n");
      default:
        return error.detail;
    }
  }
  const deadline: string | null = data.expires_at;
  return `${data.id} until ${deadline ?? "paid"}`;
}

export function statusOf(problem: components["schemas"]["Problem409"]): 409 {
  return problem.status;
}

export async function firstPage(): Promise<string[]> {
  const { data } = await api.GET("/v1/events", { params: { query: { status: "on_sale" } } });
  return (data?.items ?? []).map((event) => event.name);
}
