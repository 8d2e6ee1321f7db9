import { basename } from "node:path";
import { type Confinement, confinementWords, type IsolationChoice, isConfined } from "../core/isolation.ts";
import { Problem, toProblem } from "../errors.ts";
import { type EngineChild, startEngineChild } from "./engine-child.ts";
import { networkOfThisProcess } from "./look-outside.ts";
import { modelPath, readAddedModel } from "./model-folder.ts";
import { isAdded, modelEntry } from "./model-manifest.ts";
import type { EngineAnswers, EngineSetup } from "./protocol.ts";
import type { Sandbox } from "./sandbox.ts";
import { sandboxesFor } from "./sandboxes.ts";

export interface EngineStartsOptions extends EngineSetup {
  /** Owner-only folder below which each process has one of its own. */
  readonly spool: string;
  /** What processes are shut into; absent: the tightest that works. */
  readonly isolation?: IsolationChoice;
  /** For a process's start. A busy machine may take long, and that is no picture's fault. */
  readonly setupDeadlineMs?: number;
  /** Resident size of one process with all that it started. */
  readonly memoryMb: number;
}

export type DetectorFacts = Pick<EngineAnswers["setup"], "name" | "digest">;

export interface EngineStarts {
  /** A process that is ready. Problems: invalid-config where the asked isolation does not work, and its own. */
  start(told: StartEars): Promise<EngineChild>;
  /** What the last process that started said of its detector. */
  readonly detector: DetectorFacts | undefined;
  /** What the first process that started found out about its sandbox. */
  readonly confinement: Confinement | undefined;
}

export interface StartEars {
  /** There is another process; `instead` of one that is about to go. */
  begun(child: EngineChild, instead: EngineChild | undefined): void;
  /** It is of no use. */
  failed(child: EngineChild): Promise<void>;
  /** Whether nobody wants any more. */
  closed(): boolean;
}

/**
 * Starts engine processes in the tightest sandbox that works, which the first ones find out by being started: what dies
 * before its first answer is tried in the next one. Once one works, no looser one is ever taken.
 */
export function createEngineStarts(options: EngineStartsOptions): EngineStarts {
  const { spool, isolation = "auto", setupDeadlineMs = 60_000, memoryMb, limits, detector: wanted } = options;
  const maxWrittenBytes = mostWritten(limits);
  const { list, absent } = sandboxesFor(isolation, maxWrittenBytes);
  const reasons = new Map(absent.map((reason) => [reason.split(":")[0]!, reason]));
  const outside = { folder: spool, network: networkOfThisProcess() };
  let chosen: number | undefined;
  let detector: DetectorFacts | undefined;
  let confinement: Confinement | undefined;

  function launch(index: number): EngineChild {
    const maxResidentBytes = memoryMb * 2 ** 20;
    return startEngineChild({ maxResidentBytes, maxWrittenBytes, limits, sandbox: list[index]!, spool });
  }

  async function setUp(child: EngineChild): Promise<EngineAnswers["setup"]> {
    const { detectors, models } = wanted;
    // The way to the folder of models may be closed to the process.
    for (const entry of detectors.map(modelEntry).filter(isAdded))
      await child.folder.put(basename(modelPath("", entry)), await readAddedModel(models, entry));
    const setup = { limits, detector: { detectors, models: "in" } };
    const answer = await child.request({ verb: "setup", setup, outside }, { deadlineMs: setupDeadlineMs });
    await child.folder.clear();
    return answer;
  }

  /** Which sandbox is to be tried after this one; or what to tell, where the process failed for its own reasons. */
  async function next(index: number, child: EngineChild, error: unknown, tried: Set<number>): Promise<unknown> {
    if (chosen !== undefined) return index === chosen ? error : chosen;
    if (toProblem(error).code !== "crashed" || child.hasAnswered) return error;
    const { kind, name } = list[index]!;
    await child.stop();
    // Once may be chance, and no reason for a looser one.
    if (!tried.has(index)) {
      tried.add(index);
      return index;
    }
    if (kind !== "none") reasons.set(name, `${name}: ${(await child.lastWords()) ?? toProblem(error).message}`);
    if (index + 1 < list.length) return index + 1;
    return kind === "none" ? error : refusal();
  }

  function refusal(found: readonly string[] = []): Problem {
    return new Problem("invalid-config", `engine.isolation: ${[...reasons.values(), ...found].join("; ")}`, {
      remedy: "See docs/isolation.md for what it needs, or set engine.isolation to auto: the tightest that works.",
    });
  }

  function confinementOf({ kind, name, filter, hasOwner }: Sandbox, { seen }: EngineAnswers["setup"]): Confinement {
    return {
      kind,
      offline: !seen.network,
      blind: !seen.folder,
      filtered: filter !== undefined,
      asOthers: hasOwner,
      passedOver: [...reasons].flatMap(([of, reason]) => (of === name ? [] : [reason])),
    };
  }

  return {
    async start({ begun, failed, closed }) {
      if (list.length === 0) throw refusal();
      // Ways that have died once in this start.
      const tried = new Set<number>();
      let index = chosen ?? 0;
      let child = launch(index);
      begun(child, undefined);
      for (;;) {
        const answer = await setUp(child).catch(async (error: unknown) => {
          const after = closed() ? error : await next(index, child, error, tried);
          if (typeof after === "number") return after;
          await failed(child);
          throw after;
        });
        if (typeof answer !== "number" && (chosen === undefined || index <= chosen)) {
          const found = confinementOf(list[index]!, answer);
          if (isolation === "required" && !isConfined(found)) {
            await failed(child);
            throw refusal([confinementWords(found)]);
          }
          chosen = index;
          detector = { name: answer.name, digest: answer.digest };
          confinement = found;
          return child;
        }
        const former = child;
        index = typeof answer === "number" ? answer : chosen!;
        try {
          child = launch(index);
          begun(child, former);
        } finally {
          await failed(former);
        }
      }
    },
    get detector() {
      return detector;
    },
    get confinement() {
      return confinement;
    },
  };
}

/**
 * More than any picture within the limits makes: 8 bytes for each pixel of a result that nothing compresses (RGBA of 16 bits),
 * as many for what a decoder puts aside, and the original itself.
 */
function mostWritten({ maxPixels, maxBytes }: EngineSetup["limits"]): number {
  return 16 * maxPixels + maxBytes + 2 ** 26;
}
