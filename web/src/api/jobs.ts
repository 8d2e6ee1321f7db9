import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { JobBody, JobsResponse } from "../../../src/http/schema.ts";
import { apiUrl, getJson, post } from "./answer.ts";

/** How many jobs a page of the table holds. */
export const jobsPerPage = 25;
const refetchInterval = 1500;

export interface JobsQuestion {
  readonly route: string;
  /** Comma-separated states; empty for all. */
  readonly state: string;
  /** `next` of the page before; empty for the first. */
  readonly after: string;
}

/** One page of a route's jobs with the counts of all of them, live. */
export function useJobs({ route, state, after }: JobsQuestion) {
  return useQuery({
    queryKey: ["jobs", route, state, after],
    queryFn: ({ signal }) =>
      getJson<JobsResponse>(
        "jobs",
        { route, limit: String(jobsPerPage), ...(state && { state }), ...(after && { after }) },
        signal,
      ),
    refetchInterval,
    placeholderData: keepPreviousData,
  });
}

/** How many of the last 500 skipped files were of which kind, most frequent first. */
export function useSkippedKinds(route: string, skipped: number) {
  return useQuery({
    // The count is part of the key: it is asked again when it changes, not on a clock.
    queryKey: ["skipped", route, skipped],
    queryFn: async ({ signal }) => {
      const { jobs } = await getJson<JobsResponse>("jobs", { route, state: "skipped", limit: "500" }, signal);
      const kinds = new Map<string, number>();
      for (const { kind } of jobs) kinds.set(kind ?? "?", (kinds.get(kind ?? "?") ?? 0) + 1);
      return [...kinds].sort((a, b) => b[1] - a[1]);
    },
    enabled: skipped > 0,
    placeholderData: keepPreviousData,
  });
}

/** Sends a dead job back as a new revision. */
export function useRetry() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => post(`${jobPath(id)}/retry`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["jobs"] }),
  });
}

/** One job, live until it has ended. */
export function useJob(id: string | undefined) {
  return useQuery({
    queryKey: ["job", id],
    queryFn: ({ signal }) => getJson<JobBody>(jobPath(id!), {}, signal),
    enabled: id !== undefined,
    refetchInterval: ({ state: { data } }) => (data && isMoving(data) ? 500 : false),
  });
}

/** Whether a job goes on by itself. */
export function isMoving({ state }: JobBody): boolean {
  return state === "admitted" || state === "started" || state === "failed";
}

/** What has become of a job meanwhile; undefined where nobody can say it now. */
export async function stateOf(id: string): Promise<JobBody["state"] | undefined> {
  const asked = getJson<JobBody>(jobPath(id), {}, AbortSignal.timeout(5000));
  return asked.then(
    ({ state }) => state,
    () => undefined,
  );
}

/** Where a finished job's masked picture is. */
export function resultUrl(id: string, query: Readonly<Record<string, string>> = {}): string {
  return apiUrl(`${jobPath(id)}/result`, query);
}

function jobPath(id: string): string {
  return `jobs/${encodeURIComponent(id)}`;
}
