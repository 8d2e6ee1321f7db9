import { Counter, Gauge, type Registry } from "prom-client";
import type { ConnectionBudget } from "./connection-budget.ts";

/** How many connections there are, and were closed at once, by the listener that took them. */
export function addConnectionGauges(registers: Registry[], figures: ConnectionBudget["figures"]): void {
  new Gauge({
    ...{ name: "veil_connections", help: "Open connections.", labelNames: ["listener"], registers },
    collect() {
      for (const [listener, { open }] of Object.entries(figures())) this.set({ listener }, open);
    },
  });
  new Counter({
    name: "veil_connections_refused_total",
    help: "Connections that were closed at once: there were as many as may be (all), or as one address may have (address).",
    ...{ labelNames: ["listener", "reason"], registers },
    collect() {
      this.reset();
      for (const [listener, { refused }] of Object.entries(figures()))
        for (const [reason, count] of Object.entries(refused)) this.inc({ listener, reason }, count);
    },
  });
}
