import type { Metadata } from "./store.ts";

/** Azure's names are identifiers, which have no dashes. */
export function toAzure(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.replaceAll("-", "_"), value]));
}

export function fromAzure(metadata: Readonly<Record<string, string>> = {}): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase().replaceAll("_", "-"), value]),
  );
}
