import { type Command, Option } from "commander";
import type { ConfigFlags } from "../config/layers.ts";

const examples = `
Examples:
  veil ledger verify --heads /mnt/other/heads.jsonl    the whole ledger, against heads that were kept elsewhere
  veil ledger proof masked.jpg -o proof.json           proves what was done to make this file
  veil ledger proof --check proof.json --key veil.pem  checks it anywhere, without the data folder
  veil ledger find --path 'holiday/*' --outcome done
  veil ledger export --format csv --since 2026-01-01 > ledger.csv
  veil ledger erase --before 2024-01-01                says what it would erase; --yes does it`;

/** `veil ledger …`: each command loads its own parts and tells its exit code. */
export function addLedgerCommands(program: Command, flags: () => ConfigFlags, done: (exitCode: number) => void): void {
  const ledger = program
    .command("ledger")
    .description("prove what was done, look it up, export it, erase personal values of it")
    .addHelpText("after", examples);
  ledger
    .command("verify")
    .description("walk every record and every signed head; 1 and the first bad record where anything is wrong")
    .option("--heads <file>", "heads that were kept elsewhere: without them a cut-off end can't be seen")
    .option("--key <file>", "trust this public key alone")
    .option("--json", "machine-readable")
    .action(async (options) => done(await (await import("./ledger-verify.ts")).verify(flags(), options)));
  ledger
    .command("proof")
    .description("prove a result's or an original's record, or check such a proof without the data folder")
    .argument("[file]", "a masked file or an original; it is looked up by its SHA-256")
    .option("-o, --out <file>", "write the proof there (default: standard output)")
    .option("--heads <file>", "heads that were kept elsewhere: the proof must follow one of them")
    .option("--check <proof>", "check this proof")
    .option("--key <file>", "with --check: the public key that must have signed it")
    .action(async (file: string | undefined, options) =>
      done(await (await import("./ledger-proof.ts")).proof(flags(), file, options)),
    );
  queryOptions(ledger.command("find"))
    .description("look records up, oldest first")
    .option("--limit <number>", "how many", "50")
    .option("--json", "JSON Lines")
    .action(async (options) => done(await (await import("./ledger-find.ts")).find(flags(), options)));
  queryOptions(ledger.command("export"))
    .description("write records as a table or as JSON Lines, oldest first")
    .addOption(new Option("--format <format>").choices(["csv", "jsonl"]).makeOptionMandatory())
    .option("-o, --out <file>", "write them there (default: standard output)")
    .action(async (options) => done(await (await import("./ledger-find.ts")).exportRecords(flags(), options)));
  ledger
    .command("erase")
    .description("erase paths, digests of originals and persons of what has ended; everything keeps proving itself")
    .option("--before <date>", "of what ended before this date")
    .option("--path <path>", "of this original, or of those that a pattern names")
    .option("--yes", "do it; without it, only say what would be erased")
    .action(async (options) => done(await (await import("./ledger-erase.ts")).eraseRecords(flags(), options)));
  ledger
    .command("key")
    .description("print the public key that checks the ledger's signatures")
    .action(async () => done(await (await import("./ledger-verify.ts")).printKey(flags())));
}

function queryOptions(command: Command): Command {
  return command
    .option("--path <path>", "of this original, as in its store; with * ? [ a pattern")
    .option("--digest <sha256>", "of an original or a result")
    .option("--since <date>", "from this date or time on; a date alone begins at midnight UTC")
    .option("--until <date>", "before this one")
    .option("--outcome <outcomes>", "one or several, comma-separated: done, dead, held, masked, refused, …");
}
