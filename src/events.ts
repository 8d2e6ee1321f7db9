import { readCertificate } from "./certificate.ts";
import type { Config } from "./config.ts";
import { parseJson, parseS3Events } from "./core/s3-event.ts";
import { Problem, toProblem } from "./errors.ts";
import type { FolderRoutes } from "./folder-routes.ts";
import { createWebhookServer, type WebhookParts } from "./http/webhook.ts";
import type { Announcements } from "./ledger/announcements.ts";
import type { Logger } from "./log.ts";
import { type Announce, createAnnounce } from "./pipeline/announce.ts";
import type { Feed } from "./sources/feed.ts";

export interface EventParts {
  readonly announcements: Pick<Announcements, "add">;
  readonly folders: Pick<FolderRoutes, "current">;
  readonly onProblem: (problem: Problem) => void;
}

/** Whether stores tell this installation of their objects at all. */
export function hearsEvents({ events: { webhook, amqp, kafka, sqs } }: Config): boolean {
  return [webhook.token, amqp.url, kafka.brokers, sqs.queueUrl].some((one) => one !== undefined);
}

/** What becomes of events, wherever they come from: they wait durably for the routes that read from their buckets. */
export function announceFor({ announcements, folders, onProblem }: EventParts): Announce {
  return createAnnounce({
    announcements,
    // For one that takes nothing by itself names would wait for ever.
    routes: () =>
      folders
        .current()
        .flatMap(({ route, bucket }) => (bucket && route.watched ? [{ route: route.name, ...bucket }] : [])),
    onAnnounced: (name) =>
      folders
        .current()
        .find(({ route }) => route.name === name)
        ?.announced(),
    onStranger: (bucket) =>
      onProblem(
        new Problem("not-found", `An event names the bucket ${JSON.stringify(bucket)}, which no route reads from`, {
          remedy: "Is a route missing, or does another store send to veil? It is told once.",
        }),
      ),
  });
}

/** Reads what brokers bring until the signal aborts. A message that says nothing is told, and let go of. */
export async function runFeeds(
  feeds: readonly Feed[],
  announce: Announce,
  { signal, onProblem }: Pick<EventParts, "onProblem"> & { readonly signal: AbortSignal },
): Promise<void> {
  await Promise.all(
    feeds.map((feed) =>
      feed.run(async (message) => {
        let events: ReturnType<typeof parseS3Events>;
        try {
          events = parseS3Events(parseJson(message));
        } catch (error) {
          const { code, message: detail } = toProblem(error);
          return onProblem(new Problem(code, `A message from ${feed.name} was let go: ${detail}`, { cause: error }));
        }
        await announce(events);
      }, signal),
    ),
  );
}

/** What takes events at `POST /webhook`, not listening yet; undefined: no token is set. Problem: invalid-config. */
export async function openWebhook(
  config: Config,
  { log, ...parts }: Pick<WebhookParts, "announce" | "room" | "connections"> & { readonly log: Logger },
): Promise<Awaited<ReturnType<typeof createWebhookServer>> | undefined> {
  const { token } = config.events.webhook;
  if (token === undefined) return undefined;
  const { certFile, keyFile } = config.events.webhook;
  const tls = await readCertificate({ certFile, keyFile, section: "events.webhook" });
  return createWebhookServer({ ...parts, token, ...(tls && { tls }) }, log);
}
