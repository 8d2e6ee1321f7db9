const endings = /\.(part|partial|crdownload|opdownload|download|filepart|tmp|temp|swp|swo|swx)$/i;
// rsync writes .NAME.XXXXXX and renames it.
const rsync = /^\..+\.[A-Za-z0-9]{6}$/;

/**
 * What a file's name says it is while another program still writes it, by its ending; nothing for a finished one. Such a
 * file can hold a whole picture, which gets its own name in the end and is taken then.
 */
export function unfinishedKind(key: string): string | undefined {
  const name = key.slice(key.lastIndexOf("/") + 1);
  const ending = endings.exec(name)?.[0];
  if (ending !== undefined) return `unfinished file (${ending.toLowerCase()})`;
  if (name.startsWith(".goutputstream-")) return "unfinished file (GNOME)";
  return rsync.test(name) ? "unfinished file (rsync)" : undefined;
}
