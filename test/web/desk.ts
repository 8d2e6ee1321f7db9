import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Locator, Page } from "playwright-core";
import { until } from "../e2e/program.ts";

/** A file as a browser is given it. */
export interface GivenFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A file of the disk, under a name. */
export async function given(path: string, name = basename(path), mimeType = "image/png"): Promise<GivenFile> {
  return { name, mimeType, buffer: await readFile(path) };
}

/** Chooses files the way the file dialog does. */
export async function choose(page: Page, files: readonly GivenFile[]): Promise<void> {
  await page
    .locator("input[type=file]")
    .first()
    .setInputFiles([...files]);
}

/** Drops a file where the page takes files, else just on it, or pastes it: all hand a DataTransfer over. */
export async function handOver(page: Page, event: "drop" | "paste", file: GivenFile): Promise<void> {
  const text = JSON.stringify({ ...file, buffer: file.buffer.toString("base64") });
  await page.evaluate(`(() => {
    const { name, mimeType, buffer } = ${text};
    const bytes = Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: mimeType }));
    const event = ${JSON.stringify(event)};
    if (event === "paste") return document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    const target = document.querySelector("input[type=file]")?.parentElement ?? document.body;
    for (const type of ["dragenter", "dragover", "drop"]) {
      target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  })()`);
}

/** Waits until so many of the photos on the desk are masked. */
export async function masked(page: Page, done: number, all = done): Promise<void> {
  await page.getByText(`${done} of ${all} done`).first().waitFor({ timeout: 30_000 });
}

/** Does something that masks the photo again, and waits for that. */
export async function masksAgain(page: Page, action: () => Promise<unknown>): Promise<void> {
  const answer = page.waitForResponse((response) => response.url().includes("/api/v1/anonymize"));
  await action();
  await answer;
  await until("the photo is masked again", () => downloadButton(page).isEnabled(), 15_000);
}

/** The masked picture as the download button gives it. */
export async function download(page: Page, button: Locator = downloadButton(page)) {
  const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** Drags from one point of the photo to another, in its own pixels. */
export async function drag(page: Page, size: number, from: readonly [number, number], to: readonly [number, number]) {
  const layer = page.locator(".a9s-annotationlayer");
  await layer.waitFor();
  const { x, y, width, height } = (await layer.boundingBox())!;
  const place = ([left, top]: readonly [number, number]) =>
    [x + (left * width) / size, y + (top * height) / size] as const;
  await page.mouse.move(...place(from));
  await page.mouse.down();
  await page.mouse.move(...place(to), { steps: 8 });
  await page.mouse.up();
}

/** The rows of the list of regions. */
export function regionRows(page: Page): Locator {
  return page.getByRole("region", { name: /^Regions/ }).getByRole("listitem");
}

/** A choice of style, strength, profile or mode by its label. */
export function choice(page: Page, label: string): Locator {
  return page.locator("label", { hasText: new RegExp(`^${label}$`) });
}

function downloadButton(page: Page): Locator {
  return page.getByRole("button", { name: "Download", exact: true });
}
