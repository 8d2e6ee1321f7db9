import { useMutation, useQueryClient } from "@tanstack/react-query";
import { post } from "./answer.ts";

/** Lets a route wait or go on; without a route, all of them. */
export function usePause(verb: "pause" | "resume") {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (route?: string) => post(`jobs/${verb}`, route === undefined ? {} : { route }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["status"] }),
  });
}
