import { Command, CommanderError, Option } from "commander";
import { attackHelp } from "./cli/attack-help.ts";
import { addKeyCommands } from "./cli/key-commands.ts";
import { addLedgerCommands } from "./cli/ledger-commands.ts";
import { addOperatorCommands } from "./cli/operator-commands.ts";
import { plainProblem } from "./cli/plain-problem.ts";
import { addReviewCommands } from "./cli/review-commands.ts";
import type { ConfigFlags } from "./config/layers.ts";
import {
  allStyles,
  cosmeticStatement,
  implausibles,
  metadataPolicies,
  profiles,
  strengths,
  verifications,
} from "./core/policy.ts";
import { halves } from "./eval/choose.ts";
import { version } from "./version.ts";

/** Flags that every command takes. */
interface Globals extends ConfigFlags {}

const examples = `
Examples:
  veil mask photo.jpg -o masked.jpg        mask one picture
  veil mask a.jpg b.jpg                    mask each beside itself: a-masked.jpg, b-masked.jpg
  veil mask holiday/ --out masked/         mask a folder; started again it goes on where it stopped
  veil mask - < in.jpg > out.jpg           from standard input to standard output
  veil detect photo.jpg --json             show the faces, mask nothing
  veil residue masked.jpg                  what it carries beside its picture
  veil serve                               the page, the API and the watched folder
  veil jobs retry --all                    send dead letters back

Errors go to standard error. Exit codes: 0 all done, 1 something failed, 2 wrong usage.`;

const evalExamples = `
Examples:
  veil eval photos/ --truth photos/truth.jsonl --html card.html
  veil eval photos/ --truth photos/truth.jsonl --half tune --profile thorough --min-score 0.3
  veil eval --accept                       take the newest kept result as the baseline

Exit codes: 0 measured, 1 a picture failed or a slice fell below the baseline, 2 wrong usage or a faulty truth.`;

