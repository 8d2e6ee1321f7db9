import { startApp } from "../app.ts";
import { configFields } from "../config/fields.ts";
import type { ConfigFlags } from "../config/layers.ts";
import { rolesOf } from "../config/roles.ts";
import type { Config } from "../config.ts";
import { toProblem } from "../errors.ts";
import { createLog } from "../log.ts";
import { version } from "../version.ts";
import { configFor } from "./settings.ts";

/** `veil serve`: runs until Ctrl-C or a request to stop; 1 if it had to stop by itself. */
export async function serve(flags: ConfigFlags): Promise<number> {
  const config = configFor(flags);
  const human = process.stderr.isTTY === true;
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY === true);
  // On a terminal the screen stays short: only what needs attention.
  const level = human && config.origins.logLevel === "default" ? "warn" : config.logLevel;
  const log = createLog({ level, human });
  const app = await startApp(config, log);
  const { folder, routes = {} } = config;
  process.stdout.write(
    [
      "",
      `  veil ${version} is ready`,
      "",
      rolesOf(config).has("api") ? `  Page      ${app.address}` : `  Health    ${app.address}/healthz`,
      ...(config.origins.roles === "default" ? [] : [`  Roles     ${config.roles}`]),
      ...(folder.watch ? [`  Drop in   ${folder.input}`, `  Results   ${folder.output}`] : []),
      ...Object.entries(routes).map(([name, { from, to }]) => `  Route     ${name}: ${from} → ${to}`),
      `  Detector  ${app.detector.name}`,
      "  Stop      Ctrl-C",
      "",
      "",
    ].join("\n"),
  );
  // One after the other: each is a whole configuration.
  let reloading = Promise.resolve();
  // Asked to stop more than once, by a terminal and by npm, it still finishes once; kill -9 is the way to insist.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
    // Of a closed terminal it says that whoever started veil is gone; otherwise, that the configuration is another one.
    process.on("SIGHUP", () => {
      if (onTerminal) resolve();
      else reloading = reloading.then(reload);
    });
  });
  async function reload(): Promise<void> {
    try {
      const next = configFor(flags);
      const changed = await app.applyRoutes(next);
      log.info({ routes: changed }, "the configuration was read again");
      const later = settingsThatWait(config, next);
      if (later.length > 0) log.warn({ settings: later }, "these settings apply after a restart");
    } catch (error) {
      const { code, message } = toProblem(error);
      log.error({ code }, `the configuration stays as it was. ${message}`);
    }
  }
  const why = await Promise.race([
    stopped.then(() => undefined),
    app.ended.then(
      () => new Error("a part ended that should run on"),
      (error: unknown) => error,
    ),
  ]);
  if (why !== undefined) log.fatal({ err: why }, "veil must stop; start it again");
  if (human) process.stdout.write("\n  Finishing what is in work …\n");
  // What is cut off here is as after a power cut: leases bring it back.
  const deadline = setTimeout(() => {
    log.warn({ withinMs: config.jobs.stopWithinMs }, "what is in work did not end in time: it is done again");
    process.exit(why === undefined ? 0 : 1);
  }, config.jobs.stopWithinMs);
  await app.stop();
  clearTimeout(deadline);
  return why === undefined ? 0 : 1;
}

/** What has another value and is no route's: `folder` and, for routes, `policy` apply at once. */
function settingsThatWait(before: Config, after: Config): readonly string[] {
  const settingOf = (config: Config, path: string) =>
    path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], config);
  return configFields
    .filter(({ path, section }) => section !== "folder" && settingOf(before, path) !== settingOf(after, path))
    .map(({ path }) => path);
}
