import { Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RouteHealth } from "../pipeline/route-health.ts";
import type { Queue } from "../queues/queue.ts";
import type { Store } from "../stores/store.ts";

export interface ReadinessParts {
  /** Rejects with what keeps the engine from working. */
  readonly pool: { detector(): Promise<unknown> };
  readonly ledger: Pick<Ledger, "counts">;
  readonly queue: Pick<Queue, "depth">;
  /** Those that this process has to do with. */
  routes(): readonly ReadinessRoute[];
  storeOf(name: string): Pick<Store, "head">;
  /** How long each is waited for. */
  readonly answerMs?: number;
  /** For how long an answer is good. */
  readonly keptMs?: number;
}

export interface ReadinessRoute {
  readonly route: { readonly name: string; readonly input: string; readonly output: string; readonly watched: boolean };
  readonly health: Pick<RouteHealth, "problem">;
}

/** Whether veil can do its work now. */
export interface Readiness {
  /**
   * Rejects with what is in the way: engine, ledger, queue, or a store of a route that this process looks after; of one
   * route alone where it is named. Problem not-found: there is no such route here.
   */
  require(route?: string): Promise<void>;
}

/** Asks all at once, and each at most once at a time: monitors that ask often cost nothing more. */
export function createReadiness(parts: ReadinessParts): Readiness {
  const { pool, ledger, queue, routes, storeOf, answerMs = 3000, keptMs = 2000 } = parts;
  const asked = new Map<string, { readonly until: number; readonly answer: Promise<unknown> }>();

  function ask(name: string, late: () => Problem, look: () => Promise<unknown>): Promise<unknown> {
    const known = asked.get(name);
    if (known !== undefined && performance.now() < known.until) return known.answer;
    const looking = look();
    const answer = within(answerMs, looking, late);
    // While it is silent nobody asks a second time.
    asked.set(name, { until: Number.POSITIVE_INFINITY, answer });
    const done = () => void asked.set(name, { until: performance.now() + keptMs, answer });
    answer.catch(() => {});
    looking.then(done, done);
    return answer;
  }

  const silent = (code: "ledger-unavailable" | "queue-unavailable" | "store-unavailable", what: string) => () =>
    new Problem(code, `${what} did not answer within ${answerMs / 1000} s`);
  const telling = (what: string) => (error: unknown) => {
    throw named(what, toProblem(error));
  };

  function storesOf({ route, health }: ReadinessRoute): Promise<unknown>[] {
    const problem = health.problem();
    if (problem !== undefined) return [Promise.reject(named(`Route ${route.name}`, problem))];
    return [route.input, route.output].map((store) =>
      ask(`store ${store}`, silent("store-unavailable", store), () => storeOf(store).head("-")).catch(
        telling(`Route ${route.name}`),
      ),
    );
  }

  return {
    async require(name) {
      const mine = routes().filter(({ route }) => (name === undefined ? route.watched : route.name === name));
      if (name !== undefined && mine.length === 0) {
        throw new Problem("not-found", `There is no route ${JSON.stringify(name)} that this process looks after`);
      }
      const looks = [
        pool.detector(),
        ask("ledger", silent("ledger-unavailable", "ledger"), () => ledger.counts()).catch(telling("ledger")),
        ask("queue", silent("queue-unavailable", "queue"), async () => queue.depth?.("bulk")).catch(telling("queue")),
        ...mine.flatMap(storesOf),
      ];
      const failed = (await Promise.allSettled(looks)).flatMap((one) =>
        one.status === "rejected" ? [toProblem(one.reason)] : [],
      );
      const [first, ...others] = failed;
      if (first === undefined) return;
      if (others.length === 0) throw first;
      throw new Problem(first.code, [...new Set(failed.map(({ message }) => message))].join("; "), { cause: first });
    },
  };
}

/** What it is, and no more: a message names folders and servers, and monitors may be anybody. */
function named(what: string, problem: Problem): Problem {
  return new Problem(problem.code, `${what}: ${problem.title}`, { cause: problem });
}

async function within<T>(ms: number, promise: Promise<T>, late: () => Problem): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  return await Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}
