import { startApp } from "../app.ts";
import type { ConfigFlags } from "../config/layers.ts";
import { createLog } from "../log.ts";
import { version } from "../version.ts";
import { configFor } from "./settings.ts";

/** `veil serve`: runs until Ctrl-C or a request to stop; 1 if it had to stop by itself. */
export async function serve(flags: ConfigFlags): Promise<number> {
  const config = configFor(flags);
  const human = process.stderr.isTTY === true;
  // On a terminal the screen stays short: only what needs attention.
  const level = human && config.origins.logLevel === "default" ? "warn" : config.logLevel;
  const log = createLog({ level, human });
  const app = await startApp(config, log);
  const { folder } = config;
  process.stdout.write(
    [
      "",
      `  veil ${version} is ready`,
      "",
      `  Page      ${app.address}`,
      ...(folder.watch ? [`  Drop in   ${folder.input}`, `  Results   ${folder.output}`] : []),
      `  Detector  ${app.detector.name}`,
      "  Stop      Ctrl-C",
      "",
      "",
    ].join("\n"),
  );
  // Asked to stop more than once, by a terminal and by npm, it still finishes once; kill -9 is the way to insist.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  const why = await Promise.race([
    stopped.then(() => undefined),
    app.ended.then(
      () => new Error("a part ended that should run on"),
      (error: unknown) => error,
    ),
  ]);
  if (why !== undefined) log.fatal({ err: why }, "veil must stop; start it again");
  if (human) process.stdout.write("\n  Finishing what is in work …\n");
  await app.stop();
  return why === undefined ? 0 : 1;
}
