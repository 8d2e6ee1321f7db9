import type { ConfigFlags } from "../config/layers.ts";
import { bundledDetector } from "../core/detector.ts";
import { claimDataFolder } from "../data-claim.ts";
import { placesIn } from "../data-places.ts";
import { addModel, fetchModel, modelState } from "../engine/model-folder.ts";
import { modelEntry } from "../engine/model-manifest.ts";
import { Problem } from "../errors.ts";
import { createOutbound } from "../outbound.ts";
import { chooseDetector } from "./models.ts";
import { configFor } from "./settings.ts";

/** A first start must not hang on a network that swallows requests. */
const fetchTimeoutMs = 10_000;
const outbound = createOutbound({ timeoutMs: fetchTimeoutMs, remedy: "Add it from a file." });

/**
 * Chooses the detector once: YuNet where its model can be had, the bundled one elsewhere. It is written into the
 * configuration, so that the same configuration never finds more one day than on another.
 */
export async function setUp(flags: ConfigFlags): Promise<void> {
  const config = configFor(flags);
  if (config.origins.detector !== "default") return;
  // Somebody else's file is not for veil to change.
  if (flags.config !== undefined || process.env.VEIL_CONFIG) return;
  await claimDataFolder(config.dataDir);
  const { models } = placesIn(config.dataDir);
  const entry = modelEntry("yunet");
  const found = async () => {
    if ((await modelState(models, entry)) === "ready") return true;
    process.stderr.write(
      `Fetching the face detector YuNet (${entry.licence}, ${Math.round(entry.bytes / 1000)} kB) … `,
    );
    try {
      const bytes = await fetchModel(entry, { timeoutMs: fetchTimeoutMs, fetch: outbound });
      await addModel(models, entry, bytes, entry.source!);
      process.stderr.write("here\n");
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      process.stderr.write("not to be had\n");
      process.stderr.write(
        `  ${error.message}.\n  veil uses ${bundledDetector}, which finds fewer small faces. To have YuNet later:\n` +
          `  npx veil${flags.dataDir === undefined ? "" : ` --data-dir ${flags.dataDir}`} models add yunet --use      (or with --file FILE, where there is no network)\n`,
      );
      return false;
    }
  };
  await chooseDetector(flags, (await found()) ? entry.name : bundledDetector);
}