/** Runs one command line; answers the exit code. Each command loads its own parts. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  // `veil jobs | head`: whoever reads has seen enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const program = new Command("veil")
    .description("Masks faces in photographs where they are stored: offline, on your own machine.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .option("--config <file>", "configuration file (default: veil.yaml in the data folder)")
    .option("--data-dir <folder>", "data folder (default: ./veil-data)")
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--port <number>", "port to listen on (default: 8080)")
    .option("--log-level <level>", "debug, info, warn, error or silent")
    .option("--set <path=value>", "any setting, for example policy.style=solid; repeatable", collect)
    .addHelpText("after", examples)
    .exitOverride()
    .showHelpAfterError("(veil --help shows how)");
  const flags = () => program.opts<Globals>();

  program
    .command("serve")
    .description("start the page, the API and the watched folder")
    .option("--roles <roles>", "what this process does: some of api, sources, worker (default: all)")
    .option("--set-up", "first choose the detector, if the configuration names none, and write it there")
    .action(async (options: { setUp?: boolean; roles?: string }) => {
      if (options.setUp) await (await import("./cli/set-up.ts")).setUp(flags());
      exitCode = await (await import("./cli/serve.ts")).serve({ ...flags(), roles: options.roles });
    });

  policyOptions(program.command("mask"))
    .description("mask pictures, or every picture of folders")
    .argument("<inputs...>", "pictures and folders, or - for standard input")
    .option(
      "-o, --out <path>",
      "file or folder to write to; - for standard output (default: NAME-masked.EXT beside each)",
    )
    .option("--force", "replace what is there already, and mask again what is done")
    .action(async (inputs: string[], options) => {
      exitCode = await (await import("./cli/mask.ts")).mask(flags(), inputs, options);
    });

  policyOptions(program.command("detect"))
    .description("show the faces of a picture, mask nothing")
    .argument("<input>", "picture, or - for standard input")
    .option("--json", "machine-readable")
    .action(async (input: string, options) => {
      exitCode = await (await import("./cli/detect.ts")).detect(flags(), input, options);
    });

  program
    .command("residue")
    .description("what files carry beside the picture that they show: thumbnails, metadata, bytes behind the end")
    .argument("<files...>", "pictures, masked or not")
    .option("--json", "machine-readable")
    .addHelpText("after", "\nExit codes: 0 nothing found, 1 something found or a file not looked through.")
    .action(async (files: string[], options) => {
      exitCode = await (await import("./cli/residue.ts")).residue(flags(), files, options);
    });

  policyOptions(program.command("eval"))
    .description("measure on labelled pictures how many faces leak; without a folder: show the newest kept result")
    .argument("[folder]", "pictures; nothing in it is changed")
    .option("--truth <file>", "what is in them; repeatable (default: truth.jsonl in the folder)", collect)
    .option("--only <set>", "only this set of the truth; repeatable", collect)
    .addOption(new Option("--half <half>", "thresholds are tuned on one half, reported on the other").choices(halves))
    .option("--limit <number>", "at most so many pictures, evenly from everywhere")
    .option("--json <file>", "write the result as JSON; - for standard output")
    .option("--html <file>", "write the result as a page, with the worst leaks: it shows UNMASKED faces")
    .option("--keep", "keep the result in the data folder, and hold it against the baseline")
    .option("--accept", "make the result the baseline")
    .addHelpText("after", evalExamples)
    .action(async (folder: string | undefined, options) => {
      exitCode = await (await import("./cli/eval.ts")).evalFolder(flags(), folder, options);
    });

  program
    .command("attack")
    .description("measure what attackers still get out of each mask, on photographs of known people")
    .argument("<dir>", "a folder of people: DIR/PERSON/N.jpg")
    .option("--recogniser <model.onnx>", "face recogniser that attackers use; repeatable", collect)
    .option("--mean <number>", "a recogniser's pixels are (value - mean) / scale", "127.5")
    .option("--scale <number>", "the same", "128")
    .option("--bgr", "the recognisers expect blue first")
    .option("--operator <name>", "only this operator, and what it is compared with; repeatable", collect)
    .option("--people <number>", "only the first so many people")
    .option("--json", "machine-readable, with every attacker")
    .addHelpText("after", attackHelp)
    .action(async (folder: string, options) => {
      exitCode = await (await import("./cli/attack.ts")).attack(flags(), folder, options);
    });

  const jobs = program
    .command("jobs")
    .description("look at the service's jobs, and send back those that are dead or held");
  jobs
    .command("list", { isDefault: true })
    .description("newest change first")
    .option(
      "--state <states>",
      "one or several, comma-separated: admitted, started, failed, done, skipped, held, dead, …",
    )
    .option("--limit <number>", "how many", "20")
    .option("--json", "machine-readable")
    .action(async (options) => {
      exitCode = await (await import("./cli/jobs.ts")).listJobs(flags(), options);
    });
  jobs
    .command("show")
    .description("one job with all its events")
    .argument("<id>", "a job, as veil jobs list shows it")
    .action(async (id: string) => {
      exitCode = await (await import("./cli/jobs.ts")).showJob(flags(), id);
    });
  jobs
    .command("retry")
    .description("send dead letters back; what is held is then masked with all that both looks found")
    .argument("[ids...]", "dead or held jobs, as veil jobs list shows them")
    .option("--all", "every dead letter, and nothing that is held")
    .option("--route <name>", "dead letters of this route")
    .option("--code <code>", "that died of this, as docs/errors.md has it")
    .option("--class <class>", "that died of this kind of trouble, for example store or timeout")
    .option("--since <when>", "that died since then: 90m, 2h, 3d, or a date")
    .option("--dry-run", "only say how many there are")
    .action(async (ids: string[], options) => {
      exitCode = await (await import("./cli/jobs.ts")).retryJobs(flags(), ids, options);
    });

  jobs
    .command("rerun")
    .description("mask again what a route delivered under another policy, model or veil than today's")
    .argument("<route>", "a route of the configuration")
    .option("--dry-run", "only say how many there are, why, and how long it would take")
    .option("--key <pattern>", "only these originals, for example 'holiday/**'")
    .option("--json", "machine-readable")
    .action(async (route: string, options) => {
      exitCode = await (await import("./cli/rerun.ts")).rerunJobs(flags(), route, options);
    });

  jobs
    .command("stats")
    .description("by route: how far it is, what went wrong, how long the rest will take")
    .option("--json", "machine-readable")
    .action(async (options) => {
      exitCode = await (await import("./cli/jobs-stats.ts")).jobStats(flags(), options);
    });
  jobs
    .command("republish")
    .description("after a broker has lost its queues: publish again what had not ended")
    .action(async () => {
      exitCode = await (await import("./cli/jobs.ts")).republishJobs(flags());
    });
  for (const [verb, description] of [
    ["pause", "let a route's bulk work wait, or all of it; what a person waits for goes on"],
    ["resume", "let it go on"],
  ] as const)
    jobs
      .command(verb)
      .description(description)
      .option("--route <name>", "only this route (default: all)")
      .action(async ({ route }: { route?: string }) => {
        exitCode = await (await import("./cli/jobs.ts")).pauseJobs(flags(), verb, route);
      });
  const done = (code: number) => {
    exitCode = code;
  };
  addReviewCommands(program, flags, done);
  addLedgerCommands(program, flags, done);
  addKeyCommands(program, flags, done);

  const models = program.command("models").description("the detectors' models: which there are, add one, check them");
  models
    .command("list", { isDefault: true })
    .description("every model that veil knows, with its licence")
    .option("--json", "machine-readable")
    .action(async (options) => {
      exitCode = await (await import("./cli/models.ts")).listModels(flags(), options);
    });
  models
    .command("add")
    .description("fetch a model from its publisher, or take it from a file, and check it")
    .argument("<name>")
    .option("--file <file>", "the published file, where it can't be fetched from here")
    .option("--use", "make it the detector of this configuration")
    .option("--accept-licence", "say that you know and keep the terms of a model that is not free for any use")
    .action(async (name: string, options) => {
      exitCode = await (await import("./cli/models.ts")).addModelCommand(flags(), name, options);
    });
  models
    .command("verify")
    .description("check that every model that was added is the published one, byte for byte")
    .action(async () => {
      exitCode = await (await import("./cli/models.ts")).verifyModels(flags());
    });

  const routes = program.command("routes").description("what a route waits for somebody to confirm");
  routes
    .command("confirm")
    .description("let so many masked pictures go with their originals; good for an hour")
    .argument("<route>", "a route of the configuration")
    .argument("<number>", "how many at most, as the log says")
    .action(async (route: string, number: string) => {
      await (await import("./cli/routes.ts")).confirmRoute(flags(), route, number);
    });
  routes
    .command("moved")
    .description("forget that a share was mounted where a folder is; veil must not run")
    .argument("<folder>", "a route's folder that is to stay on this disk")
    .action(async (folder: string) => {
      await (await import("./cli/routes.ts")).forgetMount(flags(), folder);
    });

  const config = program.command("config").description("what is configured, and where each value comes from");
  config
    .command("check")
    .description("say all faults of the configuration, or what its routes are")
    .action(async () => {
      const { checkConfig } = await import("./cli/config-check.ts");
      process.stdout.write(checkConfig(flags()));
    });
  config
    .command("print", { isDefault: true })
    .description("print the configuration as YAML")
    .action(async () => {
      const { loadConfig, printConfig } = await import("./config.ts");
      process.stdout.write(printConfig(loadConfig({ flags: flags(), env: process.env, cwd: process.cwd() })));
    });

  addOperatorCommands(program, flags, done);

  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const problem = plainProblem(error);
    process.stderr.write(`veil: ${problem.message}\n${problem.remedy ? `      ${problem.remedy}\n` : ""}`);
    if (problem.code === "internal" && problem.cause instanceof Error) process.stderr.write(`${problem.cause.stack}\n`);
    return problem.code === "invalid-config" || problem.code === "invalid-request" ? 2 : 1;
  }
}

function policyOptions(command: Command): Command {
  return command
    .addOption(new Option("--style <style>", "what a mask looks like (default: blur)").choices(allStyles))
    .addOption(
      new Option("--strength <strength>", "how far beyond the face it reaches (default: standard)").choices(strengths),
    )
    .addOption(
      new Option("--profile <profile>", "how much time detection may take (default: balanced)").choices(profiles),
    )
    .option("--min-score <score>", "drop detections below it, 0 to 1")
    .option("--turns", "look for heads that lie on their side or hang down too (default: only thorough does)")
    .addOption(
      new Option("--implausible <what>", "regions whose shape or size no face has (default: drop)").choices(
        implausibles,
      ),
    )
    .addOption(
      new Option("--verify <what>", "look a second time: mask what that finds, or hold (default: off)").choices(
        verifications,
      ),
    )
    .option("--quality <number>", "quality of lossy output, 1 to 100 (default: 90)")
    .option("--lossless", "keep everything outside the masks exactly as it was, or refuse")
    .addOption(
      new Option("--metadata <what>", "what of the metadata is written anew (default: none)").choices(metadataPolicies),
    )
    .addOption(
      new Option("--cosmetic <words>", "style cosmetic is refused without these words").choices([cosmeticStatement]),
    );
}

function collect(value: string, list: readonly string[] = []): readonly string[] {
  return [...list, value];
}
