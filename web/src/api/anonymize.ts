import type { AnonymizedItem, DetectResponse, GivenBox } from "../../../src/http/schema.ts";
import { apiUrl, asTrouble, offline } from "./answer.ts";

export interface UploadOptions {
  readonly query: Readonly<Record<string, string>>;
  /** 0 to 1 of the bytes sent; 1 means that the server has them all. */
  readonly onSent: (share: number) => void;
  readonly signal: AbortSignal;
}

/** Masks one photo, with `boxes` exactly those regions; throws an Error whose cause is a Trouble. */
export async function anonymize(file: File, boxes: readonly GivenBox[] | undefined, options: UploadOptions) {
  const form = new FormData();
  if (boxes) form.append("regions", JSON.stringify(boxes));
  form.append("image", file, file.name);
  const item = await upload<AnonymizedItem>("anonymize", form, {
    ...options,
    query: { ...options.query, detail: "1" },
  });
  if (item.problem) throw new Error(item.problem.title, { cause: item.problem });
  return item;
}

/** Finds faces without masking them; throws an Error whose cause is a Trouble. */
export function detect(file: File, options: UploadOptions): Promise<DetectResponse> {
  const form = new FormData();
  form.append("image", file, file.name);
  return upload<DetectResponse>("detect", form, options);
}

/** XMLHttpRequest, because fetch can't tell how much of a body has been sent. */
function upload<T>(path: string, form: FormData, { query, onSent, signal }: UploadOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.throwIfAborted();
    signal.addEventListener("abort", abort);
    request.open("POST", apiUrl(path, query));
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0);
    request.upload.onload = () => onSent(1);
    request.onload = () => {
      if (request.status === 200 && request.response) return resolve(request.response as T);
      const trouble = asTrouble(request.response, request.status);
      reject(new Error(trouble.title || trouble.detail, { cause: trouble }));
    };
    request.onerror = () => reject(new Error("no answer", { cause: offline }));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.send(form);
  });
}
