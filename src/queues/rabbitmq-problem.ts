import { Problem } from "../errors.ts";

/** What no waiting mends: a person has to change the broker or veil's settings. */
const standing = new Set(["ACCESS_REFUSED", "NOT_ALLOWED", "PRECONDITION_FAILED", "RESOURCE_LOCKED"]);

/** Whether asking the broker again without changing anything would end the same way. */
export function isStanding(error: unknown): boolean {
  return standing.has(codeOf(error) ?? "");
}

/** Whether the broker, or veil, has answered no to a message: no lost connection. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof Problem) return error.code !== "queue-unavailable";
  return isStanding(error) || codeOf(error) === "NACK" || codeOf(error) === "NO_ROUTE";
}

/** Whatever the client threw, as a Problem. The client's messages hold names and addresses, never the password. */
export function rabbitProblem(error: unknown, address: string): Problem {
  if (error instanceof Problem) return error;
  const said = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case "ACCESS_REFUSED":
    case "NOT_ALLOWED":
      return new Problem("invalid-config", `RabbitMQ at ${address} refused access: ${said}`, {
        remedy: "Check user, password, virtual host and the user's permissions (docs/queues.md).",
        cause: error,
      });
    case "PRECONDITION_FAILED":
    case "RESOURCE_LOCKED":
      return new Problem("invalid-config", `RabbitMQ at ${address} refused a declaration: ${said}`, {
        remedy: "Delete the named queue once it is empty, or set what it was created with (docs/queues.md).",
        cause: error,
      });
    case "NACK":
      return new Problem(
        "queue-unavailable",
        `RabbitMQ at ${address} refused a job: its queue is full or not available`,
        {
          cause: error,
        },
      );
    default:
      return new Problem("queue-unavailable", `RabbitMQ at ${address}: ${said}`, { cause: error });
  }
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
