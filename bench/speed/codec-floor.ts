// One process of the codec floor: decodes and encodes the JPEGs that it is told of, and nothing else.
import sharp from "sharp";

sharp.concurrency(1);
sharp.cache(false);

process.on("message", ({ from, to }: { from: string; to: string }) => {
  sharp(from)
    .jpeg({ quality: 90 })
    .toFile(to)
    .then(() => process.send!("next"));
});
process.send!("next");
