import { useQuery } from "@tanstack/react-query";
import type { Status } from "../../../src/http/status-schema.ts";
import { getJson } from "./answer.ts";

/** The service's own description of itself; asked again every few seconds, so that the page notices when it is gone. */
export function useStatus() {
  return useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => getJson<Status>("status", {}, signal),
    refetchInterval: 5000,
  });
}
