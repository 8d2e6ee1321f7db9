import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  /** One more is through; `worked` is false for what makes no rate: done before, no picture, failed. */
  tick(worked: boolean): void;
  stop(): void;
  /** For the summary, for example `12.3 pictures a second`. */
  rate(): string;
}

/** A bar with rate and time left on a terminal; silent elsewhere. */
export function createProgress(total: number): Progress {
  const started = performance.now();
  let worked = 0;
  const perSecond = () => worked / Math.max((performance.now() - started) / 1000, 0.001);
  const format = " {bar} {value}/{total}  {rate} a second  {eta_formatted} left";
  const bar = process.stderr.isTTY
    ? new SingleBar({ format, stream: process.stderr, hideCursor: true, etaBuffer: 100 }, Presets.shades_classic)
    : undefined;
  bar?.start(total, 0, { rate: "-" });
  return {
    tick(did) {
      if (did) worked++;
      bar?.increment({ rate: perSecond().toFixed(1) });
    },
    stop: () => bar?.stop(),
    rate: () => `${perSecond().toFixed(1)} pictures a second`,
  };
}
