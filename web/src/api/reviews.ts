import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { DecidedRegion, ReviewBody, ReviewsResponse } from "../../../src/http/schema.ts";
import { apiUrl, ask, getJson, post } from "./answer.ts";

/** What a person says about a held picture; approved with an empty body, all that both looks found is masked. */
export type Decision =
  | { readonly verb: "approve"; readonly body: { regions?: readonly DecidedRegion[]; no_faces?: true } }
  | { readonly verb: "reject"; readonly body: { reason?: string } };

/** So often a held picture is asked about, so that whoever looks hears of another one's decision. */
const watchMs = 3000;
/** How many of those that wait are known by name; beyond that the page says "and more". */
const heldAtOnce = 100;

/** Why a picture is held, what was found in it, and whether anybody has decided. Of its pixels nothing. */
export function useReview(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["review", id],
    queryFn: ({ signal }) => getJson<ReviewBody>(pathOf(id), {}, signal),
    enabled,
    refetchInterval: ({ state: { data } }) => (data?.job.state === "held" ? watchMs : false),
  });
}

/** What waits for a person on a route, newest change first. */
export function useHeld(route: string | undefined) {
  return useQuery({
    queryKey: ["held", route],
    queryFn: ({ signal }) => getJson<ReviewsResponse>("reviews", { route: route!, limit: String(heldAtOnce) }, signal),
    enabled: route !== undefined,
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });
}

/** The picture itself, NOT masked. Each call is a look, which the ledger records: ask when a person does. */
export async function fetchOriginal(id: string, signal: AbortSignal): Promise<Blob> {
  return (await ask(apiUrl(`${pathOf(id)}/original`), { signal, cache: "no-store" })).blob();
}

/** Decides on a held job. */
export function useDecision() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, verb, body }: { readonly id: string } & Decision) => post(`${pathOf(id)}/${verb}`, body),
    // Not waited for: the row that asked may be gone with the answer, and nobody would say what became of it.
    onSettled: (_answer, _error, { id }) => {
      for (const queryKey of [["jobs"], ["held"], ["review", id]]) void queries.invalidateQueries({ queryKey });
    },
  });
}

function pathOf(id: string): string {
  return `reviews/${encodeURIComponent(id)}`;
}
