import { setTimeout as sleep } from "node:timers/promises";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { Problem } from "../errors.ts";
import type { Feed } from "./feed.ts";

export interface SqsFeedOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Absent: AWS. */
  readonly endpoint?: string | undefined;
  readonly onProblem: (problem: Problem) => void;
}

const waitSeconds = 20;
/** SQS gives no more at once. */
const batchSize = 10;
const restMs = 5000;
/** Silence beyond that wait is a connection that was lost. */
const timeouts = { connectionTimeout: 10_000, socketTimeout: 2 * waitSeconds * 1000 };

/** An SQS queue that a bucket's events go to; keys come from the platform's own chain. */
export function createSqsFeed({ queueUrl, region, endpoint, onProblem }: SqsFeedOptions): Feed {
  const where = { QueueUrl: queueUrl };

  async function connect() {
    const sqs = await import("@aws-sdk/client-sqs").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ERR_MODULE_NOT_FOUND") throw cause;
      const remedy = "npm install @aws-sdk/client-sqs";
      throw new Problem("invalid-config", "Events from SQS need the package @aws-sdk/client-sqs", { remedy, cause });
    });
    const options = { region, requestHandler: timeouts, ...(endpoint !== undefined && { endpoint }) };
    const client: SQSClient = new sqs.SQSClient(options);
    return { sqs, client };
  }

  return {
    name: `SQS ${queueUrl.split("/").at(-1)}`,
    async check(withinMs) {
      const { sqs, client } = await connect();
      const abortSignal = AbortSignal.timeout(withinMs);
      try {
        await client.send(new sqs.GetQueueAttributesCommand(where), { abortSignal });
      } catch (cause) {
        // Who may receive and delete its messages may not always ask this; keys that are none are refused otherwise.
        if (!/^AccessDenied/.test(nameOf(cause))) throw problemOf(cause);
      } finally {
        client.destroy();
      }
    },
    async run(take, signal) {
      const { sqs, client } = await connect();

      async function takeSome(): Promise<void> {
        const asked = { ...where, MaxNumberOfMessages: batchSize, WaitTimeSeconds: waitSeconds };
        const { Messages = [] } = await client.send(new sqs.ReceiveMessageCommand(asked), { abortSignal: signal });
        const taken = await Promise.allSettled(Messages.map(({ Body = "" }) => take(Body)));
        const Entries = Messages.flatMap(({ ReceiptHandle }, index) =>
          taken[index]?.status === "fulfilled" ? [{ Id: String(index), ReceiptHandle }] : [],
        );
        if (Entries.length > 0) await client.send(new sqs.DeleteMessageBatchCommand({ ...where, Entries }));
        // To go on at once would use their attempts up, after which a queue may throw them away.
        const failed = taken.find(({ status }) => status === "rejected");
        if (failed?.status === "rejected") throw failed.reason;
      }

      try {
        while (!signal.aborted) {
          try {
            await takeSome();
          } catch (cause) {
            if (signal.aborted) return;
            onProblem(problemOf(cause));
            await sleep(restMs, undefined, { signal }).catch(() => {});
          }
        }
      } finally {
        client.destroy();
      }
    },
  };
}

function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "no answer";
  // The client's own names for a connection that did not come about say nothing.
  const { code } = cause as NodeJS.ErrnoException;
  return cause.name === "Error" || cause.name === "AggregateError" ? (code ?? cause.name) : cause.name;
}

function problemOf(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const remedy = "Check the queue's address and the right to receive and delete its messages.";
  return new Problem("queue-unavailable", `Events from SQS: ${nameOf(cause)}`, { remedy, cause });
}
