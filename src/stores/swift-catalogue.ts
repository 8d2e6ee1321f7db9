import { Problem } from "../errors.ts";

interface Wanted {
  readonly region?: string;
  readonly interface: "public" | "internal";
}

interface Endpoint {
  readonly interface?: unknown;
  readonly region?: unknown;
  readonly region_id?: unknown;
  readonly url?: unknown;
}

/** Where Keystone's catalogue says that objects are kept. Problem: `invalid-config` where it names no such place. */
export function storageUrlOf(catalogue: unknown, { region, interface: wanted }: Wanted, what: string): URL {
  const services = Array.isArray(catalogue) ? catalogue : [];
  const endpoints: readonly Endpoint[] = services
    .filter((service) => service?.type === "object-store" && Array.isArray(service.endpoints))
    .flatMap((service) => service.endpoints)
    .filter((endpoint) => endpoint?.interface === wanted);
  const regionOf = (endpoint: Endpoint) => String(endpoint.region_id ?? endpoint.region ?? "");
  const fitting = endpoints.filter((endpoint) => region === undefined || regionOf(endpoint) === region);
  const regions = [...new Set(endpoints.map(regionOf))].join(", ") || "none";
  if (fitting.length === 0 || (region === undefined && fitting.length > 1)) {
    throw new Problem("invalid-config", `${what}: expected one ${wanted} object store but found ${fitting.length}`, {
      remedy: `Set region to one of those that have one: ${regions}.`,
    });
  }
  const url = String(fitting[0]?.url);
  if (URL.canParse(url)) return new URL(url);
  throw new Problem("store-unavailable", `${what}: the catalogue names no address for the object store`);
}
