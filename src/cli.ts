import { Command, CommanderError, Option } from "commander";
import { attackHelp } from "./cli/attack-help.ts";
import { plainProblem } from "./cli/plain-problem.ts";
import type { ConfigFlags } from "./config/layers.ts";
import { allStyles, cosmeticStatement, profiles, strengths } from "./core/policy.ts";
import { version } from "./version.ts";

/** Flags that every command takes. */
interface Globals extends ConfigFlags {}

const examples = `
Examples:
  veil mask photo.jpg -o masked.jpg        mask one picture
  veil mask holiday/ --out masked/         mask a folder; started again it goes on where it stopped
  veil mask - < in.jpg > out.jpg           from standard input to standard output
  veil detect photo.jpg --json             show the faces, mask nothing
  veil serve                               the page, the API and the watched folder
  veil jobs retry --all                    send dead letters back

Errors go to standard error. Exit codes: 0 all done, 1 something failed, 2 wrong usage.`;

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
    .option("--set <path=value>", "any setting, for example policy.style=solid; repeatable", collect, [])
    .addHelpText("after", examples)
    .exitOverride()
    .showHelpAfterError("(veil --help shows how)");
  const flags = () => program.opts<Globals>();

  program
    .command("serve")
    .description("start the page, the API and the watched folder")
    .action(async () => {
      exitCode = await (await import("./cli/serve.ts")).serve(flags());
    });

  policyOptions(program.command("mask"))
    .description("mask a picture, or every picture of a folder")
    .argument("<input>", "picture, folder, or - for standard input")
    .option("-o, --out <path>", "where to write; - for standard output (default: NAME-masked.EXT beside the picture)")
    .option("--force", "replace what is there already, and mask again what is done")
    .action(async (input: string, options) => {
      exitCode = await (await import("./cli/mask.ts")).mask(flags(), input, options);
    });

  policyOptions(program.command("detect"))
    .description("show the faces of a picture, mask nothing")
    .argument("<input>", "picture, or - for standard input")
    .option("--json", "machine-readable")
    .action(async (input: string, options) => {
      exitCode = await (await import("./cli/detect.ts")).detect(flags(), input, options);
    });

  program
    .command("attack")
    .description("measure what attackers still get out of each mask, on photographs of known people")
    .argument("<dir>", "a folder of people: DIR/PERSON/N.jpg")
    .option("--recogniser <model.onnx>", "face recogniser that attackers use; repeatable", collect, [])
    .option("--mean <number>", "a recogniser's pixels are (value - mean) / scale", "127.5")
    .option("--scale <number>", "the same", "128")
    .option("--bgr", "the recognisers expect blue first")
    .option("--operator <name>", "only this operator, and what it is compared with; repeatable", collect, [])
    .option("--people <number>", "only the first so many people")
    .option("--json", "machine-readable, with every attacker")
    .addHelpText("after", attackHelp)
    .action(async (folder: string, options) => {
      exitCode = await (await import("./cli/attack.ts")).attack(flags(), folder, options);
    });

  const jobs = program.command("jobs").description("look at the service's jobs, and send dead letters back");
  jobs
    .command("list", { isDefault: true })
    .description("newest change first")
    .option("--state <states>", "one or several, comma-separated: admitted, started, failed, done, skipped, dead, …")
    .option("--limit <number>", "how many", "20")
    .option("--json", "machine-readable")
    .action(async (options) => {
      exitCode = await (await import("./cli/jobs.ts")).listJobs(flags(), options);
    });
  jobs
    .command("show")
    .description("one job with all its events")
    .argument("<id>")
    .action(async (id: string) => {
      exitCode = await (await import("./cli/jobs.ts")).showJob(flags(), id);
    });
  jobs
    .command("retry")
    .description("send dead letters back as a new revision")
    .argument("[ids...]")
    .option("--all", "every dead letter")
    .action(async (ids: string[], options) => {
      exitCode = await (await import("./cli/jobs.ts")).retryJobs(flags(), ids, options);
    });

  program
    .command("config")
    .description("what is configured, and where each value comes from")
    .command("print", { isDefault: true })
    .description("print the configuration as YAML")
    .action(async () => {
      const { loadConfig, printConfig } = await import("./config.ts");
      process.stdout.write(printConfig(loadConfig({ flags: flags(), env: process.env, cwd: process.cwd() })));
    });

  program
    .command("doctor")
    .description("check that everything veil needs is here")
    .action(async () => {
      exitCode = await (await import("./cli/doctor.ts")).doctor(flags());
    });

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
    .addOption(
      new Option("--cosmetic <words>", "style cosmetic is refused without these words").choices([cosmeticStatement]),
    )
    .option("--quality <number>", "quality of lossy output, 1 to 100 (default: 90)");
}

function collect(value: string, list: readonly string[]): readonly string[] {
  return [...list, value];
}
