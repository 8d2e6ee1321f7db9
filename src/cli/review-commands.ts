import type { Command } from "commander";
import type { ConfigFlags } from "../config/layers.ts";

const examples = `
Examples:
  veil review list
  veil review show ID --to look.jpg           the picture as it would be masked, with every region drawn
  veil review show ID --json > regions.json   change its regions, then:
  veil review approve ID --regions regions.json
  veil review reject ID --reason 'not to be shown'`;

/** `veil review …`: each command loads its own parts and tells its exit code. */
export function addReviewCommands(program: Command, flags: () => ConfigFlags, done: (exitCode: number) => void): void {
  const review = program
    .command("review")
    .description("decide on pictures in doubt, which policy.verify: hold leaves to a person")
    .addHelpText("after", examples);
  review
    .command("list", { isDefault: true })
    .description("what waits for a person, newest first")
    .option("--route <name>", "of this route")
    .option("--limit <number>", "how many", "20")
    .option("--json", "machine-readable")
    .action(async (options) => done(await (await import("./review.ts")).listReviews(flags(), options)));
  review
    .command("show")
    .description("why a picture is held, and what each look found in it")
    .argument("<id>", "a job, as veil review list shows it")
    .option("--to <file.jpg>", "write it as it would be masked, with the regions drawn, to this new file")
    .option("--json", "machine-readable; its regions can be changed and given back")
    .action(async (id: string, options) => done(await (await import("./review.ts")).showReview(flags(), id, options)));
  review
    .command("approve")
    .description("have it masked with all that both looks found, or with other regions")
    .argument("<id>", "a held job")
    .option("--regions <file>", 'exactly these: {"regions":[{"box":{"x":1,"y":2,"width":3,"height":4}}]}')
    .option("--no-faces", "you see that there is no face: the picture is written anew without masks")
    .action(async (id: string, options) =>
      done(await (await import("./review.ts")).approveReview(flags(), id, options)),
    );
  review
    .command("reject")
    .description("end it without output; the original stays, and is not looked at again")
    .argument("<id>", "a held job")
    .option("--reason <text>", "why: it is kept in the ledger")
    .action(async (id: string, options) =>
      done(await (await import("./review.ts")).rejectReview(flags(), id, options)),
    );
}
