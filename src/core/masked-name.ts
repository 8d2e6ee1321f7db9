/** File name extensions by what they stand for, the usual one first. */
const extensions: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "image/jpeg": ["jpg", "jpeg", "jpe", "jfif"],
  "image/png": ["png"],
  "image/webp": ["webp"],
  "image/avif": ["avif"],
  "image/tiff": ["tiff", "tif"],
  "image/gif": ["gif"],
  "image/heic": ["heic", "heif", "hif"],
};

/**
 * The name of a result that is handed to a person or laid beside its original: NAME-masked.EXT, with an extension that
 * fits the content. In a folder of results alone the original's own name stays (`outputKey`). See docs/names.md.
 */
export function maskedName(name: string, contentType: string): string {
  const { stem, extension } = split(name);
  const fitting = extensions[contentType];
  const kept = extension !== "" && typeOf(extension) === contentType;
  const ending = kept ? extension : (fitting?.[0] ?? extension);
  return `${stem === "" ? "masked" : `${stem}-masked`}${ending === "" ? "" : `.${ending}`}`;
}

/** Whether a name's extension says another kind of picture than the content is; one that names no kind says nothing. */
export function misnames(name: string, contentType: string): boolean {
  const said = typeOf(split(name).extension);
  return said !== undefined && said !== contentType;
}

/** Whether an extension, without its dot, stands for that kind of picture. */
export function isExtensionOf(extension: string, contentType: string): boolean {
  return extensions[contentType]?.includes(extension) ?? false;
}

/** The usual extension of a kind of picture, with its dot; nothing for an unknown kind. */
export function usualExtension(contentType: string): string {
  const [usual] = extensions[contentType] ?? [];
  return usual === undefined ? "" : `.${usual}`;
}

/** A dot that no picture's extension follows belongs to the name: `scan.v2`. */
function split(name: string): { readonly stem: string; readonly extension: string } {
  const dot = name.lastIndexOf(".");
  const extension = name.slice(dot + 1);
  if (dot < 0 || typeOf(extension) === undefined) return { stem: name, extension: "" };
  return { stem: name.slice(0, dot), extension };
}

function typeOf(extension: string): string | undefined {
  const lower = extension.toLowerCase();
  return Object.keys(extensions).find((type) => extensions[type]!.includes(lower));
}
