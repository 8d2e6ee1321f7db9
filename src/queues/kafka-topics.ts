import { type Lane, lanes } from "../core/job.ts";

interface Step {
  readonly name: string;
  readonly ms: number;
}

/** The delays that veil starts with by itself, each a quarter longer at most, fit: 1 s, 5 s, 25 s, ... an hour. */
const steps: readonly Step[] = [
  { name: "2s", ms: 2000 },
  { name: "10s", ms: 10_000 },
  { name: "1m", ms: 60_000 },
  { name: "10m", ms: 600_000 },
  { name: "1h", ms: 3_600_000 },
];

/** The topic that a lane's new jobs go to. */
export function laneTopic(prefix: string, lane: Lane): string {
  return `${prefix}.${lane}`;
}

/** Where a job waits for its retry: the shortest step that is no shorter than the delay, else the longest. */
export function retryTopic(prefix: string, lane: Lane, delayMs: number): string {
  const step = steps.find(({ ms }) => ms >= delayMs) ?? steps.at(-1)!;
  return `${laneTopic(prefix, lane)}.retry.${step.name}`;
}

/** Everything that a lane's workers read. */
export function laneTopics(prefix: string, lane: Lane): readonly string[] {
  const main = laneTopic(prefix, lane);
  return [main, ...steps.map(({ name }) => `${main}.retry.${name}`)];
}

/** Copies of dead letters and of messages that are no job: for people, nothing reads it. */
export function deadTopic(prefix: string): string {
  return `${prefix}.dead`;
}

/** Every topic that has to be there. */
export function allTopics(prefix: string): readonly string[] {
  return [...lanes.flatMap((lane) => laneTopics(prefix, lane)), deadTopic(prefix)];
}
