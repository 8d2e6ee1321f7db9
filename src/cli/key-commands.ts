import { type Command, Option } from "commander";
import type { ConfigFlags } from "../config/layers.ts";
import { accessRoles } from "../core/access.ts";

const examples = `
Roles: submit hands pictures in, read sees routes and jobs, review sees originals and decides on held ones,
audit reads the ledger, admin sends back and pauses. docs/security.md says it in full.

Examples:
  veil keys create "ward 7" --role submit --days 365
  veil keys create anna --role review --role read`;

/** `veil keys …`: what programs, and people without an identity provider, log in with. */
export function addKeyCommands(program: Command, flags: () => ConfigFlags, done: (exitCode: number) => void): void {
  const keys = program.command("keys").description("API keys: who may come in, and what each may do");
  keys
    .command("create")
    .description("make a key and print it, this once")
    .argument("<name>", "whose it is, as the ledger will name it")
    .addOption(
      new Option("--role <role>", "what it may do; repeatable")
        .choices(accessRoles)
        .argParser((value: string, list: readonly string[] = []) => [...list, value])
        .makeOptionMandatory(),
    )
    .option("--days <number>", "for how long it is good (default: until it is revoked)")
    .addHelpText("after", examples)
    .action(async (name: string, options) => {
      done(await (await import("./keys.ts")).createKey(flags(), name, options));
    });
  keys
    .command("list", { isDefault: true })
    .description("which there are, the newest first")
    .option("--json", "machine-readable")
    .action(async (options) => {
      done(await (await import("./keys.ts")).listKeys(flags(), options));
    });
  keys
    .command("revoke")
    .description("let a key, and what was begun with it, open nothing any more")
    .argument("<id>", "as veil keys list shows it")
    .action(async (id: string) => {
      done(await (await import("./keys.ts")).revokeKey(flags(), id));
    });
}
