import { useQuery } from "@tanstack/react-query";
import type { Status } from "../../../src/http/status-schema.ts";
import { getJson } from "./answer.ts";
import { useSession } from "./session.ts";

/** The service's own description of itself; asked again every few seconds, so that the page notices when it is gone. */
export function useStatus() {
  const { data: session } = useSession();
  return useQuery({
    enabled: session !== undefined && (session.roles.includes("read") || session.roles.includes("submit")),
    queryKey: ["status"],
    queryFn: ({ signal }) => getJson<Status>("status", {}, signal),
    refetchInterval: 5000,
  });
}
