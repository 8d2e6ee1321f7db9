import { type Command, Option } from "commander";
import type { ConfigFlags } from "../config/layers.ts";
import { reportLanguages } from "./report-words.ts";

/** What whoever runs veil needs beside its work: each command loads its own parts and tells its exit code. */
export function addOperatorCommands(
  program: Command,
  flags: () => ConfigFlags,
  done: (exitCode: number) => void,
): void {
  program
    .command("doctor")
    .description("check that everything veil needs is here")
    .option("--bundle <file.zip>", "write what a maintainer needs to help, without secrets and without names")
    .option("--names", "with --bundle: names too, of folders, routes, servers and files; never secrets")
    .option("--log <file>", "with --bundle: the last lines of this log of veil's")
    .action(async (options) => done(await (await import("./doctor.ts")).doctor(flags(), options)));

  program
    .command("selftest")
    .description("send a picture of veil's own through a route, and look whether its face is masked")
    .argument("[route]", "a route of the configuration (default: all of them)")
    .option("--timeout <seconds>", "how long the running service may take", "120")
    .addHelpText("after", "\nExit codes: 0 masked on every route, 1 not, 2 wrong usage.")
    .action(async (route: string | undefined, options) =>
      done(await (await import("./selftest.ts")).selftest(flags(), route, options)),
    );

  program
    .command("report")
    .description("what was masked on a route within a period, for whoever answers for it: one page to print")
    .argument("[route]", "a route (default: all of them)")
    .option("--from <date>", "from this date on; it begins at midnight UTC (default: 30 days before the end)")
    .option("--to <date>", "before this one (default: now)")
    .option("-o, --out <file.html>", "write it there (default: standard output)")
    .addOption(new Option("--lang <language>", "in English or Chinese").choices(reportLanguages).default("en"))
    .action(async (route: string | undefined, options) =>
      done(await (await import("./report.ts")).report(flags(), route, options)),
    );

  program
    .command("backup")
    .description("copy what is worth keeping of the data folder into a new one, while veil runs or not")
    .argument("<folder>", "made for it; it names photographs and holds the keys: keep it closely")
    .option("--uploads", "also uploads that are not done yet, which are originals, and results not fetched")
    .option("--check", "only look whether the backup in this folder is whole")
    .action(async (folder: string, options) =>
      done(await (await import("./backup.ts")).backup(flags(), folder, options)),
    );

  program
    .command("restore")
    .description("make a data folder out of a backup; --data-dir says where, and nothing may be there")
    .argument("<folder>", "what veil backup has written")
    .action(async (folder: string) => done(await (await import("./restore.ts")).restore(flags(), folder)));
}
