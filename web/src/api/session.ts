import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { SessionBody } from "../../../src/http/session-schema.ts";
import { apiUrl, asTrouble, getJson } from "./answer.ts";

export type Role = SessionBody["roles"][number];

const queryKey = ["session"];

/** Who is asking and what that one may do. Asked anew when an answer says that nobody is known any more. */
export function useSession() {
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => getJson<SessionBody>("session", {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
    // Until the service answers for the first time.
    refetchInterval: ({ state }) => (state.status === "error" ? 5000 : false),
  });
}

/** Whether whoever looks at the page may do that. */
export function useMay(role: Role): boolean {
  return useSession().data?.roles.includes(role) === true;
}

/** Logs in with an API key, or out; all that the page knew before is forgotten. */
export function useLogin() {
  const queries = useQueryClient();
  const send = async (init: RequestInit): Promise<SessionBody> => {
    const response = await fetch(apiUrl("session"), init);
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return body as SessionBody;
    const trouble = asTrouble(body, response.status);
    throw new Error(trouble.title || trouble.detail, { cause: trouble });
  };
  const onSuccess = (session: SessionBody) => {
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== queryKey[0] });
    queries.setQueryData(queryKey, session);
  };
  const logIn = useMutation({
    mutationFn: (key: string) =>
      send({ method: "POST", body: JSON.stringify({ key }), headers: { "content-type": "application/json" } }),
    onSuccess,
  });
  const logOut = useMutation({ mutationFn: () => send({ method: "DELETE" }), onSuccess });
  return { logIn, logOut };
}

/** Where the identity provider's login begins. */
export const providerLogin = apiUrl("session/login");
